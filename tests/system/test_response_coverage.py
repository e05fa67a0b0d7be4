"""Coverage: raw logs of one attack for each built-in scenario go through the whole product, every response rule acts by itself, every person says yes, and each vendor is
simulated. Counted: of the entities an incident names that may be acted on, how many were acted on and read back. `tests/system/run ResponseCoverage` prints the table."""
import json
import os
import re
import time

from harness import ROOT, Case, Node, wait_for
from scenario_logs import SCENARIOS, logs_of
from test_vendor_components import Vendors
from vendor_exercises import EXERCISES

ACTORS = {"fortigate": ["edge"], "aws_waf": ["web"], "alibaba_cloud_firewall": ["edge"], "generic_edr": [], "aws_iam": [], "entra_id": ["directory"], "alibaba_ram": [], "kubernetes": [], "aws_backup": [], "servicenow": [], "pagerduty": [],
          "http_reputation": [], "slack": []}
INNER = re.compile(r"^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|127\.|fc|fd|::1$)")
OURS = re.compile(r"(?i)^(/bin/|/sbin/|/usr/|/var/spool/cron/|c:\\windows\\|sshd$)")
SYSTEM = re.compile(r"(?i)(^|\\)(root|system|local service|network service|administrator|www-data|postgres|tomcat|jenkins)$")
ALIAS = re.compile(r"(?i)(^|\\)(s-1-5-[0-9-]+|aida[a-z0-9]+|u?\d+)$")
VICTIM = re.compile(r"(?i)(\.lockbit|restore-my-files[^\\]*\.txt)$")


def why_left_out(entity, hosts):
    """Why nothing may be done to an entity; empty: something should."""
    kind, key, label, role = entity["type"], entity["key"], entity.get("label", ""), entity.get("role", "")
    if role in ("observer", "parent", "related"):
        return "only seen beside it"
    if kind == "ip" and INNER.match(key):
        return "an inner address"
    if kind == "domain" and (key in hosts or key == "shop.example"):
        return "a name of our own"
    if kind == "file" and (OURS.match(key.rsplit("|", 1)[-1]) or key.endswith("/")):
        return "part of the system"
    if kind == "file" and VICTIM.search(key):
        return "what was encrypted"
    if kind == "process" and (OURS.match(label) or label.isdigit()):
        return "a program of the system, or known by its number only"
    if kind == "user" and SYSTEM.search(key):
        return "an account the machine needs"
    if kind == "user" and ALIAS.search(key):
        return "the number of an account that is named beside it"
    if kind == "url" and "://" not in key:
        return "a path of our own site"
    if kind == "registry_key":
        return "no action suits a registry key"
    return ""


class ResponseCoverage(Case):
    about_seconds = 70

    def setUp(self):
        super().setUp()
        self.vendors = Vendors(self)
        self.everything_acts()
        instances = [{**self.vendors.instance(name, EXERCISES[name]), "tags": tags} for name, tags in ACTORS.items()]
        self.write("resources/vendors.yaml", json.dumps({"instances": instances}))
        connectors = [{"name": f"s{n}-{file.split('.')[0]}", "kind": "file", "paths": [self.path("logs", str(n), file)], **({"multiline": "audit_serial"} if file == "audit.log" else {})}
                      for n, scenario in enumerate(SCENARIOS) for file in logs_of(scenario, 0)]
        os.makedirs(self.path("logs"))
        for n, _ in enumerate(SCENARIOS):
            os.makedirs(self.path("logs", str(n)))
        self.node = Node(self, connectors=connectors, content={"resources": self.path("resources"), "response": self.path("response")}).start()

    def everything_acts(self):
        """The product's own rules, each in mode auto; limits of an hour don't belong into a test of seconds."""
        folder = os.path.join(ROOT, "config", "response")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text = re.sub(r"mode: \w+", "mode: auto", file.read())
            text = re.sub(r"most: \d+, per: 1h", "most: 10000, per: 1h", text)
            self.write("response/" + name, re.sub(r"most: \d+, per: 24h", "most: 10000, per: 24h", text))

    def agree(self):
        for run in self.node.shell("runs --last 10000") or []:
            if run["status"] == "waiting":
                self.node.shell(f"approve {run['run']} a test agrees")
        for task in self.node.tasks():
            if task["status"] == "waiting_approval":
                self.node.shell(f"approve {task['task']} a test agrees")

    def through(self):
        """Everything is done: no run goes on, nothing new for some seconds."""
        self.agree()
        runs = self.node.shell("runs --last 10000") or []
        state = (len(runs), sorted((r["run"], r["status"]) for r in runs), len(self.node.tasks()))
        quiet = all(r["status"] in ("completed", "failed", "cancelled") for r in runs) and runs and state == self.last
        self.last = state
        return quiet

    def test_entities_of_each_scenario_are_acted_on_and_read_back(self):
        at = time.time() - 180
        for n, scenario in enumerate(SCENARIOS):
            for file, content in logs_of(scenario, at).items():
                self.write(f"logs/{n}/{file}", content)
        self.last = None
        wait_for("incidents of every scenario", lambda: len(self.node.incidents()) >= len(SCENARIOS) - 2, 60, 1)
        time.sleep(5)
        wait_for("all runs to end", self.through, 240, 4)
        rows = self.coverage()
        self.report(rows)
        share = sum(row["verified"] for row in rows) / max(1, sum(row["entities"] for row in rows))
        self.assertEqual([], [f"{name}: {self.vendors.look(name)['violations']}" for name in ACTORS if self.vendors.look(name)["violations"]])
        self.assertGreaterEqual(share, 0.95)

    def coverage(self):
        tasks = self.node.tasks()
        verified = {(t["incident"], t["target"]) for t in tasks if t["status"] in ("verified", "done")}
        rows = []
        for summary in self.node.incidents():
            incident = self.node.incident(summary["incident"])
            wanted, left_out = [], []
            hosts = {e["key"] for e in incident["entities"] if e["type"] == "host"}
            for entity in incident["entities"]:
                (left_out if why_left_out(entity, hosts) else wanted).append(entity)
            acted = [e for e in wanted if any(i.startswith(summary["incident"][:12]) or summary["incident"].startswith(i) for i, target in verified if target in (e["key"], e.get("label"), e.get("value")))]
            rows.append({"incident": summary["incident"], "scenario": incident.get("scenario", ""), "title": incident.get("title", ""), "entities": len(wanted), "verified": len(acted), "left_out": len(left_out),
                         "open": [f"{e['type']} {e['key']} ({e.get('role')})" for e in wanted if e not in acted]})
        return rows

    def report(self, rows):
        for row in sorted(rows, key=lambda r: r["title"]):
            print(f"   {row['title'][:60]:60} {row['scenario']:18} {row['verified']:3} of {row['entities']:3}, {row['left_out']} left out; open: {'; '.join(row['open'])}", flush=True)
        total, done = sum(row["entities"] for row in rows), sum(row["verified"] for row in rows)
        print(f"   all: {done} of {total} entities acted on and read back: {100 * done / max(1, total):.1f} %", flush=True)
