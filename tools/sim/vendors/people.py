"""Chats, calls, tickets and look-ups: Slack, Teams, DingTalk, Feishu, WeCom, PagerDuty, Jira, ServiceNow, reputation services."""
import base64
import hashlib
import hmac
import itertools
import re
import time

from base import Refused, Vendor


class Chat(Vendor):
    def __init__(self, secrets):
        super().__init__(secrets)
        self.messages = []

    def state(self):
        return {"messages": self.messages}


class Slack(Chat):
    name = "slack"

    def answer(self, request):
        if request.path != "/services/T0/B0/" + self.secrets["token"]:
            raise Refused(403, "invalid_token")
        text = request.json()["text"]
        if not text or re.search(r"<[^>]*>", text):
            raise Refused(400, "mark-up got through: " + text)
        self.messages.append(text)
        return 200, "ok"


class Teams(Chat):
    name = "teams"

    def answer(self, request):
        if not request.path.endswith("/triggers/manual/paths/invoke") or request.argument("sig") != self.secrets["token"] or request.argument("api-version") != "2016-06-01" \
                or request.argument("sp") != "/triggers/manual/run" or request.argument("sv") != "1.0":
            raise Refused(401, {"error": {"code": "DirectApiAuthorizationRequired"}})
        card = request.json()["attachments"][0]
        if card["contentType"] != "application/vnd.microsoft.card.adaptive" or card["content"]["type"] != "AdaptiveCard":
            raise Refused(400, {"error": {"code": "InvalidCard"}})
        texts = [block["text"] for block in card["content"]["body"]]
        if any(re.search(r"(?<!\\)\[", text) for text in texts):
            raise Refused(400, {"error": {"code": "mark-up got through"}})
        self.messages.append("\n".join(texts))
        return 202, None


class Dingtalk(Chat):
    name, calls_per_second = "dingtalk", 20

    def answer(self, request):
        stamp = request.argument("timestamp")
        expected = base64.b64encode(hmac.new(self.secrets["secret_key"].encode(), f"{stamp}\n{self.secrets['secret_key']}".encode(), hashlib.sha256).digest()).decode()
        if request.path != "/robot/send" or request.argument("access_token") != "dingtalk-token" or abs(time.time() - int(stamp) / 1000) > 3600 or request.argument("sign") != expected:
            raise Refused(200, {"errcode": 310000, "errmsg": "sign not match"})
        given = request.json()
        if given["msgtype"] != "text":
            raise Refused(200, {"errcode": 40035})
        self.messages.append(given["text"]["content"])
        return 200, {"errcode": 0, "errmsg": "ok"}


