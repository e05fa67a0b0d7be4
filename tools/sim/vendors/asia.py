"""Alibaba Cloud (Cloud Firewall, WAF 3.0, RAM), Tencent Cloud Firewall, Huawei Cloud Firewall: their signatures, error forms and rates."""
import ipaddress
import itertools
import json
import time

from base import Refused, Vendor
from signatures import alibaba_acs3, huawei_sdk, tencent_tc3


class Alibaba(Vendor):
    version, calls_per_second = "", 10

    def __init__(self, secrets):
        super().__init__(secrets)
        self.nonces = set()

    def throttled(self):
        return 400, {"Code": "Throttling.User", "Message": "Request was denied due to user flow control."}

    def answer(self, request):
        action, version = alibaba_acs3(request, self.secrets, self.nonces)
        if version != self.version or request.method != "POST":
            raise Refused(400, {"Code": "InvalidVersion", "Message": f"{version} {request.method}"})
        if self.hiccups > 0 and not action.startswith(("Describe", "List", "Get")):
            self.hiccups -= 1
            return 503, {"Code": "ServiceUnavailable"}
        handler = getattr(self, "do_" + action, None)
        if handler is None:
            raise Refused(404, {"Code": "InvalidAction.NotFound"})
        answer = handler(dict(request.query))
        return answer if isinstance(answer, tuple) else (200, {"RequestId": "r", **answer})


def page(items, given, number, size):
    first, most = (int(given.get(number, 1)) - 1) * int(given.get(size, 10)), int(given.get(size, 10))
    if not 1 <= most <= 50:
        raise Refused(400, {"Code": "InvalidPageSize"})
    return items[first:first + most]


class CloudFirewall(Alibaba):
    name, version, hiccups = "alibaba_cloud_firewall", "2017-12-07", 1

    def __init__(self, secrets):
        super().__init__(secrets)
        self.books = [{"GroupUuid": f"other-{n}", "GroupName": f"other {n}", "Description": "theirs", "GroupType": "ip", "AddressList": ["10.0.0.0/8"]} for n in range(60)]
        self.books += [{"GroupUuid": "book4", "GroupName": "soc4", "Description": "d", "GroupType": "ip", "AddressList": ["192.0.2.255/32"]},
                       {"GroupUuid": "book6", "GroupName": "soc6", "Description": "d", "GroupType": "ipv6", "AddressList": ["2001:db8:ffff::/48"]},
                       {"GroupUuid": "bookd", "GroupName": "socd", "Description": "d", "GroupType": "domain", "AddressList": ["blocked.invalid"]}]

    def do_DescribeAddressBook(self, given):
        found = [book for book in self.books if book["GroupType"] == given["GroupType"]]
        return {"Acls": page(found, given, "CurrentPage", "PageSize"), "TotalCount": str(len(found))}

    def do_ModifyAddressBook(self, given):
        book = next((book for book in self.books if book["GroupUuid"] == given["GroupUuid"]), None)
        if book is None or given.get("GroupName") != book["GroupName"]:
            raise Refused(400, {"Code": "ErrorParametersUid"})
        for item in given["AddressList"].split(","):
            if book["GroupType"] != "domain" and ("/" not in item or (ipaddress.ip_network(item).version == 6) != (book["GroupType"] == "ipv6")):
                raise Refused(400, {"Code": "ErrorParametersAddress", "Message": item})
            there = item in book["AddressList"]
            if given["ModifyMode"] not in ("Append", "Delete"):
                raise Refused(400, {"Code": "ErrorParameters", "Message": "the whole book would be replaced"})
            if given["ModifyMode"] == "Append" and not there:
                book["AddressList"].append(item)
            if given["ModifyMode"] == "Delete" and there:
                book["AddressList"].remove(item)
        return {}

    def state(self):
        return {"blocked": sorted(sum((book["AddressList"][1:] for book in self.books[-3:]), []))}


