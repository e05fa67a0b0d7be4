#!/usr/bin/env python3
"""Vendors' APIs, simulated in one process on loopback: for system tests and demos, never part of a node. Each enforces what its vendor documents:
the signature (worked out here anew, from the vendor's text), times that are too old, nonces used twice, wrong versions, error bodies,
rate limits, and state that lasts. What is not simulated answers 501, so that nothing passes by chance.

usage: tools/sim/vendors.py [--port N] [--rate N]     prints "vendors on 127.0.0.1:N" when it is ready
       GET  /_sim/state     everything as JSON, for tests      POST /_sim/fail {"status", "times", "silent"}   the next answers

Who asks is told apart by how he signs: AWS by X-Amz-Date, Alibaba by x-acs-action or Action=, Tencent by X-TC-Action, Huawei by
X-Sdk-Date; the others by their paths. One access key: AKIDSIM / sim-secret.
"""
import argparse
import base64
import collections
import datetime
import hashlib
import hmac
import json
import re
import threading
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACCESS_KEY, SECRET = "AKIDSIM", "sim-secret"
CLIENT_ID, CLIENT_SECRET, TENANT = "sim-client", "sim-client-secret", "sim-tenant"
TOKEN, BASIC_USER = "sim-token", "sim-user"
OLDEST_S = 300


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def mac(key, text, how="sha256"):
    key = key.encode() if isinstance(key, str) else key
    return hmac.new(key, text.encode(), how)


def quote(text):
    return urllib.parse.quote(text, safe="-_.~")


class Refused(Exception):
    """An answer that ends the request: status, body."""

    def __init__(self, status, body, headers=None):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.headers, self.body = method, {k.lower(): v.strip() for k, v in headers.items()}, body
        path, _, query = target.partition("?")
        self.path, self.query = path, urllib.parse.parse_qsl(query, keep_blank_values=True)
        self.params = dict(self.query)
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            self.params.update(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))

    def json(self):
        try:
            return json.loads(self.body or b"{}")
        except ValueError:
            raise Refused(400, {"error": "the body is no JSON"}) from None

    def canonical_query(self):
        return "&".join(f"{k}={v}" for k, v in sorted((quote(k), quote(v)) for k, v in self.query))

    def canonical_headers(self, names):
        return "".join(f"{n}:{' '.join(self.headers.get(n, '').split())}\n" for n in names)


def fresh(moment, error):
    if abs(time.time() - moment) > OLDEST_S:
        raise error


def utc(text, form):
    return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.timezone.utc).timestamp()


