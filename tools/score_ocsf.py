#!/usr/bin/env python3
"""Compares what `soc normalize` makes of labelled records with the OCSF records expected of them: the class, and the attributes both have.

usage: tools/score_ocsf.py FOLDER [--soc BINARY] [--show N]
  FOLDER   <product>/<name>.<ending> beside <product>/<name>.expected.txt: JSON with bare keys and times, one record after the other
  --show   the differences, at most N of each attribute
Attributes of the processing itself (metadata, raw text, what is unmapped) and captions beside a number are not compared.
"""
import argparse
import collections
import datetime
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LEFT_OUT = re.compile(r"^(metadata|unmapped|raw_data|raw_data_size|enrichments|observables|type_name|class_name|category_name|"
                      r"activity_name|message|count)\b")
TOKEN = re.compile(r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z?)|(?P<duration>-?\d+(?:\.\d+)?(?:ns|us|µs|ms|s|min|m|h|d)\b)"""
                   r"""|(?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|(?P<net>[0-9a-fA-F:]+:[0-9a-fA-F:.]*|\d+\.\d+\.\d+\.\d+(?:/\d+)?)"""
                   r"""|(?P<word>[A-Za-z_][\w-]*)|(?P<mark>[{}\[\]:,]))""")


class reading:
    """The expected records of a file."""

    def __init__(self, text):
        self.tokens, at = [], 0
        text = text.strip()
        while at < len(text):
            # An address begins like a number.
            found = re.compile(r"\s*(?P<net>\d+\.\d+\.\d+\.\d+(?:/\d+)?|[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*)(?=[\s,\]}])").match(text, at) \
                or TOKEN.match(text, at)
            if not found:
                raise ValueError(f"unreadable at {at}: {text[at:at + 40]!r}")
            self.tokens.append((found.lastgroup, found.group(found.lastgroup)))
            at = found.end()
        self.at = 0

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def value(self):
        kind, text = self.take()
        if kind == "mark" and text == "{":
            out = {}
            while self.tokens[self.at][1] != "}":
                key_kind, key = self.take()
                key = json.loads(key) if key_kind == "text" else key
                self.take()   # :
                out[key] = self.value()
                if self.tokens[self.at][1] == ",":
                    self.take()
            self.take()
            return out
        if kind == "mark" and text == "[":
            out = []
            while self.tokens[self.at][1] != "]":
                out.append(self.value())
                if self.tokens[self.at][1] == ",":
                    self.take()
            self.take()
            return out
        if kind == "text":
            return json.loads(text)
        if kind == "time":
            digits = re.sub(r"(\.\d{6})\d*", r"\1", text.rstrip("Z"))
            form = "%Y-%m-%dT%H:%M:%S" + (".%f" if "." in digits else "")
            when = datetime.datetime.strptime(digits, form).replace(tzinfo=datetime.timezone.utc)
            return round(when.timestamp() * 1000)
        if kind == "duration":
            number, unit = re.match(r"(-?[\d.]+)(.*)", text).groups()
            return round(float(number) * {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1e3, "m": 6e4, "min": 6e4, "h": 3.6e6, "d": 8.64e7}[unit])
        if kind == "number":
            return json.loads(text) if not re.match(r"-?0\d", text) else text
        return {"null": None, "true": True, "false": False}.get(text, text)

    def all(self):
        out = []
        while self.at < len(self.tokens):
            out.append(self.value())
        return out


def leaves(value, path=""):
    if isinstance(value, dict):
        for name, member in value.items():
            yield from leaves(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for i, member in enumerate(value):
            yield from leaves(member, f"{path}[{i}]")
    elif value is not None and value != "":
        yield path, value


def same(a, b):
    if isinstance(a, str) and isinstance(b, str):
        return a.strip().lower() == b.strip().lower()
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return abs(a - b) <= max(1, abs(a) * 1e-9) if max(abs(a), abs(b)) > 1e9 else a == b
    return str(a).lower() == str(b).lower()


def normalized(soc, file):
    done = subprocess.run([soc, "normalize", "--as", "ocsf", file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return [json.loads(line) for line in done.stdout.decode("utf-8", "replace").splitlines() if line]


def paired(wanted, got):
    """Each expected record with the one of ours that has most in common with it: they need not come in the same order."""
    ours = [dict(leaves(record)) for record in got]
    for expected in wanted:
        theirs = list(leaves(expected))
        best = max(range(len(ours)), default=None, key=lambda i: sum(path in ours[i] and same(value, ours[i][path]) for path, value in theirs))
        yield expected, ours.pop(best) if best is not None else None


def main():
    options = argparse.ArgumentParser()
    options.add_argument("folder")
    options.add_argument("--soc", default=os.path.join(ROOT, "build", "release", "soc"))
    options.add_argument("--show", type=int, default=0)
    options = options.parse_args()
    table, differences = collections.OrderedDict(), collections.defaultdict(list)
    for product in sorted(os.listdir(options.folder)):
        row = table.setdefault(product, collections.Counter())
        for name in sorted(os.listdir(os.path.join(options.folder, product))):
            if not name.endswith(".expected.txt"):
                continue
            stem = name[:-len(".expected.txt")]
            inputs = [f for f in os.listdir(os.path.join(options.folder, product)) if f.startswith(stem + ".") and f != name]
            wanted = reading(open(os.path.join(options.folder, product, name), encoding="utf-8").read()).all()
            got = normalized(options.soc, os.path.join(options.folder, product, inputs[0]))
            for expected, mine in paired(wanted, got):
                row["records"] += 1
                if mine is None:
                    differences["class_uid"].append((f"{product}/{stem}", expected.get("class_uid"), "nothing"))
                    continue
                if expected.get("class_uid") != mine["class_uid"]:
                    differences["class_uid"].append((f"{product}/{stem}", expected.get("class_uid"), mine["class_uid"]))
                    continue
                row["class"] += 1
                for path, value in leaves(expected):
                    if LEFT_OUT.match(path) or path not in mine:
                        continue
                    row["shared"] += 1
                    row["agree"] += same(value, mine[path])
                    if not same(value, mine[path]):
                        differences[path].append((f"{product}/{stem}", value, mine[path]))
    print("| Product | Records | Class agrees | Shared attributes | Agree |\n|---|---|---|---|---|")
    total = collections.Counter()
    for product, row in table.items():
        if row["records"]:
            total.update(row)
            print(f"| {product} | {row['records']} | {row['class']} | {row['shared']} | {row['agree']} |")
    print(f"| all | {total['records']} | {total['class']} ({100 * total['class'] / max(1, total['records']):.1f} %) | {total['shared']} | "
          f"{total['agree']} ({100 * total['agree'] / max(1, total['shared']):.1f} %) |")
    for path, found in sorted(differences.items(), key=lambda item: -len(item[1])) if options.show else ():
        for where, expected, got in found[:options.show]:
            print(f"{path}: {where}: expected {expected!r}, got {got!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
