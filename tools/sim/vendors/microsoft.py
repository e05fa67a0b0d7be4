"""Microsoft: the token endpoint, network security groups (answered first, done later), Graph users, Defender for Endpoint."""
import ipaddress
import itertools
import re
import secrets as random
import time

from base import Refused, Vendor

SCOPES = {"azure_nsg": "https://management.azure.com/.default", "entra_id": "https://graph.microsoft.com/.default",
          "defender_endpoint": "https://api.securitycenter.microsoft.com/.default"}


class Microsoft(Vendor):
    """Serves its own token endpoint at /<tenant>/oauth2/v2.0/token: settings.login_url of an instance leads there."""

    def __init__(self, secrets):
        super().__init__(secrets)
        self.tokens = {}

    def answer(self, request):
        if request.path == "/tenant1/oauth2/v2.0/token":
            form = request.form()
            if form["grant_type"] != "client_credentials" or form["client_id"] != self.secrets["client_id"] or form["client_secret"] != self.secrets["client_secret"] \
                    or form["scope"] != SCOPES[self.name]:
                raise Refused(401, {"error": "invalid_client"})
            token = random.token_hex(16)
            self.tokens[token] = time.time() + 3599
            return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": token}
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0) < time.time():
            raise Refused(401, {"error": {"code": "InvalidAuthenticationToken"}})
        return self.serve(request)

    def serve(self, request):
        raise NotImplementedError


class Nsg(Microsoft):
    name, hiccups = "azure_nsg", 1
    base = "/subscriptions/sub1/resourceGroups/edge/providers/Microsoft.Network/networkSecurityGroups/nsg1/securityRules"

    def __init__(self, secrets):
        super().__init__(secrets)
        self.rules = {f"theirs{n}": self.rule(f"theirs{n}", {"priority": 100 + n, "direction": "Inbound", "access": "Allow", "sourceAddressPrefix": "*"}, 0) for n in range(3)}

    @staticmethod
    def rule(name, properties, seconds):
        return {"name": name, "properties": properties, "ready": time.time() + seconds}

    @staticmethod
    def shown(rule):
        return {"name": rule["name"], "properties": {**rule["properties"], "provisioningState": "Succeeded" if time.time() >= rule["ready"] else "Updating"}}

    def serve(self, request):
        if request.argument("api-version") != "2023-09-01" or not request.path.startswith(self.base):
            raise Refused(404, {"error": {"code": "ResourceNotFound"}})
        name = request.path[len(self.base):].strip("/")
        if request.method == "GET" and not name:
            names = sorted(self.rules)
            first = int(request.argument("$skiptoken", "0"))
            body = {"value": [self.shown(self.rules[n]) for n in names[first:first + 2]]}
            if first + 2 < len(names):
                body["nextLink"] = f"http://{request.headers['host']}{self.base}?api-version=2023-09-01&$skiptoken={first + 2}"
            return 200, body
        if request.method == "PUT":
            if self.hiccups > 0:
                self.hiccups -= 1
                return 429, {"error": {"code": "RetryableError"}}
            given = request.json()["properties"]
            if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,79}", name) or not 100 <= given["priority"] <= 4096 or given["protocol"] != "*" or given["access"] not in ("Allow", "Deny"):
                raise Refused(400, {"error": {"code": "SecurityRuleInvalid"}})
            ipaddress.ip_network(given["sourceAddressPrefix"])
            if any(rule["properties"]["priority"] == given["priority"] and rule["properties"]["direction"] == given["direction"] and rule["name"] != name for rule in self.rules.values()):
                return 400, {"error": {"code": "SecurityRuleConflict"}}
            there = name in self.rules
            self.rules[name] = self.rule(name, given, 1.0)
            return (200 if there else 201), self.shown(self.rules[name])
        if request.method == "DELETE":
            return (202, None) if self.rules.pop(name, None) else (204, None)
        raise Refused(405, {"error": {"code": "MethodNotAllowed"}})

    def state(self):
        return {"blocked": sorted(rule["properties"]["sourceAddressPrefix"] for rule in self.rules.values() if rule["properties"]["access"] == "Deny")}


