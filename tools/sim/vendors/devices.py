"""FortiGate, PAN-OS, Cortex XDR, an endpoint service of our own contract, Kubernetes."""
import hashlib
import ipaddress
import itertools
import json
import re
import time
import xml.etree.ElementTree as tree

from base import Refused, Vendor


class Fortigate(Vendor):
    name, calls_per_second = "fortigate", 20

    def __init__(self, secrets):
        super().__init__(secrets)
        self.objects = {"address": {"none": {}}, "address6": {"none6": {}}}
        self.groups = {"addrgrp": {"soc4": ["none"]}, "addrgrp6": {"soc6": ["none6"]}}

    def answer(self, request):
        self.bearer(request)
        parts = request.parts
        if parts[:4] != ["api", "v2", "cmdb", "firewall"] or request.argument("vdom") != "root":
            raise Refused(404, {"http_status": 404})
        table = parts[4]
        if table in self.objects:
            return self.object(request, table, parts[5:])
        return self.member(request, table, self.groups[table][parts[5]], parts[6:])

    def object(self, request, table, rest):
        known = self.objects[table]
        if request.method == "POST" and not rest:
            given = request.json()
            if given["name"] in known:
                return 500, {"error": -5, "http_status": 500, "status": "error"}
            net = ipaddress.ip_network(given["subnet"] if table == "address" else given["ip6"])
            if (net.version == 6) != (table == "address6") or given["type"] != ("ipprefix" if table == "address6" else "ipmask") or len(given["name"]) > 79:
                raise Refused(500, {"error": -651, "http_status": 500})
            known[given["name"]] = given
            return 200, {"status": "success", "mkey": given["name"]}
        if request.method == "DELETE" and rest:
            if rest[0] not in known:
                return 404, {"http_status": 404, "status": "error"}
            if any(rest[0] in members for groups in self.groups.values() for members in groups.values()):
                return 424, {"error": -23, "http_status": 424, "status": "error"}
            del known[rest[0]]
            return 200, {"status": "success"}
        raise Refused(405, {"http_status": 405})

    def member(self, request, table, members, rest):
        if rest[:1] != ["member"]:
            raise Refused(404, {"http_status": 404})
        if request.method == "POST":
            name = request.json()["name"]
            if name not in self.objects[table.replace("addrgrp", "address")]:
                raise Refused(500, {"error": -3, "http_status": 500})
            if name in members:
                return 500, {"error": -15, "http_status": 500, "status": "error"}
            members.append(name)
            return 200, {"status": "success"}
        if rest[1] not in members:
            return 404, {"http_status": 404, "status": "error"}
        if request.method == "DELETE":
            if len(members) == 1:
                raise Refused(500, {"error": -61, "http_status": 500})  # a group is never empty
            members.remove(rest[1])
        return 200, {"status": "success", "results": [{"name": rest[1]}]}

    def state(self):
        return {"blocked": sorted(name[4:] for groups in self.groups.values() for members in groups.values() for name in members if name.startswith("soc-"))}


class Panos(Vendor):
    name = "panos"

    def __init__(self, secrets):
        super().__init__(secrets)
        self.tagged = {"192.0.2.7": {"theirs"}}

    def answer(self, request):
        if request.headers.get("x-pan-key") != self.secrets["token"]:
            raise Refused(403, "<response status = 'error' code = '403'><result><msg>Invalid Credential</msg></result></response>")
        form = request.form()
        command = tree.fromstring(form["cmd"])
        if request.path != "/api/" or form["vsys"] != "vsys1":
            raise Refused(400, "<response status='error'/>")
        if form["type"] == "op":
            address = command.find("object/registered-ip/ip").text
            tags = self.tagged.get(address, set())
            entries = f'<entry ip="{address}" from_agent="0" persistent="1"><tag>{"".join(f"<member>{tag}</member>" for tag in sorted(tags))}</tag></entry>' if tags else ""
            return 200, f'<response status="success"><result>{entries}<count>{1 if tags else 0}</count></result></response>'
        for verb in ("register", "unregister"):
            for entry in command.findall(f"payload/{verb}/entry"):
                answer = self.tag(verb, entry.get("ip"), entry.find("tag/member"))
                if answer:
                    return 200, answer
        return 200, '<response status="success"><result><uid-response><version>2.0</version><payload></payload></uid-response></result></response>'

    def tag(self, verb, address, member):
        ipaddress.ip_address(address)
        tags = self.tagged.setdefault(address, set())
        if verb == "register":
            if not 1 <= int(member.get("timeout")) <= 2_592_000:
                raise Refused(200, '<response status="error"><msg><line>timeout is out of range</line></msg></response>')
            if member.text in tags:
                return f'<response status="error"><msg><line><uid-response><payload><register><entry ip="{address}" message="tag {member.text} already exists, ignore"/></register></payload></uid-response></line></msg></response>'
            tags.add(member.text)
        elif member.text not in tags:
            return f'<response status="error"><msg><line><uid-response><payload><unregister><entry ip="{address}" message="tag {member.text} does not exist, ignore unreg"/></unregister></payload></uid-response></line></msg></response>'
        else:
            tags.discard(member.text)
        return None

    def state(self):
        return {"blocked": sorted(ip for ip, tags in self.tagged.items() if "soc-blocked" in tags)}


