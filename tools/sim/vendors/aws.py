"""AWS: WAFV2 IP sets, network ACLs, IAM, Backup. Signature Version 4, optimistic locks, XML answers of the Query APIs, quotas."""
import ipaddress
import json
import uuid

from base import Refused, Vendor
from signatures import aws_sigv4

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


def xml_error(code, message=""):
    return f"{XML}<Response>\n  <Errors>\n    <Error>\n      <Code>{code}</Code>\n      <Message>{message}</Message>\n    </Error>\n  </Errors>\n</Response>"


def network(text):
    """Only CIDR notation is taken, and IPv6 comes back in full."""
    if "/" not in text:
        raise Refused(400, {"__type": "WAFInvalidParameterException", "message": f"{text} is no CIDR"})
    net = ipaddress.ip_network(text, strict=True)
    return str(net) if net.version == 4 else f"{net.network_address.exploded}/{net.prefixlen}"


class Waf(Vendor):
    name, calls_per_second, hiccups = "aws_waf", 10, 1

    def __init__(self, secrets):
        super().__init__(secrets)
        self.sets = {name: {"Id": f"{name}-id", "Name": name, "ARN": "arn:" + name, "Addresses": [first], "IPAddressVersion": version, "LockToken": str(uuid.uuid4())}
                     for name, version, first in (("soc4", "IPV4", "192.0.2.255/32"), ("soc6", "IPV6", network("2001:db8:ffff::/48")))}

    def answer(self, request):
        region = aws_sigv4(request, self.secrets, "wafv2", lambda text: {"__type": "InvalidSignatureException", "message": text})
        body = json.loads(request.body)
        if region != "eu-central-1" or body["Scope"] != "REGIONAL" or request.headers["content-type"] != "application/x-amz-json-1.1":
            raise Refused(400, {"__type": "WAFInvalidParameterException"})
        one = self.sets.get(body["Name"])
        if not one or one["Id"] != body["Id"]:
            raise Refused(400, {"__type": "WAFNonexistentItemException"})
        action = request.headers["x-amz-target"].removeprefix("AWSWAF_20190729.")
        if action == "GetIPSet":
            return 200, {"IPSet": {key: one[key] for key in one if key != "LockToken"}, "LockToken": one["LockToken"]}
        if action != "UpdateIPSet":
            raise Refused(400, {"__type": "UnknownOperationException"})
        if self.hiccups > 0:  # somebody else was faster
            self.hiccups -= 1
            one["LockToken"] = str(uuid.uuid4())
            one["Addresses"].append(network("198.51.100.200/32") if one["IPAddressVersion"] == "IPV4" else network("2001:db8:1::/64"))
        if body["LockToken"] != one["LockToken"]:
            return 400, {"__type": "WAFOptimisticLockException", "message": "the token is stale"}
        addresses = [network(text) for text in body["Addresses"]]
        if len(set(addresses)) != len(addresses) or len(addresses) > 10_000:
            raise Refused(400, {"__type": "WAFInvalidParameterException", "message": "twice the same, or too many"})
        one["Addresses"], one["LockToken"] = addresses, str(uuid.uuid4())
        return 200, {"NextLockToken": one["LockToken"]}

    def state(self):
        return {"blocked": sorted(sum((one["Addresses"] for one in self.sets.values()), []))}


