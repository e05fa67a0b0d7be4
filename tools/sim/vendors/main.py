#!/usr/bin/env python3
"""Simulated vendors, each on a loopback port of its own: for system tests and for trying components out. Never part of a node.
usage: tools/sim/vendors/main.py SECRETS.json [VENDOR...]
SECRETS.json: access_key, secret_key, token, client_id, client_secret. The first line on stdout is a JSON map of names to ports; "control" answers GET /<vendor>:
its state, its calls and everything that was against its rules. Each vendor enforces what its documentation says (signatures, error forms, rates,
state); the classes say what that is. Without names: all."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import asia  # noqa: E402
import aws  # noqa: E402
import base  # noqa: E402
import devices  # noqa: E402
import microsoft  # noqa: E402
import people  # noqa: E402

ALL = [aws.Waf, aws.Acl, aws.Iam, aws.Backup, asia.CloudFirewall, asia.Waf, asia.Ram, asia.Tencent, asia.Huawei, microsoft.Nsg, microsoft.Entra, microsoft.Defender,
       devices.Fortigate, devices.Panos, devices.Cortex, devices.Edr, devices.Kubernetes, people.Slack, people.Teams, people.Dingtalk, people.Feishu, people.Wecom,
       people.Pagerduty, people.Jira, people.Servicenow, people.Reputation, people.Virustotal]


class Control(base.Vendor):
    name = "control"

    def __init__(self, vendors):
        super().__init__({})
        self.vendors = vendors

    def answer(self, request):
        vendor = self.vendors[request.parts[0]]
        return 200, {"state": vendor.state(), "calls": vendor.calls, "violations": vendor.violations}


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    with open(sys.argv[1], encoding="utf-8") as file:
        secrets = json.load(file)
    known = {vendor.name: vendor for vendor in ALL}
    vendors = {name: known[name](secrets) for name in sys.argv[2:] or known}
    ports = {name: base.start(vendor) for name, vendor in vendors.items()}
    ports["control"] = base.start(Control(vendors))
    print(json.dumps(ports), flush=True)
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