class Cortex(Vendor):
    name = "cortex_xdr"

    def __init__(self, secrets):
        super().__init__(secrets)
        self.endpoints = {"e1": {"endpoint_id": "e1", "endpoint_name": "fs1", "last_seen": 5, "is_isolated": "AGENT_UNISOLATED"}}
        self.pending, self.hashes, self.files, self.nonces = {}, set(), set(), set()

    def answer(self, request):
        key, nonce, stamp = self.secrets["token"], request.headers.get("x-xdr-nonce", ""), request.headers.get("x-xdr-timestamp", "0")
        if request.headers.get("x-xdr-auth-id") != "7" or len(nonce) < 16 or nonce in self.nonces or abs(int(stamp) / 1000 - time.time()) > 300 \
                or request.headers.get("authorization") != hashlib.sha256((key + nonce + stamp).encode()).hexdigest():
            raise Refused(401, {"reply": {"err_code": 401, "err_msg": "Public API request unauthorized"}})
        self.nonces.add(nonce)
        given = request.json()["request_data"]
        for endpoint, (at, state) in list(self.pending.items()):
            if time.time() >= at:
                self.endpoints[endpoint]["is_isolated"] = state
                del self.pending[endpoint]
        return 200, {"reply": getattr(self, "do_" + "_".join(request.path.strip("/").split("/")[2:]))(given)}

    def do_endpoints_get_endpoint(self, given):
        one = given["filters"][0]
        if one["field"] != "hostname" or one["operator"] != "in":
            raise Refused(500, {"reply": {"err_code": 500, "err_msg": "bad filter"}})
        found = [e for e in self.endpoints.values() if e["endpoint_name"] in one["value"]]
        return {"total_count": len(found), "result_count": len(found), "endpoints": found}

    def isolation(self, given, pending, final):
        self.endpoints[given["endpoint_id"]]["is_isolated"] = pending
        self.pending[given["endpoint_id"]] = time.time() + 1.0, final
        return {"action_id": 1, "status": "1", "endpoints_count": 1}

    def do_endpoints_isolate(self, given):
        return self.isolation(given, "AGENT_PENDING_ISOLATION", "AGENT_ISOLATED")

    def do_endpoints_unisolate(self, given):
        return self.isolation(given, "AGENT_PENDING_ISOLATION_CANCELLATION", "AGENT_UNISOLATED")

    def do_endpoints_quarantine(self, given):
        if given["filters"][0] != {"field": "endpoint_id_list", "operator": "in", "value": ["e1"]} or not re.fullmatch("[0-9a-f]{64}", given["file_hash"]):
            raise Refused(500, {"reply": {"err_code": 500}})
        self.files.add((given["file_path"], given["file_hash"]))
        return {"action_id": 2}

    def do_quarantine_status(self, given):
        return [{**file, "status": (file["file_path"], file["file_hash"]) in self.files} for file in given["files"]]

    def do_endpoints_restore(self, given):
        self.files = {(path, digest) for path, digest in self.files if digest != given["file_hash"]}
        return {"action_id": 3}

    def do_hash_exceptions_blocklist(self, given):
        if any(not re.fullmatch("[0-9a-f]{64}", digest) for digest in given["hash_list"]):
            raise Refused(500, {"reply": {"err_code": 500, "err_extra": "not SHA-256"}})
        self.hashes |= set(given["hash_list"])
        return True

    def do_hash_exceptions_blocklist_remove(self, given):
        self.hashes -= set(given["hash_list"])
        return True

    def state(self):
        return {"isolated": self.endpoints["e1"]["is_isolated"] in ("AGENT_ISOLATED", "AGENT_PENDING_ISOLATION"), "blocked": sorted(self.hashes), "quarantined": sorted(path for path, _ in self.files)}