class Acl(Vendor):
    name, hiccups = "aws_network_acl", 1

    def __init__(self, secrets):
        super().__init__(secrets)
        self.entries = {(100, False): ("-1", "allow", "0.0.0.0/0"), (101, False): ("-1", "allow", "::/0"), (100, True): ("-1", "allow", "0.0.0.0/0"),
                        (10, False): ("6", "deny", "192.0.2.0/24"), (32767, False): ("-1", "deny", "0.0.0.0/0")}

    def throttled(self):
        return 503, xml_error("RequestLimitExceeded")

    def answer(self, request):
        aws_sigv4(request, self.secrets, "ec2", lambda text: xml_error("SignatureDoesNotMatch", text))
        form = request.form()
        if form["Version"] != "2016-11-15" or form.get("NetworkAclId", form.get("NetworkAclId.1")) != "acl-0123456789abcdef0":
            raise Refused(400, xml_error("InvalidNetworkAclID.NotFound"))
        return getattr(self, "do_" + form["Action"])(form)

    def do_DescribeNetworkAcls(self, _):
        items = "".join(f"""
          <item>
            <ruleNumber>{number}</ruleNumber>
            <protocol>{protocol}</protocol>
            <ruleAction>{action}</ruleAction>
            <egress>{str(egress).lower()}</egress>
            <{'ipv6CidrBlock' if ':' in net else 'cidrBlock'}>{net}</{'ipv6CidrBlock' if ':' in net else 'cidrBlock'}>
          </item>""" for (number, egress), (protocol, action, net) in sorted(self.entries.items()))
        return 200, f"""{XML}<DescribeNetworkAclsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>1</requestId>
    <networkAclSet><item><networkAclId>acl-0123456789abcdef0</networkAclId><entrySet>{items}
        </entrySet></item></networkAclSet>
</DescribeNetworkAclsResponse>"""

    def do_CreateNetworkAclEntry(self, form):
        if self.hiccups > 0:
            self.hiccups -= 1
            return self.throttled()
        key = int(form["RuleNumber"]), form["Egress"] == "true"
        net = form.get("Ipv6CidrBlock") if "Ipv6CidrBlock" in form else form["CidrBlock"]
        ipaddress.ip_network(net, strict=True)
        if ("Ipv6CidrBlock" in form) != (":" in net) or not 1 <= key[0] <= 32766 or form["RuleAction"] not in ("allow", "deny") or "/" not in net:
            raise Refused(400, xml_error("InvalidParameterValue"))
        if key in self.entries:
            return 400, xml_error("NetworkAclEntryAlreadyExists")
        if sum(1 for _, egress in self.entries if egress == key[1]) > 20:
            return 400, xml_error("NetworkAclEntryLimitExceeded")
        self.entries[key] = form["Protocol"], form["RuleAction"], net
        return 200, f"{XML}<CreateNetworkAclEntryResponse><requestId>1</requestId><return>true</return></CreateNetworkAclEntryResponse>"

    def do_DeleteNetworkAclEntry(self, form):
        if self.entries.pop((int(form["RuleNumber"]), form["Egress"] == "true"), None) is None:
            return 400, xml_error("InvalidNetworkAclEntry.NotFound")
        return 200, f"{XML}<DeleteNetworkAclEntryResponse><requestId>1</requestId><return>true</return></DeleteNetworkAclEntryResponse>"

    def state(self):
        return {"blocked": sorted(net for (number, egress), (_, action, net) in self.entries.items() if action == "deny" and not egress and 10 < number < 100)}