class Feishu(Chat):
    name = "feishu"

    def answer(self, request):
        given = request.json()
        expected = base64.b64encode(hmac.new(f"{given['timestamp']}\n{self.secrets['secret_key']}".encode(), b"", hashlib.sha256).digest()).decode()
        if request.path != "/open-apis/bot/v2/hook/feishu-hook" or abs(time.time() - int(given["timestamp"])) > 3600 or given["sign"] != expected:
            raise Refused(200, {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"})
        if given["msg_type"] != "text" or "<at" in given["content"]["text"]:
            raise Refused(200, {"code": 9499, "msg": "Bad Request"})
        self.messages.append(given["content"]["text"])
        return 200, {"code": 0, "msg": "success", "data": {}}


class Wecom(Chat):
    name = "wecom"

    def answer(self, request):
        if request.path != "/cgi-bin/webhook/send" or request.argument("key") != self.secrets["token"]:
            raise Refused(200, {"errcode": 93000, "errmsg": "invalid webhook url"})
        given = request.json()
        if given["msgtype"] != "text" or len(given["text"]["content"].encode()) > 2048:
            raise Refused(200, {"errcode": 40058})
        self.messages.append(given["text"]["content"])
        return 200, {"errcode": 0, "errmsg": "ok"}


class Pagerduty(Vendor):
    name = "pagerduty"

    def __init__(self, secrets):
        super().__init__(secrets)
        self.incidents, self.ids = {}, itertools.count(1)

    def answer(self, request):
        if request.headers.get("authorization") != "Token token=" + self.secrets["token"] or "vnd.pagerduty+json;version=2" not in request.headers.get("accept", ""):
            raise Refused(401, {"error": {"code": 2006, "message": "Authentication failed"}})
        if request.method == "GET":
            statuses = [value for key, value in request.query if key == "statuses[]"]
            return 200, {"incidents": [i for i in self.incidents.values() if i["incident_key"] == request.argument("incident_key") and i["status"] in statuses]}
        if request.headers.get("from") != "soc@example.com":
            raise Refused(400, {"error": {"code": 2100, "message": "From header is needed"}})
        given = request.json()["incident"]
        if request.method == "PUT":
            self.incidents[request.parts[1]]["status"] = given["status"]
            return 200, {"incident": self.incidents[request.parts[1]]}
        if given["type"] != "incident" or given["service"] != {"id": "PSERVICE", "type": "service_reference"} or given["urgency"] not in ("high", "low") or given["body"]["type"] != "incident_body":
            raise Refused(400, {"error": {"code": 2001}})
        if any(i["incident_key"] == given["incident_key"] and i["status"] != "resolved" for i in self.incidents.values()):
            return 400, {"error": {"code": 2002, "message": "Arguments Caused Error", "errors": ["Open incident with matching dedup key already exists on this service"]}}
        number = f"Q{next(self.ids)}"
        self.incidents[number] = {"id": number, "status": "triggered", "incident_key": given["incident_key"], "title": given["title"]}
        return 201, {"incident": self.incidents[number]}

    def state(self):
        return {"open": [i["title"] for i in self.incidents.values() if i["status"] != "resolved"]}


class Basic(Vendor):
    def basic(self, request):
        if request.headers.get("authorization") != "Basic " + base64.b64encode(f"{self.secrets['client_id']}:{self.secrets['token']}".encode()).decode():
            raise Refused(401, {"error": "Client must be authenticated"})


class Jira(Basic):
    name = "jira"

    def __init__(self, secrets):
        super().__init__(secrets)
        self.issues, self.ids = {}, itertools.count(1)

    def answer(self, request):
        self.basic(request)
        parts = request.parts
        if parts[:4] != ["rest", "api", "2", "issue"]:
            raise Refused(404, {"errorMessages": ["no such resource"]})
        if request.method == "POST" and len(parts) == 4:
            fields = request.json()["fields"]
            if fields["project"] != {"key": "SOC"} or fields["issuetype"] != {"name": "Task"} or len(fields["summary"]) > 255 or any(" " in label for label in fields["labels"]):
                raise Refused(400, {"errors": {"fields": "invalid"}})
            key = f"SOC-{next(self.ids)}"
            self.issues[key] = {"summary": fields["summary"], "status": "To Do"}
            return 201, {"id": "1", "key": key}
        issue = self.issues.get(parts[4])
        if issue is None:
            return 404, {"errorMessages": ["Issue does not exist"]}
        if parts[5:] == ["transitions"] and request.method == "GET":
            return 200, {"transitions": [{"id": "21", "name": "In Progress", "to": {"name": "In Progress"}}, {"id": "31", "name": "Done", "to": {"name": "Done"}}]}
        if parts[5:] == ["transitions"]:
            if request.json()["transition"] != {"id": "31"}:
                raise Refused(400, {"errorMessages": ["no such transition"]})
            issue["status"] = "Done"
            return 204, None
        return 200, {"key": parts[4], "fields": {"status": {"name": issue["status"], "statusCategory": {"key": "done" if issue["status"] == "Done" else "new"}}}}

    def state(self):
        return {"open": [issue["summary"] for issue in self.issues.values() if issue["status"] != "Done"]}


class Servicenow(Basic):
    name = "servicenow"

    def __init__(self, secrets):
        super().__init__(secrets)
        self.records, self.ids = {}, itertools.count(1)

    def answer(self, request):
        self.basic(request)
        parts = request.parts
        if parts[:4] != ["api", "now", "table", "incident"]:
            raise Refused(404, {"error": {"message": "no such table"}})
        if request.method == "POST":
            given = request.json()
            if given["urgency"] not in "123" or not given["short_description"] or len(given["short_description"]) > 160:
                raise Refused(400, {"error": {"message": "invalid"}})
            number = f"sys{next(self.ids)}"
            self.records[number] = {**given, "sys_id": number, "number": f"INC{len(self.records) + 1:07}", "state": "1", "active": "true"}
            return 201, {"result": self.records[number]}
        if len(parts) == 4:
            terms = dict(term.split("=", 1) for term in request.argument("sysparm_query").split("^"))
            found = [r for r in self.records.values() if all(r.get(key) == value for key, value in terms.items())]
            return 200, {"result": found[:int(request.argument("sysparm_limit", "10"))]}
        record = self.records.get(parts[4])
        if record is None:
            return 404, {"error": {"message": "No Record found"}}
        if request.method == "PATCH":
            given = request.json()
            if given.get("state") == "6" and not (given.get("close_code") and given.get("close_notes")):
                raise Refused(403, {"error": {"message": "Data Policy Exception: close code and notes are mandatory"}})
            record.update(given)
        return 200, {"result": record}

    def state(self):
        return {"open": [r["short_description"] for r in self.records.values() if r["state"] == "1"]}


class Reputation(Vendor):
    name = "http_reputation"

    def answer(self, request):
        self.bearer(request)
        value = request.argument("value")
        if request.path != "/v1/reputation" or not value:
            raise Refused(400, {"error": "value is needed"})
        return (200, {"known": True, "malicious": True, "score": 90, "labels": ["scanner"]}) if value.startswith("203.0.113.") else (404, {})


class Virustotal(Vendor):
    name, calls_per_second = "virustotal", 4

    def answer(self, request):
        if request.headers.get("x-apikey") != self.secrets["token"]:
            raise Refused(401, {"error": {"code": "WrongCredentialsError"}})
        parts = request.parts
        shapes = {"ip_addresses": r"[0-9a-f.:]+", "domains": r"[a-z0-9.-]+", "files": r"[0-9a-f]{32,64}"}
        if parts[:2] != ["api", "v3"] or not re.fullmatch(shapes[parts[2]], parts[3]):
            raise Refused(400, {"error": {"code": "InvalidArgumentError"}})
        if parts[3] not in ("203.0.113.9", "evil.example", "ab" * 32):
            return 404, {"error": {"code": "NotFoundError"}}
        return 200, {"data": {"attributes": {"last_analysis_stats": {"malicious": 12, "harmless": 60}, "popular_threat_classification": {"suggested_threat_label": "trojan.x"}}}}