class Entra(Microsoft):
    name = "entra_id"

    def __init__(self, secrets):
        super().__init__(secrets)
        self.users = {name: {"id": f"{n:04}", "userPrincipalName": name, "accountEnabled": True, "signInSessionsValidFromDateTime": "2026-01-01T00:00:00Z"}
                      for n, name in enumerate(("ann@example.com", "mallory", "mallory@example.com", "bob", "deploy"), 1)}

    def serve(self, request):
        parts = request.parts
        user = self.users.get(parts[2]) if parts[:2] == ["v1.0", "users"] else None
        if user is None:
            return 404, {"error": {"code": "Request_ResourceNotFound"}}
        if request.method == "PATCH" and len(parts) == 3:
            given = request.json()
            if set(given) != {"accountEnabled"} or not isinstance(given["accountEnabled"], bool):
                raise Refused(400, {"error": {"code": "Request_BadRequest"}})
            user.update(given)
            return 204, None
        if request.method == "POST" and parts[3:] == ["revokeSignInSessions"]:
            user["signInSessionsValidFromDateTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            return 200, {"value": True}
        if request.method == "GET" and len(parts) == 3:
            wanted = request.argument("$select", "id").split(",")
            return 200, {key: user[key] for key in wanted}
        raise Refused(405, {"error": {"code": "Request_BadRequest"}})

    def state(self):
        user = self.users["ann@example.com"]
        return {"enabled": user["accountEnabled"], "revoked": user["signInSessionsValidFromDateTime"] > "2026-01-01T00:00:00Z"}


class Defender(Microsoft):
    name, calls_per_second = "defender_endpoint", 50

    def __init__(self, secrets):
        super().__init__(secrets)
        self.machines = [{"id": "m1", "computerDnsName": "fs1.corp.example", "lastSeen": "2026-11-24T00:00:00Z"}, {"id": "m0", "computerDnsName": "fs1.corp.example", "lastSeen": "2024-01-01T00:00:00Z"},
                         {"id": "m2", "computerDnsName": "fs10.corp.example", "lastSeen": "2026-11-24T00:00:00Z"}]
        self.actions, self.indicators, self.ids = [], {}, itertools.count(1)

    def serve(self, request):
        parts = request.parts
        if parts[:2] == ["api", "machines"] and len(parts) == 2:
            names = re.fullmatch(r"computerDnsName eq '([^']*)' or startswith\(computerDnsName, '([^']*)'\)", request.argument("$filter"))
            if not names:
                raise Refused(400, {"error": {"code": "BadRequest", "message": request.argument("$filter")}})
            return 200, {"value": [m for m in self.machines if m["computerDnsName"] == names[1] or m["computerDnsName"].startswith(names[2])]}
        if parts[:2] == ["api", "machines"] and request.method == "POST":
            return self.act(parts[2], parts[3], request.json())
        if parts[:2] == ["api", "machineactions"]:
            wanted = re.fullmatch(r"machineId eq '([^']+)' and \(type eq '(\w+)' or type eq '(\w+)'\)", request.argument("$filter"))
            found = [self.shown(a) for a in self.actions if a["machineId"] == wanted[1] and a["type"] in wanted.groups()[1:]]
            return 200, {"value": found[::-1][:int(request.argument("$top", "100"))]}
        if parts[:2] == ["api", "indicators"]:
            return self.indicator(request, parts)
        raise Refused(404, {"error": {"code": "ResourceNotFound"}})

    @staticmethod
    def shown(action):
        return {**action, "status": "Succeeded" if time.time() >= action["ready"] else "InProgress"}

    def act(self, machine, verb, given):
        kinds = {"isolate": "Isolate", "unisolate": "Unisolate", "collectInvestigationPackage": "CollectInvestigationPackage"}
        if machine not in {m["id"] for m in self.machines} or verb not in kinds or not given["Comment"] or (verb == "isolate" and given["IsolationType"] not in ("Full", "Selective")):
            raise Refused(400, {"error": {"code": "BadRequest"}})
        if any(a["machineId"] == machine and a["type"] == kinds[verb] and time.time() < a["ready"] for a in self.actions):
            return 400, {"error": {"code": "ActiveRequestAlreadyExists"}}
        number = next(self.ids)
        self.actions.append({"id": f"a{number}", "machineId": machine, "type": kinds[verb], "ready": time.time() + 1.0, "creationDateTimeUtc": f"2026-11-24T00:00:{number:02}.0000000Z"})
        return 201, self.shown(self.actions[-1])

    def indicator(self, request, parts):
        if request.method == "POST":
            given = request.json()
            kinds = {"FileMd5", "FileSha1", "FileSha256", "IpAddress", "DomainName", "Url"}
            if given["indicatorType"] not in kinds or given["action"] not in ("Block", "BlockAndRemediate") or not given["title"] or not given["description"]:
                raise Refused(400, {"error": {"code": "BadRequest"}})
            if "expirationTime" in given:
                time.strptime(given["expirationTime"], "%Y-%m-%dT%H:%M:%SZ")
            old = next((i for i in self.indicators.values() if i["indicatorValue"] == given["indicatorValue"]), None)
            number = old["id"] if old else str(next(self.ids))
            self.indicators[number] = {**given, "id": number}
            return 200, self.indicators[number]
        if request.method == "GET":
            value = re.fullmatch(r"indicatorValue eq '(.*)'", request.argument("$filter"))[1].replace("''", "'")
            return 200, {"value": [i for i in self.indicators.values() if i["indicatorValue"] == value]}
        return (204, None) if request.method == "DELETE" and self.indicators.pop(parts[2], None) else (404, {"error": {"code": "ResourceNotFound"}})

    def state(self):
        last = [a["type"] for a in self.actions if a["machineId"] == "m1" and a["type"] in ("Isolate", "Unisolate")][-1:]
        return {"isolated": last == ["Isolate"], "blocked": sorted(i["indicatorValue"] for i in self.indicators.values()),
                "packages": sum(1 for a in self.actions if a["type"] == "CollectInvestigationPackage")}
