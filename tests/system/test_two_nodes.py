"""Two nodes on one machine over one NATS: they join, share the incidents, either does what belongs to the other, and either lives on without
the other."""
import concurrent.futures
import json
import time

from harness import Case, Firewall, Node, attack_line, free_port, push, shared_nats, wait_for
from response_site import ResponseSite

BLOCK = {"name": "block_it", "trigger": "incident", "inputs": {"incident": {"type": "object"}, "ip": {"type": "ip"}},
         "steps": [{"id": "block", "action": "block_ip", "target": "${inputs.ip}", "for": "1h"}]}
SLOW = {"name": "slow", "trigger": "manual", "steps": [{"id": "rest", "wait": "12s"}]}


class TwoNodes(Case):
    about_seconds = 40

    def setUp(self):
        super().setUp()
        nats = shared_nats(self)
        self.ports = {name: free_port() for name in ("node-a", "node-b")}
        # Tenants share no incident. Each of them falls to either node by chance: with 8, all of them (and the default tenant's)
        # fell to one node once in 256 runs; with 24, once in 16 million.
        self.tenants = {f"tenant-{n}": free_port() for n in range(24)}
        connectors = {"node-a": [{"name": "push-" + tenant, "kind": "http", "port": port, "tenant": tenant}
                                 for tenant, port in self.tenants.items()], "node-b": []}
        self.a, self.b = (Node(self, name, nats=nats, connectors=[
            {"name": "push-" + name, "kind": "http", "port": port}] + connectors[name]) for name, port in self.ports.items())
        self.a.start()
        self.b.start()
        for node in (self.a, self.b):
            wait_for(f"{node.name} to see both nodes", lambda: self.names(node) == {"node-a", "node-b"}, 20, 0.3)

    def names(self, node):
        return {row["node"] for row in node.shell("nodes") or []}

    def push_attack(self, node, first, count=12):
        """Attack lines of `count` addresses to one node; the addresses."""
        # Each on a server of its own: attacks on different machines are different incidents, owned by either node.
        addresses = [f"203.0.113.{first + n}" for n in range(count)]
        for number, address in enumerate(addresses):
            lines = [attack_line(address, n).replace(b"web-01", b"web-%d" % (first + number)) for n in range(5)]
            self.assertEqual(200, push(self.ports[node.name], lines))
        return addresses

    def told(self, node, addresses):
        """All addresses are in incidents that this node's shell shows. An incident whose owner has just died is shown once another
        node owns it."""
        try:
            text = json.dumps([node.incident(row["incident"]) for row in node.incidents()])
        except AssertionError:
            return False
        return all(f'"{address}"' in text or address in text for address in addresses)

    def test_alerts_of_one_node_reach_incidents_of_the_other_and_both_shells_see_both(self):
        addresses = self.push_attack(self.a, 10) + self.push_attack(self.b, 40)
        for node in (self.a, self.b):
            wait_for(f"all attackers in incidents seen from {node.name}", lambda: self.told(node, addresses), 60, 1)
        for tenant, port in self.tenants.items():
            self.assertEqual(200, push(port, [attack_line("198.51.100.7", n) for n in range(5)]))

        def owners():
            actors = self.a.shell("actors", check=True)
            self.assertEqual({"node-a", "node-b"}, {row["node"] for row in actors}, "actors of both nodes")
            return {row["path"]: row["node"] for row in actors if "/incidents/open/" in row["path"]}
        try:
            wait_for("incidents to be owned by both nodes", lambda: set(owners().values()) == {"node-a", "node-b"}, 60, 1)
        except AssertionError:
            self.fail(f"each node should own some of {owners()}")

        def same_on_both():
            seen_a, seen_b = ({row["incident"] for row in node.incidents()} for node in (self.a, self.b))
            return len(seen_a) > len(self.tenants) and seen_a == seen_b
        wait_for("both shells to show the same incidents", same_on_both, 30, 1)

    def test_each_node_works_on_when_the_other_is_killed(self):
        before = self.push_attack(self.a, 10, 6)
        wait_for("the first incidents", lambda: self.told(self.b, before), 60, 1)
        for victim, survivor, first in ((self.b, self.a, 70), (self.a, self.b, 100)):
            victim.kill()
            wait_for(f"{survivor.name} to miss {victim.name}", lambda: self.names(survivor) == {survivor.name}, 60, 0.5)
            fresh = self.push_attack(survivor, first, 6)
            wait_for(f"incidents of {survivor.name} alone", lambda: self.told(survivor, before + fresh), 60, 1)
            before += fresh
            victim.start()
            wait_for(f"{victim.name} to be back", lambda: self.names(survivor) == {"node-a", "node-b"}, 60, 0.5)
            wait_for(f"{victim.name} to show what it missed", lambda: self.told(victim, before), 60, 1)