class Waf(Alibaba):
    name, version = "alibaba_waf", "2021-10-01"

    def __init__(self, secrets):
        super().__init__(secrets)
        self.ids = itertools.count(2000)
        self.rules = [{"RuleId": n, "RuleName": f"theirs{n}", "Status": 1, "TemplateId": 12345, "Config": json.dumps({"remoteAddr": ["192.0.2.1"], "action": "block"})} for n in range(70)]

    def check(self, given):
        if given["InstanceId"] != "waf-cn-example" or given["RegionId"] != "cn-hangzhou":
            raise Refused(400, {"Code": "Waf.InvalidInstance"})

    def do_DescribeDefenseRules(self, given):
        self.check(given)
        query = json.loads(given["Query"])
        found = [rule for rule in self.rules if rule["TemplateId"] == query["templateId"] and query["scene"] == "ip_blacklist"]
        return {"Rules": page(found, given, "PageNumber", "PageSize"), "TotalCount": len(found)}

    def do_CreateDefenseRule(self, given):
        self.check(given)
        made = []
        for rule in json.loads(given["Rules"]):
            if given["DefenseScene"] != "ip_blacklist" or rule["action"] not in ("block", "monitor") or not 1 <= len(rule["remoteAddr"]) <= 200:
                raise Refused(400, {"Code": "Waf.InvalidRule"})
            for address in rule["remoteAddr"]:
                ipaddress.ip_network(address)
            made.append({"RuleId": next(self.ids), "RuleName": rule["name"], "Status": rule["status"], "TemplateId": int(given["TemplateId"]),
                         "Config": json.dumps({"remoteAddr": rule["remoteAddr"], "action": rule["action"]})})
        self.rules += made
        return {"RuleIds": ",".join(str(rule["RuleId"]) for rule in made)}

    def do_DeleteDefenseRule(self, given):
        self.check(given)
        ids = {int(text) for text in given["RuleIds"].split(",")}
        if not ids <= {rule["RuleId"] for rule in self.rules}:
            raise Refused(400, {"Code": "Waf.Rule.NotFound"})
        self.rules = [rule for rule in self.rules if rule["RuleId"] not in ids]
        return {}

    def state(self):
        return {"blocked": sorted(sum((json.loads(rule["Config"])["remoteAddr"] for rule in self.rules[70:]), []))}


class Ram(Alibaba):
    name, version = "alibaba_ram", "2019-08-15"

    def __init__(self, secrets):
        super().__init__(secrets)
        self.keys = {"LTAIexample1": "Active", "LTAIexample2": "Inactive"}
        self.logon = {"ops@example.onaliyun.com": "Active", "robot@example.onaliyun.com": None}

    def check(self, given):
        if given["UserPrincipalName"] not in self.logon:
            return 404, {"Code": "EntityNotExist.User"}
        return None

    def do_ListAccessKeys(self, given):
        return self.check(given) or {"AccessKeys": {"AccessKey": [{"AccessKeyId": key, "Status": status, "CreateDate": "2026-01-01T00:00:00Z"} for key, status in self.keys.items()]}}

    def do_UpdateAccessKey(self, given):
        if given["UserAccessKeyId"] not in self.keys or given["Status"] not in ("Active", "Inactive"):
            raise Refused(404, {"Code": "EntityNotExist.User.AccessKey"})
        self.keys[given["UserAccessKeyId"]] = given["Status"]
        return self.check(given) or {}

    def do_GetLoginProfile(self, given):
        status = self.logon.get(given["UserPrincipalName"])
        return self.check(given) or ({"LoginProfile": {"Status": status}} if status else (404, {"Code": "EntityNotExist.User.LoginProfile"}))

    def do_UpdateLoginProfile(self, given):
        if self.logon.get(given["UserPrincipalName"]) is None:
            return self.check(given) or (404, {"Code": "EntityNotExist.User.LoginProfile"})
        self.logon[given["UserPrincipalName"]] = given["Status"]
        return {}

    def state(self):
        return {"active_keys": [key for key, status in self.keys.items() if status == "Active"], "logon": self.logon["ops@example.onaliyun.com"]}


