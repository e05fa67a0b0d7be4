#!/usr/bin/env python3
"""Makes config/ocsf/ocsf-<version>.json, the compact table mappings are checked against, from a checkout of ocsf-schema.

usage: tools/ocsf_table.py SCHEMA_DIR OUTPUT.json

Inheritance, $include and profiles are resolved. Per class and object: attribute -> [type, flags, enum?]; flags: r required,
a array, p:<profile> only with that profile. Captions and descriptions are left out, except those of enum values and classes.
"""
import json
import os
import sys

schema = sys.argv[1]

def read(*parts):
    with open(os.path.join(schema, *parts), encoding="utf-8") as source:
        return json.load(source)

def walk(folder):
    found = []
    for base, _, names in sorted(os.walk(os.path.join(schema, folder))):
        for name in sorted(names):
            if name.endswith(".json"):
                found.append(json.load(open(os.path.join(base, name), encoding="utf-8")))
    return found

dictionary = read("dictionary.json")
attributes = dict(dictionary["attributes"])
types = dictionary["types"]["attributes"]
items = {"events": {}, "objects": {}}
for kind in items:
    for folder in (kind, os.path.join("extensions", "windows", kind)):
        extension = folder.startswith("extensions")
        for item in walk(folder) if os.path.isdir(os.path.join(schema, folder)) else []:
            item["_extension"] = extension
            name = item.get("name") or item["extends"]
            if name in items[kind] or ("name" not in item and extension):      # an extension patches the core item
                known = items[kind].get(item.get("name") or item["extends"])
                known["attributes"] = {**known["attributes"], **item["attributes"]}
                known.setdefault("constraints", {}).update(item.get("constraints", {}))
            else:
                items[kind][name] = item
attributes.update(read("extensions", "windows", "dictionary.json")["attributes"])
categories = read("categories.json")["attributes"]

def expand(attrs, profile=None):
    """Own attributes with $include resolved: [(name, definition, profile)]."""
    for name, body in attrs.items():
        if name == "$include":
            for path in [body] if isinstance(body, str) else body:
                included = read(path)
                tag = included["name"] if included.get("meta") == "profile" else profile
                yield from expand(included["attributes"], tag)
        else:
            yield name, body, profile

def resolve(kind, name, seen=()):
    item = items[kind][name]
    base, constraints = {}, {}
    if item.get("extends") and item["extends"] != name:
        base, constraints = resolve(kind, item["extends"], seen + (name,))
        base = {k: dict(v) for k, v in base.items()}
    for attribute, body, profile in expand(item.get("attributes", {})):
        if body is None:
            base.pop(attribute, None)
            continue
        merged = base.get(attribute, {})
        merged = {**merged, **{k: v for k, v in body.items() if k != "enum"}}
        merged["enum"] = {**base.get(attribute, {}).get("enum", {}), **body.get("enum", {})}
        if "profile" in body:
            merged["profile"] = body["profile"]
        elif profile:
            merged["profile"] = profile
        elif attribute in base and not profile:
            merged["profile"] = base[attribute].get("profile")
        base[attribute] = merged
    return base, {**constraints, **item.get("constraints", {})}

def compact(kind, name):
    resolved, constraints = resolve(kind, name)
    out = {}
    for attribute, body in sorted(resolved.items()):
        entry = attributes.get(attribute, {})
        type_name = body.get("type") or entry.get("type", "string_t")
        profile = body.get("profile")
        profile = profile[0] if isinstance(profile, list) else profile
        flags = ("r" if body.get("requirement") == "required" else "") + ("a" if body.get("is_array", entry.get("is_array")) else "")
        enum = {**entry.get("enum", {}), **body.get("enum", {})}
        row = [type_name, flags, {k: v.get("caption", k) for k, v in enum.items()} if enum else None, profile,
               body.get("sibling") or entry.get("sibling")]
        while row and not row[-1]:
            row.pop()
        out[attribute] = row
    return out, constraints

def main():
    version = read("version.json")["version"]
    table = {"version": version, "types": {}, "classes": {}, "objects": {}}
    for name, body in types.items():
        table["types"][name] = {k: body[k] for k in ("type", "regex", "range", "max_len") if k in body}
    for name in items["objects"]:
        body, constraints = compact("objects", name)
        table["objects"][name] = {"attributes": body, **({"constraints": constraints} if constraints else {})}
    for name, item in items["events"].items():
        category = next((c for c in reversed(lineage(name)) if c), None) or "other"
        if "uid" not in item and name != "base_event":
            continue
        body, constraints = compact("events", name)
        category_uid = categories.get(category, {}).get("uid", 0)
        # Numbers of an extension's classes carry the extension's uid.
        uid = (200000 if item["_extension"] else 0) + category_uid * 1000 + item.get("uid", 0)
        body["class_uid"][2] = {str(uid): item["caption"]}
        body["category_uid"][2] = {str(category_uid): categories.get(category, {}).get("caption", "Uncategorized")}
        body["type_uid"] = body["type_uid"][:2]
        table["classes"][name] = {"uid": uid, "caption": item["caption"], "category_uid": category_uid,
                                  "category": categories.get(category, {}).get("caption", "Uncategorized"), "attributes": body,
                                  **({"constraints": constraints} if constraints else {})}
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        json.dump(table, out, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
        out.write("\n")
    print(len(table["classes"]), "classes,", len(table["objects"]), "objects")

def lineage(name):
    found, seen = [], set()
    while name and name not in seen:
        seen.add(name)
        found.append(items["events"][name].get("category"))
        name = items["events"][name].get("extends")
    return list(reversed(found))

main()