class Edr(Vendor):
    """The contract of connectors/targets/generic_edr/component.yaml."""
    name, hiccups = "generic_edr", 1

    def __init__(self, secrets):
        super().__init__(secrets)
        self.isolated, self.running, self.quarantine, self.hashes, self.evidence = set(), {}, {}, set(), []

    def answer(self, request):
        self.bearer(request)
        if self.hiccups > 0 and request.method != "GET":
            self.hiccups -= 1
            return 503, {"error": "try again"}
        return getattr(self, "serve_" + request.parts[1])(request, request.parts[2:])

    def serve_isolation(self, request, _):
        host = request.argument("host")
        if request.method == "GET":
            return 200, {"isolated": host in self.isolated}
        (self.isolated.add if request.method == "PUT" else self.isolated.discard)(host)
        return 200, {}

    def serve_processes(self, request, rest):
        if request.method == "GET":
            return 200, {"running": self.running.get(request.argument("process"), False)}
        given = request.json()
        if rest != ["kill"] or given["process"].count("|") not in (1, 2) or not isinstance(given["tree"], bool):
            raise Refused(400, {"error": "process must be host|pid|start"})
        self.running[given["process"]] = False
        return 200, {"killed": [given["process"]]}

    def serve_quarantine(self, request, _):
        file = request.argument("file")
        if "|" not in file:
            raise Refused(400, {"error": "file must be host|path"})
        if request.method == "GET":
            return (200, {"quarantined": True}) if file in self.quarantine else (404, {"quarantined": False})
        if request.method == "PUT":
            request.json()
            self.quarantine[file] = f"q{len(self.quarantine)}"
            return 201, {"quarantine_id": self.quarantine[file]}
        return (200, {}) if self.quarantine.pop(file, None) else (404, {})

    def serve_hashes(self, request, rest):
        if request.method == "GET":
            return (200, {"blocked": True}) if rest[0] in self.hashes else (404, {})
        (self.hashes.add if request.method == "PUT" else self.hashes.discard)(rest[0])
        return 200, {}

    def serve_evidence(self, request, _):
        self.evidence.append(request.json()["host"])
        return 201, {"file": f"/evidence/{len(self.evidence)}.json", "sha256": "0" * 64, "collected": {"persistence": [{"path": "/etc/cron.d/x", "changed_at": "2026-11-24T00:00:00Z"}]}}

    def state(self):
        return {"isolated": sorted(self.isolated), "killed": sorted(p for p, runs in self.running.items() if not runs), "quarantined": sorted(self.quarantine),
                "blocked": sorted(self.hashes), "evidence": self.evidence}


def merged(into, patch):
    """RFC 7396."""
    for key, value in patch.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            into[key] = merged(into.get(key) if isinstance(into.get(key), dict) else {}, value)
        else:
            into[key] = value
    return into


class Kubernetes(Vendor):
    name = "kubernetes"

    def __init__(self, secrets):
        super().__init__(secrets)
        self.pods = {("shop", name): {"metadata": {"namespace": "shop", "name": name, "uid": f"u-{name}", "labels": {"app": "cart", "team": "web"}}, "spec": {"nodeName": "node-3"}}
                     for name in ("cart-7f", "cart-8a")}
        self.nodes, self.policies, self.ids = {"node-3": {"metadata": {"name": "node-3"}, "spec": {}}}, set(), itertools.count()

    def answer(self, request):
        self.bearer(request)
        parts = request.parts
        if parts == ["api", "v1", "pods"]:
            wanted = dict(term.split("=") for term in request.argument("fieldSelector").split(","))
            found = [pod for (space, name), pod in self.pods.items() if wanted.get("metadata.name") == name and wanted.get("metadata.namespace", space) == space]
            return 200, {"kind": "PodList", "items": found}
        if parts[:3] == ["api", "v1", "nodes"]:
            return self.item(request, self.nodes, parts[3])
        if parts[:3] == ["api", "v1", "namespaces"] and parts[4] == "pods":
            return self.item(request, self.pods, (parts[3], parts[5]))
        if parts[:3] == ["apis", "networking.k8s.io", "v1"] and parts[5] == "networkpolicies" and request.method == "POST":
            policy = request.json()
            if policy["spec"]["podSelector"] != {"matchLabels": {"soc-isolated": "true"}} or policy["spec"]["policyTypes"] != ["Ingress", "Egress"] or "ingress" in policy["spec"]:
                raise Refused(422, {"reason": "Invalid"})
            if parts[4] in self.policies:
                return 409, {"kind": "Status", "reason": "AlreadyExists", "code": 409}
            self.policies.add(parts[4])
            return 201, policy
        raise Refused(404, {"kind": "Status", "reason": "NotFound", "code": 404})

    def item(self, request, all_of_them, key):
        if key not in all_of_them:
            return 404, {"kind": "Status", "reason": "NotFound", "code": 404}
        if request.method == "PATCH":
            if request.headers.get("content-type") != "application/merge-patch+json":
                raise Refused(415, {"reason": "UnsupportedMediaType"})
            merged(all_of_them[key], json.loads(request.body))
        if request.method == "DELETE":
            return 200, all_of_them.pop(key)
        return 200, all_of_them[key]

    def state(self):
        return {"pods": {name: pod["metadata"]["labels"] for (_, name), pod in self.pods.items()}, "cordoned": [n for n, node in self.nodes.items() if node["spec"].get("unschedulable")],
                "policies": sorted(self.policies)}
