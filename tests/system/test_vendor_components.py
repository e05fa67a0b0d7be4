"""Every vendor's component against a simulator that enforces the vendor's own rules: each action is done, read back and undone, through rule, playbook, gate
and task as in earnest; busy answers are tried again; nothing a vendor would not accept is ever sent."""
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request

from harness import ROOT, Case, Node, attack_line, free_port, push, wait_for
from vendor_exercises import EXERCISES

SETTLED = {"done", "verified", "failed", "undone", "expired", "unknown", "refused", "cancelled"}


class Vendors:
    """tools/sim/vendors with fresh secrets."""

    def __init__(self, case):
        self.secrets = {name: secrets.token_hex(16) for name in ("access_key", "secret_key", "token", "client_id", "client_secret")}
        file = case.write("secrets.json", json.dumps(self.secrets), 0o600)
        self.process = subprocess.Popen([sys.executable, os.path.join(ROOT, "tools", "sim", "vendors", "main.py"), file],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        case.remember(self.process.pid, self.process)
        case.addCleanup(self.process.stdout.close)
        case.addCleanup(self.process.stdin.close)
        self.ports = json.loads(self.process.stdout.readline())
        self.files = {name: case.write(f"secret.{name}", value, 0o600) for name, value in self.secrets.items()}
        self.files["path"] = case.write("secret.path", "services/T0/B0/" + self.secrets["token"], 0o600)

    def instance(self, name, exercise, wrong=None):
        endpoint = f"http://127.0.0.1:{self.ports[name]}"
        settings = dict(exercise["settings"])
        if "client_id" in exercise["credentials"]:
            settings["login_url"] = endpoint
        return {"name": f"the-{name}", "component": name, "endpoint": endpoint + exercise.get("path", ""), "settings": settings,
                "credentials": {key: "file:" + (wrong or self.files[value]) for key, value in exercise["credentials"].items()}}

    def look(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['control']}/{name}", timeout=5) as answer:
            return json.load(answer)


AT_ONCE = 4  # playbooks beside one another: jq works through one program at a time


def playbook_of(number, names):
    """One after the other what these components are made to do; what fails doesn't stop the rest."""
    steps = []
    for name in names:
        for action, given, target, duration in EXERCISES[name]["do"]:
            step = {"id": f"do{len(steps)}", "action": action, "on": {"component": name}, "with": given, "on_error": "continue"}
            if target is not None:
                step["target"] = target
            if duration:
                step["for"] = duration
            steps.append(step)
    return json.dumps({"name": f"exercise_{number}", "trigger": "incident", "inputs": {"incident": {"type": "object"}}, "steps": steps})


class VendorComponents(Case):
    about_seconds = 80

    maxDiff = None
    def setUp(self):
        super().setUp()
        self.vendors = Vendors(self)

    def node(self, names, wrong=None):
        groups = [list(names)[n::AT_ONCE] for n in range(min(AT_ONCE, len(names)))]
        for number, group in enumerate(groups):
            self.write(f"playbooks/exercise_{number}/playbook.yaml", playbook_of(number, group))
        rules = [{"id": f"run-{number}", "mode": "auto", "playbook": f"exercise_{number}"} for number in range(len(groups))]
        self.write("response/rules.yaml", json.dumps({"rules": rules}))
        self.write("resources/vendors.yaml", json.dumps({"instances": [self.vendors.instance(name, EXERCISES[name], wrong) for name in names]}))
        self.port = free_port()
        node = Node(self, connectors=[{"name": "push", "kind": "http", "port": self.port}],
                    content={"resources": self.path("resources"), "response": self.path("response"), "playbooks": self.path("playbooks")}).start()
        self.assertEqual(200, push(self.port, [attack_line("203.0.113.250", n) for n in range(3)]))
        return node

    def settled(self, node, count, seconds):
        """All tasks, once there are `count` of them in a state that stays: what can be verified is verified."""
        def ready():
            tasks = node.tasks()
            open_ones = [t for t in tasks if t["status"] not in SETTLED or (t["status"] == "done" and "could not be read back yet" in t["detail"])]
            return tasks if len(tasks) >= count and not open_ones else None
        return wait_for(f"{count} tasks to settle", ready, seconds, 0.5)

    def test_each_component_does_verifies_and_undoes(self):
        node = self.node(EXERCISES)
        count = sum(len(exercise["do"]) for exercise in EXERCISES.values())
        tasks = self.settled(node, count, 240)
        problems = []
        for name, exercise in EXERCISES.items():
            mine = [t for t in tasks if t["instance"] == "the-" + name]
            problems += [f"{name}: {t['action']} {t['target']} is {t['status']}: {t['detail']}" for t in mine if t["status"] != self.expected(name, t["action"])]
            problems += [f"{name}: {len(mine)} tasks of {len(exercise['do'])}"] if len(mine) != len(exercise["do"]) else []
            problems += self.unlike(name, exercise["done"])
        for run in node.shell("runs --last 1000", check=True):
            node.shell(f"undo {run['run']} the test is over")
        deadline = time.monotonic() + 120
        while any(self.unlike(name, exercise["undone"]) for name, exercise in EXERCISES.items()) and time.monotonic() < deadline:
            time.sleep(0.5)
        for name, exercise in EXERCISES.items():
            problems += [f"undone {text}" for text in self.unlike(name, exercise["undone"])]
        self.assertEqual([], problems)
        for vendor, text in (("slack", "&lt;!channel&gt;"), ("teams", "\\[x\\]"), ("feishu", "‹at"), ("dingtalk", "Web intrusion"), ("wecom", "Web intrusion")):
            self.assertIn(text, self.vendors.look(vendor)["state"]["messages"][0])
        self.nothing_leaked(node)

    @staticmethod
    def expected(name, action):
        """Verified wherever the component reads back."""
        reads = action.startswith(("list_", "get_", "lookup_", "collect_"))
        unread = action == "send_notification" or (name, action) == ("cortex_xdr", "block_hash")
        return "done" if reads or unread else "verified"

    def holds(self, name, wanted):
        state = self.vendors.look(name)["state"]
        return all(set(state["pods"]) >= set(value) and all(state["pods"][pod] == labels for pod, labels in value.items()) if key == "pods" else state[key] == value
                   for key, value in wanted.items())

    def unlike(self, name, wanted):
        """In what a vendor is not as it should be, and what it was asked against its rules."""
        seen = self.vendors.look(name)
        return [f"{name}: {text}" for text in seen["violations"]] + ([] if self.holds(name, wanted) else [f"{name}: {seen['state']} is not {wanted}"])

    def nothing_leaked(self, node):
        with open(node.log, encoding="utf-8", errors="replace") as file:
            text = file.read() + json.dumps(node.tasks())
        for name, value in self.vendors.secrets.items():
            self.assertNotIn(value, text, f"the {name} is in the log or in a task")

    def test_a_wrong_secret_fails_each_task_and_is_not_told(self):
        names = ["alibaba_cloud_firewall", "aws_iam", "aws_waf", "tencent_cloud_firewall", "huawei_cloud_firewall", "entra_id", "fortigate", "panos", "cortex_xdr", "kubernetes", "dingtalk", "jira"]
        wrong = self.write("secret.wrong", "wrong-" + secrets.token_hex(8), 0o600)
        with open(wrong, encoding="ascii") as file:
            value = file.read()
        node = self.node(names, wrong)
        tasks = self.settled(node, sum(len(EXERCISES[name]["do"]) for name in names), 120)
        self.assertEqual({"failed"}, {t["status"] for t in tasks})
        with open(node.log, encoding="utf-8", errors="replace") as file:
            self.assertNotIn(value, file.read() + json.dumps(tasks))
        for name in names:
            self.assertNotEqual([], self.vendors.look(name)["violations"], f"{name} was asked, and refused")