class Tencent(Vendor):
    name, calls_per_second, hiccups = "tencent_cloud_firewall", 20, 1

    def __init__(self, secrets):
        super().__init__(secrets)
        self.rules = {}

    def error(self, code, message=""):
        return 200, {"Response": {"Error": {"Code": code, "Message": message}, "RequestId": "r"}}

    def throttled(self):
        return self.error("RequestLimitExceeded")

    def answer(self, request):
        action = tencent_tc3(request, self.secrets, "cfw")
        if request.headers.get("x-tc-version") != "2019-09-04" or not request.headers["content-type"].startswith("application/json"):
            raise Refused(*self.error("InvalidParameter", "version or content type"))
        if self.hiccups > 0 and not action.startswith("Describe"):
            self.hiccups -= 1
            return self.error("InternalError")
        answer = getattr(self, "do_" + action)(request.json())
        return answer if isinstance(answer, tuple) else (200, {"Response": {**answer, "RequestId": "r"}})

    def do_CreateBlockIgnoreRuleList(self, given):
        if given["RuleType"] != 1:
            raise Refused(*self.error("InvalidParameter"))
        for rule in given["Rules"]:
            ipaddress.ip_network(rule["IP"])
            ends = time.mktime(time.strptime(rule["EndTime"], "%Y-%m-%d %H:%M:%S")) - time.timezone - 8 * 3600
            if rule["Direction"] not in (0, 1, 3) or ends <= time.time():
                raise Refused(*self.error("InvalidParameterValue", "EndTime must lie ahead"))
            if (rule["IP"], rule["Direction"]) in self.rules and given.get("CoverDuplicate") != 1:
                continue
            self.rules[rule["IP"], rule["Direction"]] = rule
        return {"List": [{"IP": rule["IP"], "Direction": rule["Direction"]} for rule in given["Rules"]]}

    def do_DeleteBlockIgnoreRuleList(self, given):
        for rule in given["Rules"]:
            self.rules.pop((rule["IP"], rule["Direction"]), None)
        return {}

    def do_DescribeBlockIgnoreList(self, given):
        if not isinstance(given["Offset"], int) or not isinstance(given["Limit"], int) or not isinstance(given["Direction"], str):
            raise Refused(*self.error("InvalidParameter", "types"))
        words = json.loads(given["SearchValue"])["common"]
        found = [{"Ioc": ip, "Direction": direction, "Domain": "", "EndTime": rule["EndTime"], "Action": 1} for (ip, direction), rule in self.rules.items() if words in ip]
        return {"Data": found[given["Offset"]:given["Offset"] + given["Limit"]], "Total": len(found), "ReturnCode": 0}

    def state(self):
        return {"blocked": sorted({ip for ip, _ in self.rules}), "directions": len(self.rules)}


class Huawei(Vendor):
    name = "huawei_cloud_firewall"

    def __init__(self, secrets):
        super().__init__(secrets)
        self.items, self.ids = {}, itertools.count(1)

    def answer(self, request):
        huawei_sdk(request, self.secrets)
        parts = request.parts
        if parts[:2] != ["v1", "project1"]:
            raise Refused(404, {"error_code": "CFW.00109004"})
        if request.method == "GET" and parts[2] == "black-white-lists":
            if request.argument("object_id") != "object1" or request.argument("list_type") != "4" or not request.argument("limit") or request.argument("offset") == "":
                raise Refused(400, {"error_code": "CFW.00200001"})
            found = [item for item in self.items.values() if request.argument("address") in item["address"]]
            return 200, {"data": {"object_id": "object1", "offset": 0, "limit": 100, "total": len(found), "records": found}}
        if request.method == "POST" and parts[2] == "black-white-list":
            given = request.json()
            ipaddress.ip_network(given["address"])
            if given["object_id"] != "object1" or given["list_type"] != 4 or given["direction"] not in (0, 1) or given["address_type"] != (1 if ":" in given["address"] else 0) \
                    or given["protocol"] not in (-1, 1, 6, 17, 58) or not isinstance(given["port"], str):
                raise Refused(400, {"error_code": "CFW.00200001", "error_msg": "invalid parameter"})
            if any(item["address"] == given["address"] and item["direction"] == given["direction"] for item in self.items.values()):
                raise Refused(400, {"error_code": "CFW.00200062", "error_msg": "the address exists"})
            number = f"list-{next(self.ids)}"
            self.items[number] = {"list_id": number, **given}
            return 200, {"data": {"id": number, "name": given["address"]}}
        if request.method == "DELETE" and parts[2] == "black-white-list":
            if self.items.pop(parts[3], None) is None:
                return 404, {"error_code": "CFW.00200004"}
            return 200, {"data": {"id": parts[3]}}
        raise Refused(404, {"error_code": "APIGW.0101"})

    def state(self):
        return {"blocked": sorted({item["address"] for item in self.items.values()}), "directions": len(self.items)}