class EitherNode(Case):
    """A command is obeyed whichever node it comes to."""
    about_seconds = 40

    def setUp(self):
        super().setUp()
        nats = shared_nats(self)
        self.firewall = Firewall(self)
        self.sites = {name: ResponseSite(self, BLOCK, [self.firewall.instance()], name=name, nats=nats) for name in ("node-a", "node-b")}
        for name, site in self.sites.items():
            site.put(self.path(name + "-content"), "playbooks/slow/playbook.yaml", json.dumps(SLOW))
            site.node.start()
        for site in self.sites.values():
            wait_for(f"{site.node.name} to see both nodes", lambda: len(site.node.shell("nodes") or []) == 2, 30, 0.3)

    def say(self, node, command):
        """What `node` itself answers: exit code, stdout, stderr."""
        return self.soc("shell", "--config", self.sites[node].node.config_file, "--node", node, "-c", command)

    def test_undo_reaches_the_node_that_did_it_by_task_run_or_incident(self):
        addresses = {f"203.0.113.{n}" for n in range(10, 19)}
        for number, address in enumerate(sorted(addresses)):
            lines = [attack_line(address, n).replace(b"web-01", b"web-%d" % number) for n in range(3)]
            self.assertEqual(200, push(self.sites["node-a"].port, lines))

        def done():
            tasks = [task for task in self.sites["node-a"].node.tasks() if task["status"] in ("done", "verified")]
            return {task["target"] for task in tasks} == addresses and tasks
        tasks = wait_for("all attackers to be blocked", done, 60, 0.5)
        runs = {run["entity"]: run["run"] for run in self.sites["node-a"].runs()}
        incidents = sorted({task["incident"] for task in tasks})   # attackers may have been joined
        incidents_left = set(incidents)
        for number, task in enumerate(sorted(tasks, key=lambda task: (task["incident"], task["task"]))):
            whole = incidents.index(task["incident"]) % 3 == 2
            if whole and task["incident"] not in incidents_left:
                continue
            incidents_left.discard(task["incident"])
            name = task["incident"] if whole else (task["task"], runs[task["target"]])[number % 2]
            other = next(node for node in self.sites if node != task["node"])
            code, out, err = self.say(other, f"undo {name} it was a test")
            self.assertEqual(0, code, f"{name} of {task['node']} at {other}: {err or out}")
        wait_for("all blocks to be taken back", lambda: not addresses & self.firewall.blocked(), 30, 0.5)
        code, _, err = self.say("node-a", "undo 0123456789abcdef it was a test")
        self.assertEqual(1, code)
        self.assertIn("no task, run or incident begins with", err)

    def test_the_end_of_a_run_is_waited_for_longer_than_ten_seconds_at_either_node(self):
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda node: self.say(node, "run slow --wait"), self.sites))
        for code, out, err in answers:
            self.assertEqual(0, code, err)
            self.assertIn("is completed", out)
        self.assertGreater(time.monotonic() - began, 11)

    def test_records_in_quarantine_are_removed_at_the_node_that_is_named(self):
        code, _, err = self.say("node-a", "quarantine remove 12")
        self.assertEqual(2, code, err)
        code, out, err = self.say("node-a", "quarantine remove node-b 12")
        self.assertEqual(1, code, err)
        self.assertIn("0 removed; 1 not there", out)
        self.assertEqual(2, self.say("node-a", "@local quarantine remove 12")[0], "how nodes ask one another is not for people")
        node = self.sites["node-a"].node
        wait_for("what was asked to be in the audit", lambda: "quarantine remove node-b 12" in json.dumps(node.shell("audit --last 50")), 20, 0.5)
