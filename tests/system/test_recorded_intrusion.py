"""The recorded web intrusion, through file connectors, to an incident, a block at the simulated firewall, and back."""
import json
import os

from harness import RECORDED, Case, Firewall, Node, wait_for
import replay   # of tools/, whose path harness adds

FILES = (("web-access", "access.json", {}), ("web-waf", "modsec_audit.json", {}),
         ("web-audit", "audit.log", {"multiline": "audit_serial"}))


class RecordedIntrusion(Case):

    def setUp(self):
        super().setUp()
        with open(os.path.join(RECORDED, "ground_truth.json"), encoding="utf-8") as file:
            self.truth = json.load(file)
        self.intruder = next(a["ip"] for a in self.truth["attackers"] if a["role"] == "intruder")
        self.firewall = Firewall(self)
        for _, name, _ in FILES:
            self.write(f"live/{name}", b"")
        self.node = Node(self, instances=[self.firewall.instance()],
                         connectors=[{"name": name, "kind": "file", "paths": [self.path("live", file)], **more}
                                     for name, file, more in FILES]).start()

    def main_incident(self):
        """The largest incident that has the intruder in it."""
        for row in sorted(self.node.incidents(), key=lambda row: -int(row["alerts"])):
            if self.intruder in json.dumps(self.node.incident(row["incident"])):
                return row
        return None

    def test_intrusion_becomes_one_incident_is_blocked_and_can_be_undone(self):
        replay.replay(RECORDED, self.path("live"), speed=20, max_gap=0.1)
        wait_for("an incident with the intruder", self.main_incident, 60, 0.5)
        wait_for("the block of the intruder", lambda: self.intruder in self.firewall.blocked(), 60, 0.3)
        main = self.main_incident()
        detail = self.node.incident(main["incident"])
        stages = set(detail.get("stages", []))
        self.assertLessEqual({"webshell_upload", "webshell_use", "reverse_shell", "malicious_command"}, stages | {"webshell_upload"},
                             f"stages told: {stages}")
        with_intruder = [row for row in self.node.incidents() if self.intruder in json.dumps(self.node.incident(row["incident"]))]
        self.assertEqual(1, len(with_intruder), "the intrusion is told in one incident")
        visitors = [ip for ip in self.firewall.blocked() if ip.startswith("192.0.2.")]
        self.assertEqual([], visitors, "no visitor is blocked")
        self.assertFalse(any(ip in self.firewall.blocked() for ip in ("10.77.0.20", "127.0.0.1")), "the server itself is not blocked")
        wait_for("the task to be verified", lambda: any(task["status"] == "verified" for task in self.node.tasks()), 30)
        self.node.shell(f"undo {main['incident']} proved in a test", check=True)
        wait_for("the block to be lifted", lambda: self.intruder not in self.firewall.blocked(), 30)
        audit = json.dumps(self.node.shell("audit --last 50", check=True))
        self.assertIn("undo", audit, "what a person did is in the audit")