class Vendors:
    def __init__(self, rate):
        self.lock = threading.Lock()
        self.rate, self.recent = rate, collections.deque()
        self.failing = []
        self.nonces = set()
        self.tokens = {}
        self.calls = []
        self.state = {
            "aws_ip_sets": {"set4": {"Id": "set4", "Name": "blocked4", "Addresses": ["198.51.100.7/32"], "LockToken": "t0"},
                            "set6": {"Id": "set6", "Name": "blocked6", "Addresses": [], "LockToken": "t0"}},
            "aws_keys": {"ann": {"AKIA1": "Active", "AKIA2": "Inactive"}}, "aws_policies": {"ann": []},
            "aws_acl": {"32767": {"cidr": "0.0.0.0/0", "action": "deny", "egress": "false"}},
            "alibaba_books": {"book4": ["203.0.113.250/32"], "book6": [], "bookd": ["harmless.example"]},
            "alibaba_keys": {"ann@sim.example": {"LTAI1": "Active"}}, "alibaba_logins": {"ann@sim.example": "Active"},
            "tencent_blocks": [], "huawei_blocks": {}, "azure_rules": {},
            "entra_users": {"ann@sim.example": {"id": "u1", "accountEnabled": True, "signInSessionsValidFromDateTime": "2020-01-01T00:00:00Z"}},
            "cortex_endpoints": {"web-1": {"endpoint_id": "e1", "is_isolated": "AGENT_UNISOLATED"}},
            "messages": [], "tickets": {}, "pages": {}, "nodes": {"node-1": {"unschedulable": False}}, "fortigate": {"address": {}, "address6": {}, "addrgrp": {"soc4": []}, "addrgrp6": {"soc6": []}}, "panos": {},
        }

    # ---- Rules all of them have

    def answer(self, q):
        if q.path.startswith("/_sim/"):
            return self.control(q)
        with self.lock:
            self.calls.append(f"{q.method} {q.path} {q.params.get('Action') or q.headers.get('x-acs-action') or q.headers.get('x-tc-action') or q.headers.get('x-amz-target') or ''}".strip())
            if self.failing:
                return self.failing.pop(0), {"error": "the simulator was told to fail"}
            now = time.monotonic()
            while self.recent and self.recent[0] < now - 1:
                self.recent.popleft()
            if len(self.recent) >= self.rate:
                return 429, {"error": "too many requests", "Code": "Throttling.User"}, {"Retry-After": "1"}
            self.recent.append(now)
            return self.vendor_of(q)(q)

    def control(self, q):
        with self.lock:
            if q.path == "/_sim/fail":
                order = q.json()
                self.failing = [order["status"]] * order.get("times", 1)
                return 200, {}
            return 200, {"state": self.state, "calls": self.calls}

    def vendor_of(self, q):
        if "x-amz-date" in q.headers:
            return self.aws
        if "x-acs-action" in q.headers:
            return self.alibaba_acs3
        if "SignatureNonce" in q.params:
            return self.alibaba_rpc
        if "x-tc-action" in q.headers:
            return self.tencent
        if "x-sdk-date" in q.headers:
            return self.huawei
        for prefix, vendor in (("/" + TENANT + "/oauth2", self.login), ("/subscriptions/", self.azure), ("/v1.0/users", self.entra),
                               ("/public_api/", self.cortex), ("/robot/send", self.dingtalk), ("/open-apis/bot", self.feishu), ("/services/", self.slack),
                               ("/rest/api/2/issue", self.jira), ("/incidents", self.pagerduty), ("/api/v1/nodes/", self.kubernetes),
                               ("/api/v2/cmdb/firewall/", self.fortigate), ("/api/", self.panos)):
            if q.path.startswith(prefix):
                return vendor
        raise Refused(501, {"error": f"{q.method} {q.path} is not simulated"})

    def once(self, nonce, error):
        if not nonce or nonce in self.nonces:
            raise error
        self.nonces.add(nonce)

    # ---- AWS: Signature Version 4; WAFV2 (JSON 1.1), IAM and EC2 (Query API, XML)

    def aws(self, q):
        bad = Refused(403, {"__type": "IncompleteSignatureException", "message": "the signature is wrong"})
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
                             q.headers.get("authorization", ""))
        if not found or found[1] != ACCESS_KEY:
            raise Refused(403, {"__type": "UnrecognizedClientException", "message": "the access key is unknown"})
        key_id, day, region, service, names, signature = found.groups()
        names = names.split(";")
        if names != sorted(names) or "host" not in names or "x-amz-date" not in names:
            raise bad
        when = q.headers["x-amz-date"]
        fresh(utc(when, "%Y%m%dT%H%M%SZ"), Refused(403, {"__type": "RequestExpired", "message": "Signature expired"}))
        path = urllib.parse.quote(q.path, safe="/-_.~")
        canonical = "\n".join([q.method, path, q.canonical_query(), q.canonical_headers(names), ";".join(names), sha256(q.body)])
        scope = f"{day}/{region}/{service}/aws4_request"
        key = ("AWS4" + SECRET).encode()
        for part in (day, region, service, "aws4_request"):
            key = mac(key, part).digest()
        if not when.startswith(day) or mac(key, f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{sha256(canonical.encode())}").hexdigest() != signature:
            raise bad
        return {"wafv2": self.aws_waf, "iam": self.aws_iam, "ec2": self.aws_ec2}.get(service, self.not_simulated)(q)

    def not_simulated(self, q):
        raise Refused(501, {"error": "not simulated"})

    def aws_waf(self, q):
        verb, body = q.headers.get("x-amz-target", "").rpartition(".")[2], q.json()
        one = self.state["aws_ip_sets"].get(body.get("Id"))
        if not one or body.get("Name") != one["Name"] or body.get("Scope") not in ("REGIONAL", "CLOUDFRONT"):
            return 400, {"__type": "WAFNonexistentItemException"}
        if verb == "GetIPSet":
            return 200, {"IPSet": {k: one[k] for k in ("Id", "Name", "Addresses")}, "LockToken": one["LockToken"]}
        if verb != "UpdateIPSet":
            return self.not_simulated(q)
        if body.get("LockToken") != one["LockToken"]:
            return 400, {"__type": "WAFOptimisticLockException"}
        if not all(re.fullmatch(r"[0-9a-fA-F:.]+/\d{1,3}", a) for a in body["Addresses"]):
            return 400, {"__type": "WAFInvalidParameterException"}
        one["Addresses"], one["LockToken"] = body["Addresses"], uuid.uuid4().hex
        return 200, {"NextLockToken": one["LockToken"]}

    def aws_iam(self, q):
        p, user = q.params, q.params.get("UserName")
        none = (404, "<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>")
        keys = self.state["aws_keys"].get(user)
        if p.get("Version") != "2010-05-08" or keys is None:
            return none
        if p["Action"] == "ListAccessKeys":
            return 200, "<ListAccessKeysResponse>" + "".join(f"<member>\n<UserName>{user}</UserName><AccessKeyId>{k}</AccessKeyId><Status>{s}</Status></member>" for k, s in keys.items()) + "</ListAccessKeysResponse>"
        if p["Action"] == "UpdateAccessKey":
            if p.get("AccessKeyId") not in keys or p.get("Status") not in ("Active", "Inactive"):
                return none
            keys[p["AccessKeyId"]] = p["Status"]
            return 200, "<UpdateAccessKeyResponse/>"
        policies = self.state["aws_policies"][user]
        if p["Action"] == "ListAttachedUserPolicies":
            return 200, "<R>" + "".join(f"<PolicyName>{a.rpartition('/')[2]}</PolicyName>" for a in policies) + "</R>"
        if p["Action"] == "AttachUserPolicy":
            policies.append(p["PolicyArn"]) if p["PolicyArn"] not in policies else None
            return 200, "<R/>"
        if p["Action"] == "DetachUserPolicy":
            if p["PolicyArn"] not in policies:
                return none
            policies.remove(p["PolicyArn"])
            return 200, "<R/>"
        return self.not_simulated(q)

    def aws_ec2(self, q):
        p, acl = q.params, self.state["aws_acl"]
        if p.get("Version") != "2016-11-15":
            return 400, "<Response><Errors><Error><Code>InvalidParameterValue</Code></Error></Errors></Response>"
        if p["Action"] == "DescribeNetworkAcls":
            return 200, "<DescribeNetworkAclsResponse><networkAclSet><item><entrySet>" + "".join(
                f"<item><ruleNumber>{n}</ruleNumber><protocol>-1</protocol><ruleAction>{e['action']}</ruleAction><egress>{e['egress']}</egress><cidrBlock>{e['cidr']}</cidrBlock></item>" for n, e in acl.items()) + "</entrySet></item></networkAclSet></DescribeNetworkAclsResponse>"
        number = p.get("RuleNumber", "")
        if p["Action"] == "CreateNetworkAclEntry":
            if number in acl:
                return 400, "<Response><Errors><Error><Code>NetworkAclEntryAlreadyExists</Code></Error></Errors></Response>"
            acl[number] = {"cidr": p.get("CidrBlock") or p.get("Ipv6CidrBlock"), "action": p["RuleAction"], "egress": p["Egress"]}
            return 200, "<R/>"
        if p["Action"] == "DeleteNetworkAclEntry":
            if acl.pop(number, None) is None:
                return 400, "<Response><Errors><Error><Code>InvalidNetworkAclEntry.NotFound</Code></Error></Errors></Response>"
            return 200, "<R/>"
        return self.not_simulated(q)

    # ---- Alibaba: ACS3-HMAC-SHA256, and RPC with signature version 1.0

    def alibaba_acs3(self, q):
        bad = Refused(400, {"Code": "SignatureDoesNotMatch"})
        found = re.fullmatch(r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})", q.headers.get("authorization", ""))
        if not found or found[1] != ACCESS_KEY:
            raise Refused(404, {"Code": "InvalidAccessKeyId.NotFound"})
        names = found[2].split(";")
        must = {"host"} | {n for n in q.headers if n.startswith("x-acs-")}
        if names != sorted(names) or not must <= set(names) or q.headers.get("x-acs-content-sha256") != sha256(q.body):
            raise bad
        fresh(utc(q.headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ"), Refused(400, {"Code": "InvalidTimeStamp.Expired"}))
        canonical = "\n".join([q.method, q.path, q.canonical_query(), q.canonical_headers(names), found[2], sha256(q.body)])
        if mac(SECRET, "ACS3-HMAC-SHA256\n" + sha256(canonical.encode())).hexdigest() != found[3]:
            raise bad
        self.once(q.headers.get("x-acs-signature-nonce"), Refused(400, {"Code": "SignatureNonceUsed"}))
        return self.alibaba(q, q.headers["x-acs-action"], q.headers.get("x-acs-version"))

    def alibaba_rpc(self, q):
        p = dict(q.params)
        signature = p.pop("Signature", "")
        text = "&".join(f"{quote(k)}={quote(v)}" for k, v in sorted(p.items()))
        want = base64.b64encode(mac(SECRET + "&", f"{q.method}&%2F&{quote(text)}", "sha1").digest()).decode()
        if p.get("AccessKeyId") != ACCESS_KEY or signature != want or p.get("SignatureMethod") != "HMAC-SHA1":
            raise Refused(400, {"Code": "SignatureDoesNotMatch"})
        fresh(utc(p["Timestamp"], "%Y-%m-%dT%H:%M:%SZ"), Refused(400, {"Code": "InvalidTimeStamp.Expired"}))
        self.once(p.get("SignatureNonce"), Refused(400, {"Code": "SignatureNonceUsed"}))
        return self.alibaba(q, p.get("Action"), p.get("Version"))

    def alibaba(self, q, action, version):
        books, p = self.state["alibaba_books"], q.params
        if version == "2017-12-07" and action == "DescribeAddressBook":
            kind = {"ip": "book4", "ipv6": "book6", "domain": "bookd"}.get(p.get("GroupType"))
            page, size = int(p.get("CurrentPage", 1)), int(p.get("PageSize", 10))
            fillers = [{"GroupUuid": f"other{i}", "GroupName": f"other {i}", "Description": "x", "AddressList": ["192.0.2.1/32"]} for i in range(size)]
            rows = (fillers + [{"GroupUuid": kind, "GroupName": kind, "Description": "soc", "AddressList": books[kind]}])[(page - 1) * size: page * size]
            return 200, {"Acls": rows, "TotalCount": str(size + 1), "PageNo": str(page)}
        if version == "2017-12-07" and action == "ModifyAddressBook":
            book = books.get(p.get("GroupUuid"))
            if book is None or p.get("ModifyMode") not in ("Append", "Delete") or not p.get("GroupName"):
                return 400, {"Code": "ErrorParametersGroupUuid"}
            for address in p["AddressList"].split(","):
                if (address in book) == (p["ModifyMode"] == "Append"):
                    return 400, {"Code": "ErrorAddressDuplicate" if address in book else "ErrorAddressNotExist"}
                book.append(address) if p["ModifyMode"] == "Append" else book.remove(address)
            return 200, {"RequestId": uuid.uuid4().hex}
        keys, logins, user = self.state["alibaba_keys"], self.state["alibaba_logins"], p.get("UserPrincipalName")
        if version == "2019-08-15" and user not in keys:
            return 404, {"Code": "EntityNotExist.User"}
        if version == "2019-08-15" and action == "ListAccessKeys":
            return 200, {"AccessKeys": {"AccessKey": [{"AccessKeyId": k, "Status": s} for k, s in keys[user].items()]}}
        if version == "2019-08-15" and action == "UpdateAccessKey" and p.get("UserAccessKeyId") in keys[user]:
            keys[user][p["UserAccessKeyId"]] = p["Status"]
            return 200, {}
        if version == "2019-08-15" and action == "UpdateLoginProfile":
            logins[user] = p["Status"]
            return 200, {"LoginProfile": {"Status": logins[user]}}
        if version == "2019-08-15" and action == "GetLoginProfile":
            return 200, {"LoginProfile": {"Status": logins[user]}}
        return self.not_simulated(q)

    # ---- Tencent: TC3-HMAC-SHA256; errors come with status 200

    def tencent(self, q):
        def error(code):
            return Refused(200, {"Response": {"Error": {"Code": code, "Message": code}, "RequestId": "r"}})
        found = re.fullmatch(r"TC3-HMAC-SHA256 Credential=([^/]+)/(\d{4}-\d\d-\d\d)/([^/]+)/tc3_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
                             q.headers.get("authorization", ""))
        if not found or found[1] != ACCESS_KEY:
            raise error("AuthFailure.SecretIdNotFound")
        moment, names = q.headers.get("x-tc-timestamp", "0"), found[4].split(";")
        fresh(int(moment), error("AuthFailure.SignatureExpire"))
        if names != sorted(names) or not {"host", "content-type"} <= set(names):
            raise error("AuthFailure.InvalidAuthorization")
        headers = "".join(f"{n}:{q.headers.get(n, '').lower()}\n" for n in names)
        canonical = "\n".join([q.method, "/", q.canonical_query(), headers, found[4], sha256(q.body)])
        scope = f"{found[2]}/{found[3]}/tc3_request"
        key = ("TC3" + SECRET).encode()
        for part in (found[2], found[3], "tc3_request"):
            key = mac(key, part).digest()
        if mac(key, f"TC3-HMAC-SHA256\n{moment}\n{scope}\n{sha256(canonical.encode())}").hexdigest() != found[5]:
            raise error("AuthFailure.SignatureFailure")
        if time.strftime("%Y-%m-%d", time.gmtime(int(moment))) != found[2]:
            raise error("AuthFailure.SignatureExpire")
        return self.tencent_cfw(q, error)

    def tencent_cfw(self, q, error):
        verb, body, rows = q.headers["x-tc-action"], q.json(), self.state["tencent_blocks"]
        if q.headers.get("x-tc-version") != "2019-09-04":
            raise error("NoSuchVersion")
        def same(row, rule):
            return row["Ioc"] == rule["IP"] and row["Direction"] == rule["Direction"]
        if verb == "CreateBlockIgnoreRuleList":
            for rule in body["Rules"]:
                rows[:] = [r for r in rows if not same(r, rule)]
                rows.append({"Ioc": rule["IP"], "Direction": rule["Direction"], "EndTime": rule["EndTime"], "Comment": rule["Comment"]})
            return 200, {"Response": {"List": [], "RequestId": "r"}}
        if verb == "DeleteBlockIgnoreRuleList":
            if not any(same(r, rule) for r in rows for rule in body["Rules"]):
                raise error("ResourceNotFound")
            rows[:] = [r for r in rows if not any(same(r, rule) for rule in body["Rules"])]
            return 200, {"Response": {"RequestId": "r"}}
        if verb == "DescribeBlockIgnoreList":
            wanted = json.loads(body.get("SearchValue") or "{}").get("common", "")
            return 200, {"Response": {"Data": [r for r in rows if wanted in r["Ioc"]], "ReturnCode": 0, "RequestId": "r"}}
        return self.not_simulated(q)

    # ---- Huawei: SDK-HMAC-SHA256

    def huawei(self, q):
        bad = Refused(401, {"error_code": "APIG.0301", "error_msg": "Incorrect IAM authentication information"})
        found = re.fullmatch(r"SDK-HMAC-SHA256 Access=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})", q.headers.get("authorization", ""))
        if not found or found[1] != ACCESS_KEY:
            raise bad
        when, names = q.headers["x-sdk-date"], found[2].split(";")
        fresh(utc(when, "%Y%m%dT%H%M%SZ"), bad)
        path = q.path if q.path.endswith("/") else q.path + "/"
        canonical = "\n".join([q.method, path, q.canonical_query(), q.canonical_headers(names), found[2], sha256(q.body)])
        if mac(SECRET, f"SDK-HMAC-SHA256\n{when}\n{sha256(canonical.encode())}").hexdigest() != found[3]:
            raise bad
        rows = self.state["huawei_blocks"]
        if q.method == "GET" and q.path.endswith("/black-white-lists"):
            return 200, {"data": {"records": [dict(r, list_id=i) for i, r in rows.items() if r["address"] == q.params.get("address")]}}
        if q.method == "POST" and q.path.endswith("/black-white-list"):
            body = q.json()
            if any(r["address"] == body["address"] and r["direction"] == body["direction"] for r in rows.values()):
                return 400, {"error_code": "CFW.00200005", "error_msg": "it is there already"}
            rows[uuid.uuid4().hex] = {k: body[k] for k in ("address", "direction", "list_type")}
            return 200, {"data": {"id": "x"}}
        if q.method == "DELETE":
            return (200, {}) if rows.pop(q.path.rpartition("/")[2], None) else (404, {"error_code": "CFW.00400006"})
        return self.not_simulated(q)

    # ---- Microsoft: client credentials, then a network security group and users

    def login(self, q):
        p = q.params
        if p.get("grant_type") != "client_credentials" or p.get("client_id") != CLIENT_ID or p.get("client_secret") != CLIENT_SECRET or not p.get("scope"):
            return 401, {"error": "invalid_client"}
        token = uuid.uuid4().hex
        self.tokens[token] = time.time() + 3600
        return 200, {"token_type": "Bearer", "expires_in": 3600, "access_token": token}

    def need_token(self, q):
        if self.tokens.get(q.headers.get("authorization", "").removeprefix("Bearer "), 0) < time.time():
            raise Refused(401, {"error": {"code": "InvalidAuthenticationToken"}})

    def azure(self, q):
        self.need_token(q)
        rules, base, _, name = self.state["azure_rules"], *q.path.partition("/securityRules")
        name = name.strip("/")
        if q.params.get("api-version") != "2023-09-01":
            return 400, {"error": {"code": "InvalidApiVersionParameter"}}
        if q.method == "GET" and not name:
            rows, page = sorted(rules.values(), key=lambda r: r["name"]), int(q.params.get("$skiptoken", 0))
            out = {"value": rows[page * 2: page * 2 + 2]}
            if len(rows) > page * 2 + 2:
                out["nextLink"] = f"http://{q.headers['host']}{q.path}?api-version=2023-09-01&$skiptoken={page + 1}"
            return 200, out
        if q.method == "PUT":
            new = q.json()["properties"]
            if any(r["name"] != name and r["properties"]["priority"] == new["priority"] and r["properties"]["direction"] == new["direction"] for r in rules.values()):
                return 400, {"error": {"code": "SecurityRuleConflict"}}
            rules[name] = {"name": name, "properties": dict(new, provisioningState="Succeeded")}
            return 201, rules[name]
        if q.method == "DELETE":
            return (202, "") if rules.pop(name, None) else (204, "")
        return self.not_simulated(q)

    def entra(self, q):
        self.need_token(q)
        parts = urllib.parse.unquote(q.path).split("/")
        user = self.state["entra_users"].get(parts[3] if len(parts) > 3 else "")
        if user is None:
            return 404, {"error": {"code": "Request_ResourceNotFound"}}
        if q.method == "GET":
            return 200, user
        if q.method == "PATCH":
            user.update(q.json())
            return 204, ""
        if q.method == "POST" and parts[-1] == "revokeSignInSessions":
            user["signInSessionsValidFromDateTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            return 200, {"value": True}
        return self.not_simulated(q)

    # ---- Cortex XDR: an Advanced key's hash of key, nonce and time

    def cortex(self, q):
        moment, nonce = q.headers.get("x-xdr-timestamp", "0"), q.headers.get("x-xdr-nonce", "")
        bad = Refused(401, {"reply": {"err_code": 401, "err_msg": "Public API request unauthorized"}})
        fresh(int(moment) / 1000, bad)
        if q.headers.get("x-xdr-auth-id") != "7" or q.headers.get("authorization") != sha256((SECRET + nonce + moment).encode()):
            raise bad
        self.once(nonce, bad)
        data, ends = q.json()["request_data"], self.state["cortex_endpoints"]
        verb = q.path.strip("/").split("/")[-1]
        if verb == "get_endpoint":
            wanted = data["filters"][0]["value"]
            return 200, {"reply": {"endpoints": [dict(e, endpoint_name=n, last_seen=1) for n, e in ends.items() if n in wanted]}}
        for e in ends.values():
            if e["endpoint_id"] == data.get("endpoint_id") and verb in ("isolate", "unisolate"):
                e["is_isolated"] = "AGENT_ISOLATED" if verb == "isolate" else "AGENT_UNISOLATED"
                return 200, {"reply": {"action_id": 1, "status": 1, "endpoints_count": 1}}
        return 500, {"reply": {"err_code": 500}}

    # ---- Messages, tickets, pages

    def dingtalk(self, q):
        moment = q.params.get("timestamp", "0")
        want = base64.b64encode(mac(SECRET, f"{moment}\n{SECRET}").digest()).decode()
        if abs(time.time() - int(moment) / 1000) > 3600 or q.params.get("sign") != want or q.params.get("access_token") != TOKEN:
            return 200, {"errcode": 310000, "errmsg": "sign not match"}
        return self.message(q, "dingtalk", q.json()["text"]["content"], {"errcode": 0, "errmsg": "ok"})

    def feishu(self, q):
        body = q.json()
        moment = body.get("timestamp", "0")
        want = base64.b64encode(mac(f"{moment}\n{SECRET}", "").digest()).decode()
        if abs(time.time() - int(moment)) > 3600 or body.get("sign") != want:
            return 200, {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}
        return self.message(q, "feishu", body["content"]["text"], {"code": 0, "msg": "success"})

    def slack(self, q):
        if q.path != "/services/T0/B0/sim-hook":
            return 404, "no_service"
        return self.message(q, "slack", q.json()["text"], "ok")

    def message(self, q, where, text, answer):
        if not text:
            return 400, {"errcode": 40035}
        self.state["messages"].append({"to": where, "text": text})
        return 200, answer

    def jira(self, q):
        if q.headers.get("authorization") != "Basic " + base64.b64encode(f"{BASIC_USER}:{SECRET}".encode()).decode():
            return 401, {}
        tickets, parts = self.state["tickets"], q.path.strip("/").split("/")
        if q.method == "POST" and len(parts) == 4:
            key = f"SEC-{len(tickets) + 1}"
            tickets[key] = {"summary": q.json()["fields"]["summary"], "open": True}
            return 201, {"id": "1", "key": key}
        one = tickets.get(parts[4] if len(parts) > 4 else "")
        if one is None:
            return 404, {"errorMessages": ["Issue Does Not Exist"]}
        if parts[-1] == "transitions" and q.method == "GET":
            return 200, {"transitions": [{"id": "31", "name": "Done", "to": {"name": "Done"}}]}
        if parts[-1] == "transitions":
            one["open"] = q.json()["transition"]["id"] != "31"
            return 204, ""
        return 200, {"key": parts[4], "fields": {"status": {"name": "Done" if not one["open"] else "To Do", "statusCategory": {"key": "new" if one["open"] else "done"}}}}

    def pagerduty(self, q):
        if q.headers.get("authorization") != f"Token token={SECRET}" or "@" not in q.headers.get("from", ""):
            return 401, {"error": {"message": "Unauthorized"}}
        pages = self.state["pages"]
        if q.method == "POST":
            key = q.json()["incident"]["incident_key"]
            if any(p["key"] == key and p["status"] != "resolved" for p in pages.values()):
                return 400, {"error": {"errors": ["Open incident with matching dedup key already exists"]}}
            name = f"P{len(pages) + 1}"
            pages[name] = {"key": key, "status": "triggered"}
            return 201, {"incident": {"id": name}}
        if q.method == "GET":
            return 200, {"incidents": [{"id": n} for n, p in pages.items() if p["key"] == q.params.get("incident_key") and p["status"] == q.params.get("statuses[]")]}
        page = pages.get(q.path.rpartition("/")[2])
        if page is None:
            return 404, {}
        page["status"] = q.json()["incident"]["status"]
        return 200, {}

    def kubernetes(self, q):
        if q.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"reason": "Unauthorized"}
        node = self.state["nodes"].get(q.path.rpartition("/")[2])
        if node is None:
            return 404, {"reason": "NotFound"}
        if q.method == "PATCH":
            if q.headers.get("content-type") != "application/merge-patch+json":
                return 415, {"reason": "UnsupportedMediaType"}
            node["unschedulable"] = bool(q.json()["spec"]["unschedulable"])
        return 200, {"spec": dict(node)}

    # ---- Firewalls of one's own

    def fortigate(self, q):
        if q.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"status": "error"}
        parts = urllib.parse.unquote(q.path).split("/")[5:]
        table = self.state["fortigate"].get(parts[0])
        if table is None:
            return 404, {"error": -3}
        if parts[0].startswith("addrgrp"):
            members, objects = table.get(parts[1]), self.state["fortigate"]["address" + parts[0][7:]]
            if members is None:
                return 404, {"error": -3}
            if q.method == "POST":
                name = q.json()["name"]
                if name not in objects:
                    return 500, {"error": -3}
                if name in members:
                    return 500, {"error": -5}
                members.append(name)
                return 200, {"status": "success"}
            name = "/".join(parts[3:])
            if name not in members:
                return 404, {"error": -3}
            if q.method == "DELETE":
                members.remove(name)
            return 200, {"status": "success"}
        if q.method == "POST":
            body = q.json()
            if body["name"] in table:
                return 500, {"error": -5}
            table[body["name"]] = body.get("subnet") or body.get("ip6")
            return 200, {"status": "success"}
        name = "/".join(parts[1:])
        if name not in table:
            return 404, {"error": -3}
        if any(name in group for group in self.state["fortigate"]["addrgrp"].values()):
            return 500, {"error": -23}
        del table[name]
        return 200, {"status": "success"}

    def panos(self, q):
        if q.headers.get("x-pan-key") != SECRET:
            return 403, '<response status="error" code="403"/>'
        cmd, tags = q.params.get("cmd", ""), self.state["panos"]
        if "<!" in cmd:
            return 400, '<response status="error" code="17"/>'
        ip = re.search(r'ip="([^"]+)"|<ip>([^<]+)</ip>', cmd)
        ip = ip and (ip[1] or ip[2])
        if "<register>" in cmd:
            if ip in tags:
                return 200, '<response status="error"><msg><line>already exists, ignore</line></msg></response>'
            tags[ip] = re.search(r">([^<]+)</member>", cmd)[1]
        elif "<unregister>" in cmd:
            if tags.pop(ip, None) is None:
                return 200, '<response status="error"><msg><line>does not exist</line></msg></response>'
        elif q.params.get("type") == "op":
            rows = f'<entry ip="{ip}"><tag><member>{tags[ip]}</member></tag></entry>' if ip in tags else ""
            return 200, f'<response status="success"><result>{rows}<count>{len(tags)}</count></result></response>'
        return 200, '<response status="success"/>'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=int, default=1000, help="requests a second before 429")
    given = parser.parse_args()
    vendors = Vendors(given.rate)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                answer = vendors.answer(Request(self.command, self.path, self.headers, body))
            except Refused as refused:
                answer = refused.status, refused.body, refused.headers
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                answer = 400, {"Code": "MalformedRequest", "error": repr(error)}
            status, content = answer[0], answer[1]
            data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/xml" if isinstance(content, str) else "application/json")
            for name, value in (answer[2] if len(answer) > 2 else {}).items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if status != 204:
                self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", given.port), Handler)
    print(f"vendors on 127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
