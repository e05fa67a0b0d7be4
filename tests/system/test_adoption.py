"""A run of a node that is killed goes on with the other node: the same run, from the step it had come to."""
import collections

from harness import Case, Firewall, attack_line, push, shared_nats, wait_for
from response_site import ResponseSite

PLAYBOOK = {
    "name": "asked_in_between", "trigger": "incident", "inputs": {"incident": {"type": "object"}, "ip": {"type": "ip"}},
    "steps": [
        {"id": "first", "action": "block_ip", "target": "${inputs.ip}", "for": "1h"},
        {"id": "agreed", "approval": {"message": "The other one too?"}, "timeout": "1h"},
        {"id": "second", "action": "block_ip", "target": "198.18.0.1", "for": "1h"},
    ]}


class Adoption(Case):
    about_seconds = 40

    def setUp(self):
        super().setUp()
        nats = shared_nats(self)
        self.firewall = Firewall(self)
        self.sites = {name: ResponseSite(self, PLAYBOOK, [self.firewall.instance()], name=name, nats=nats) for name in ("node-a", "node-b")}
        for site in self.sites.values():
            site.node.start()
        for site in self.sites.values():
            wait_for(f"{site.node.name} to see both nodes", lambda: len(site.node.shell("nodes") or []) == 2, 30, 0.3)

    def test_a_waiting_run_of_a_killed_node_ends_at_the_other_without_a_step_done_twice(self):
        self.assertEqual(200, push(self.sites["node-a"].port, [attack_line("203.0.113.9", n) for n in range(3)]))

        def waiting():
            return [run for run in self.sites["node-a"].runs() if run["status"] == "waiting"]
        wait_for("the run to ask a person", waiting, 60, 0.3)
        run = waiting()[0]
        owner = self.sites[run["node"]]
        other = next(site for name, site in self.sites.items() if name != run["node"])
        owner.node.kill()
        wait_for("the other node to have the run", lambda: [r for r in other.runs() if r["run"] == run["run"] and r["node"] == other.node.name],
                 60, 0.5)
        self.assertEqual("waiting", next(r for r in other.runs() if r["run"] == run["run"])["status"])
        other.node.shell(f"approve {run['run']} agreed", check=True)
        wait_for("the run to end", lambda: next(r for r in other.runs() if r["run"] == run["run"])["status"] == "completed", 60, 0.3)
        calls = collections.Counter(call["target"] for call in self.firewall.get("/v1/calls") if call["action"] == "block")
        self.assertEqual({"203.0.113.9": 1, "198.18.0.1": 1}, dict(calls))
