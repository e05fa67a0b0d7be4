"""What each component of connectors/targets is made to do against its simulated vendor (tools/sim/vendors), and what the vendor must look like
afterwards and after everything was undone. `do`: (action, with, target, for); a target in a list of its own is an entity."""
IP4, IP6, DOMAIN = "203.0.113.77", "2001:db8:9::1", "evil.example"
SHA256 = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"
FILE, PROCESS = {"type": "file", "key": "fs1|/tmp/x", "value": "/tmp/x"}, {"type": "process", "key": "fs1|66|9", "value": "locker"}
CLOUD = {"access_key": "access_key", "secret_key": "secret_key"}
OAUTH = {"client_id": "client_id", "client_secret": "client_secret"}
TOKEN = {"token": "token"}
BASIC = {"user": "client_id", "token": "token"}
MESSAGE = {"title": "Web intrusion on web1 <!channel> [x](http://e)", "text": "line <a|b>", "severity": "High", "details": {"incident": "i1"}}
TICKET = {"title": "Web intrusion on web1", "text": "see there", "severity": "High", "incident": "i-1"}


def blocks(*values):
    return [("block_ip", {}, value, "1h") for value in values]


EXERCISES = {
    "alibaba_cloud_firewall": dict(
        credentials=CLOUD, settings={"book4": "book4", "book6": "book6", "book_domain": "bookd"},
        do=[*blocks(IP4, IP6), ("block_domain", {}, DOMAIN, "1h")], done={"blocked": ["2001:db8:9::1/128", "203.0.113.77/32", "evil.example"]}, undone={"blocked": []}),
    "alibaba_waf": dict(
        credentials=CLOUD, settings={"instance_id": "waf-cn-example", "template_id": 12345}, do=blocks(IP4, IP6), done={"blocked": [IP6, IP4]}, undone={"blocked": []}),
    "alibaba_ram": dict(
        credentials=CLOUD, settings={"domain": "example.onaliyun.com"},
        do=[("list_keys", {}, "ops", None), ("disable_key", {"key": "LTAIexample1"}, "ops", None), ("disable_user", {}, "ops", None), ("disable_user", {}, "robot", None)],
        done={"active_keys": [], "logon": "Inactive"}, undone={"active_keys": ["LTAIexample1"], "logon": "Active"}),
    "aws_waf": dict(
        credentials=CLOUD, settings={"region": "eu-central-1", "scope": "REGIONAL", "set4_name": "soc4", "set4_id": "soc4-id", "set6_name": "soc6", "set6_id": "soc6-id"}, do=blocks(IP4, IP6),
        done={"blocked": ["192.0.2.255/32", "198.51.100.200/32", "2001:0db8:0009:0000:0000:0000:0000:0001/128", "2001:0db8:ffff:0000:0000:0000:0000:0000/48", "203.0.113.77/32"]},
        undone={"blocked": ["192.0.2.255/32", "198.51.100.200/32", "2001:0db8:ffff:0000:0000:0000:0000:0000/48"]}),
    "aws_network_acl": dict(
        credentials=CLOUD, settings={"region": "eu-central-1", "acl": "acl-0123456789abcdef0", "first": 10, "last": 28}, do=blocks(IP4, IP6),
        done={"blocked": ["2001:db8:9::1/128", "203.0.113.77/32"]}, undone={"blocked": []}),
    "aws_iam": dict(
        credentials=CLOUD, settings={},
        do=[("list_keys", {}, "ci", None), ("disable_key", {"key": "AKIAEXAMPLE1"}, "ci", None), ("disable_user", {}, "ci", None), ("revoke_sessions", {}, "ci", None), ("revoke_sessions", {}, "deployer", None)],
        done={"active_keys": ["AKIAEXAMPLE2"], "denied": True, "revoked": ["AWSRevokeOlderSessions", "AWSRevokeOlderSessions"]},
        undone={"active_keys": ["AKIAEXAMPLE1", "AKIAEXAMPLE2"], "denied": False, "revoked": []}),
    "aws_backup": dict(credentials=CLOUD, settings={"region": "eu-central-1", "vault": "production"}, do=[("protect_backups", {}, None, None)],
                       done={"protected": True, "own": True}, undone={"protected": False, "own": True}),
    "tencent_cloud_firewall": dict(credentials=CLOUD, settings={}, do=blocks(IP4, "203.0.113.78"), done={"blocked": [IP4, "203.0.113.78"], "directions": 4}, undone={"blocked": []}),
    "huawei_cloud_firewall": dict(
        credentials=CLOUD, settings={"project_id": "project1", "object_id": "object1"}, do=blocks(IP4, IP6), done={"blocked": [IP6, IP4], "directions": 4}, undone={"blocked": []}),
    "azure_nsg": dict(
        credentials=OAUTH, settings={"tenant_id": "tenant1", "subscription": "sub1", "resource_group": "edge", "nsg": "nsg1", "first": 100, "last": 999}, do=blocks(IP4, IP6),
        done={"blocked": [IP6, IP4]}, undone={"blocked": []}),
    "entra_id": dict(
        credentials=OAUTH, settings={"tenant_id": "tenant1"}, do=[("disable_user", {}, "ann@example.com", None), ("revoke_sessions", {}, "ann@example.com", None)],
        done={"enabled": False, "revoked": True}, undone={"enabled": True}),
    "defender_endpoint": dict(
        credentials=OAUTH, settings={"tenant_id": "tenant1"},
        do=[("isolate_host", {}, "fs1", None), ("block_hash", {}, SHA256, "1h"), *blocks(IP4), ("block_domain", {}, DOMAIN, None), ("block_url", {}, "https://evil.example/a'b", "1h"), ("collect_evidence", {}, "fs1", None)],
        done={"isolated": True, "blocked": [IP4, SHA256, DOMAIN, "https://evil.example/a'b"], "packages": 1}, undone={"isolated": False, "blocked": []}),
    "fortigate": dict(credentials=TOKEN, settings={"group4": "soc4", "group6": "soc6"}, do=blocks(IP4, IP6), done={"blocked": [IP6, IP4]}, undone={"blocked": []}),
    "panos": dict(credentials={"key": "token"}, settings={}, do=blocks(IP4, IP6), done={"blocked": [IP6, IP4]}, undone={"blocked": []}),
    "cortex_xdr": dict(
        credentials={"key": "token"}, settings={"key_id": "7"},
        do=[("isolate_host", {}, "fs1", None), ("quarantine_file", {"file": "fs1|/tmp/x", "sha256": SHA256}, FILE, None), ("block_hash", {}, SHA256, None)],
        done={"isolated": True, "quarantined": ["/tmp/x"], "blocked": [SHA256]}, undone={"isolated": False, "quarantined": [], "blocked": []}),
    "generic_edr": dict(
        credentials=TOKEN, settings={},
        do=[("isolate_host", {}, "fs1", None), ("kill_process_tree", {"process": "fs1|66|9"}, PROCESS, None), ("quarantine_file", {"file": "fs1|/tmp/x"}, FILE, None), ("block_hash", {}, SHA256, "1h"),
            ("collect_evidence", {"what": ["persistence"]}, "fs1", None)],
        done={"isolated": ["fs1"], "killed": ["fs1|66|9"], "quarantined": ["fs1|/tmp/x"], "blocked": [SHA256], "evidence": ["fs1"]}, undone={"isolated": [], "quarantined": [], "blocked": []}),
    "kubernetes": dict(
        credentials=TOKEN, settings={}, do=[("isolate_pod", {}, "shop/pods/cart-7f", None), ("cordon_node", {}, "node-3", None), ("delete_pod", {}, "shop/cart-8a", None)],
        done={"pods": {"cart-7f": {"soc-isolated": "true"}}, "cordoned": ["node-3"], "policies": ["shop"]}, undone={"pods": {"cart-7f": {"app": "cart", "team": "web"}}, "cordoned": []}),
    "slack": dict(credentials={"path": "path"}, settings={}, do=[("send_notification", MESSAGE, None, None)], done={}, undone={}),
    "teams": dict(credentials={"sig": "token"}, settings={}, path="/workflows/w1/triggers/manual/paths/invoke", do=[("send_notification", MESSAGE, None, None)], done={}, undone={}),
    "dingtalk": dict(credentials={"secret": "secret_key"}, settings={"access_token": "dingtalk-token"}, do=[("send_notification", MESSAGE, None, None)], done={}, undone={}),
    "feishu": dict(credentials={"secret": "secret_key"}, settings={"hook": "feishu-hook"}, do=[("send_notification", {**MESSAGE, "text": '<at user_id="all">all</at>'}, None, None)], done={}, undone={}),
    "wecom": dict(credentials={"key": "token"}, settings={}, do=[("send_notification", {**MESSAGE, "text": "x" * 5000}, None, None)], done={}, undone={}),
    "pagerduty": dict(credentials=TOKEN, settings={"from": "soc@example.com", "service": "PSERVICE"}, do=[("open_page", TICKET, None, None)], done={"open": [TICKET["title"]]}, undone={"open": []}),
    "jira": dict(credentials=BASIC, settings={"project": "SOC"}, do=[("create_ticket", TICKET, None, None)], done={"open": ["[High] " + TICKET["title"]]}, undone={"open": []}),
    "servicenow": dict(credentials={"user": "client_id", "password": "token"}, settings={}, do=[("create_ticket", TICKET, None, None)], done={"open": [TICKET["title"]]}, undone={"open": []}),
    "http_reputation": dict(credentials=TOKEN, settings={}, do=[("lookup_reputation", {}, "203.0.113.5", None), ("lookup_reputation", {}, "good.example", None)], done={}, undone={}),
    "virustotal": dict(credentials={"key": "token"}, settings={}, do=[("lookup_reputation", {}, value, None) for value in ("203.0.113.9", "evil.example", "ab" * 32)], done={}, undone={}),
}