class Iam(Vendor):
    name, calls_per_second = "aws_iam", 20

    def __init__(self, secrets):
        super().__init__(secrets)
        self.users = {"ci": {"keys": {"AKIAEXAMPLE1": "Active", "AKIAEXAMPLE2": "Active", "AKIAEXAMPLE3": "Inactive"}, "attached": {"ReadOnlyAccess"}, "inline": {}},
                      "backup": {"keys": {"AKIAEXAMPLE9": "Active"}, "attached": set(), "inline": {}}}
        self.roles = {"deployer": {"inline": {}}}

    def throttled(self):
        return 400, "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"

    def answer(self, request):
        if aws_sigv4(request, self.secrets, "iam", lambda text: xml_error("SignatureDoesNotMatch", text)) != "us-east-1":
            raise Refused(403, xml_error("SignatureDoesNotMatch", "IAM is signed for us-east-1"))
        form = request.form()
        if form["Version"] != "2010-05-08":
            raise Refused(400, xml_error("InvalidAction"))
        kind = "roles" if "RoleName" in form else "users"
        who = getattr(self, kind).get(form.get("RoleName") or form["UserName"])
        if who is None:
            return 404, f'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">\n  <Error>\n    <Code>NoSuchEntity</Code>\n  </Error>\n</ErrorResponse>'
        result = getattr(self, "do_" + form["Action"].replace("Role", "User"))(who, form)
        if result is None:
            return 404, "<ErrorResponse>\n  <Error>\n    <Code>NoSuchEntity</Code>\n  </Error>\n</ErrorResponse>"
        return 200, f'<{form["Action"]}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">\n<{form["Action"]}Result>\n{result}</{form["Action"]}Result>\n</{form["Action"]}Response>'

    def do_GetUser(self, _, form):
        return f"<User><UserName>{form['UserName']}</UserName></User>\n"

    def do_ListAccessKeys(self, who, form):
        keys = "".join(f"    <member>\n      <UserName>{form['UserName']}</UserName>\n      <AccessKeyId>{key}</AccessKeyId>\n      <Status>{status}</Status>\n    </member>\n"
                       for key, status in who["keys"].items())
        return f"  <AccessKeyMetadata>\n{keys}  </AccessKeyMetadata>\n  <IsTruncated>false</IsTruncated>\n"

    def do_UpdateAccessKey(self, who, form):
        if form["AccessKeyId"] not in who["keys"]:
            return None
        if form["Status"] not in ("Active", "Inactive"):
            raise Refused(400, xml_error("ValidationError"))
        who["keys"][form["AccessKeyId"]] = form["Status"]
        return ""

    def do_AttachUserPolicy(self, who, form):
        if form["PolicyArn"] != "arn:aws:iam::aws:policy/AWSDenyAll":
            raise Refused(404, xml_error("NoSuchEntity"))
        who["attached"].add("AWSDenyAll")
        return ""

    def do_DetachUserPolicy(self, who, form):
        name = form["PolicyArn"].rsplit("/", 1)[1]
        if name not in who["attached"]:
            return None
        who["attached"].discard(name)
        return ""

    def do_ListAttachedUserPolicies(self, who, _):
        members = "".join(f"<member><PolicyName>{name}</PolicyName><PolicyArn>arn:aws:iam::aws:policy/{name}</PolicyArn></member>" for name in sorted(who["attached"]))
        return f"<AttachedPolicies>{members}</AttachedPolicies><IsTruncated>false</IsTruncated>"

    def do_PutUserPolicy(self, who, form):
        statement = json.loads(form["PolicyDocument"])["Statement"][0]
        if statement["Effect"] != "Deny" or "aws:TokenIssueTime" not in statement["Condition"]["DateLessThan"]:
            raise Refused(400, xml_error("MalformedPolicyDocument"))
        who["inline"][form["PolicyName"]] = form["PolicyDocument"]
        return ""

    def do_DeleteUserPolicy(self, who, form):
        return "" if who["inline"].pop(form["PolicyName"], None) is not None else None

    def do_GetUserPolicy(self, who, form):
        return f"<PolicyName>{form['PolicyName']}</PolicyName>" if form["PolicyName"] in who["inline"] else None

    def state(self):
        ci = self.users["ci"]
        return {"active_keys": sorted(key for key, status in ci["keys"].items() if status == "Active"), "denied": "AWSDenyAll" in ci["attached"],
                "revoked": sorted(ci["inline"]) + sorted(self.roles["deployer"]["inline"])}


class Backup(Vendor):
    name = "aws_backup"
    own = {"Sid": "Own", "Effect": "Deny", "Principal": "*", "Action": "backup:StartRestoreJob", "Resource": "*"}

    def __init__(self, secrets):
        super().__init__(secrets)
        self.policy = json.dumps({"Version": "2012-10-17", "Statement": [self.own]})

    def answer(self, request):
        aws_sigv4(request, self.secrets, "backup", lambda text: {"Code": "InvalidSignatureException", "Message": text})
        if request.parts != ["backup-vaults", "production", "access-policy"]:
            raise Refused(404, {"Code": "ResourceNotFoundException"})
        if request.method == "PUT":
            policy = json.loads(request.json()["Policy"])
            if policy["Version"] != "2012-10-17" or not all(s["Effect"] in ("Allow", "Deny") and s["Principal"] and s["Action"] for s in policy["Statement"]):
                raise Refused(400, {"Code": "InvalidParameterValueException"})
            self.policy = json.dumps(policy)
            return 200, None
        if self.policy is None:
            return 404, {"Code": "ResourceNotFoundException"}
        if request.method == "DELETE":
            self.policy = None
            return 200, None
        return 200, {"BackupVaultName": "production", "BackupVaultArn": "arn:aws:backup:eu-central-1:123456789012:backup-vault:production", "Policy": self.policy}

    def state(self):
        statements = json.loads(self.policy)["Statement"] if self.policy else []
        return {"protected": any("backup:DeleteRecoveryPoint" in s["Action"] for s in statements), "own": self.own in statements}
