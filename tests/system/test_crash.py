"""kill -9 of the node, or of nats-server, at random moments while attack lines come in by HTTP and by file. Afterwards every accepted line
was processed, every alert is in exactly one incident, and nothing was done twice at the firewall."""
import collections
import json
import os
import random
import re
import signal
import threading
import time

from bus import Connection, credentials_of
from harness import Case, Firewall, Node, attack_line, free_port, push, wait_for

LINES, ATTACKERS, BATCH = 1000, 40, 10
MARK = re.compile(rb"&n=(\d+)\"")


class Feed:
    """LINES attack lines: the even batches by HTTP until they are accepted, the odd ones into the followed file."""

    def __init__(self, port, file, first):
        self.port, self.file, self.first = port, file, first
        self.accepted, self.answers, self.stopped = set(), collections.Counter(), False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        for batch in range(LINES // BATCH):
            numbers = range(self.first + batch * BATCH, self.first + (batch + 1) * BATCH)
            lines = [attack_line(f"203.0.113.{1 + n % ATTACKERS}", n) for n in numbers]
            if batch % 2:
                with open(self.file, "ab") as file:
                    file.write(b"".join(line + b"\n" for line in lines))
            else:
                while not self.stopped:
                    status = push(self.port, lines, timeout=12)
                    self.answers[status] += 1
                    if status == 200:
                        break
                    time.sleep(0.1)
            if self.stopped:
                return
            self.accepted.update(numbers)
            time.sleep(0.05)


class Crash(Case):
    about_seconds = 70

    rounds = int(os.environ.get("SOC_TEST_ROUNDS", "2"))

    def setUp(self):
        super().setUp()
        self.firewall, self.http = Firewall(self), free_port()
        self.file = self.write("live/web.json", b"")
        self.node = Node(self, instances=[self.firewall.instance()], connectors=[
            {"name": "web", "kind": "file", "paths": [self.file]}, {"name": "push", "kind": "http", "port": self.http}]).start()
        self.dice = random.Random(int(os.environ.get("SOC_TEST_SEED", "1")))

    def crash_node(self):
        servers = [pid for pid in [self.node.nats_server()] if pid]
        self.node.kill()
        for pid in servers:   # one that outlives its node would keep the next one from its data
            deadline = time.monotonic() + 3
            while pid in self.processes and self.processes[pid][0] and os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
                time.sleep(0.05)
        self.node.start()

    def crash_nats(self):
        pid = wait_for("the node's nats-server", self.node.nats_server, 20)
        os.kill(pid, signal.SIGKILL)
        server = wait_for("a new nats-server", lambda: self.node.nats_server() not in (None, pid) and self.node.nats_server(), 30)
        self.remember(server)
        wait_for("the node to be ready again", lambda: self.node.http("/readyz")[0] == 200, 30)

    def run_rounds(self, crash):
        accepted = set()
        for number in range(self.rounds):
            feed = Feed(self.http, self.file, number * LINES)
            feed.thread.start()
            self.addCleanup(setattr, feed, "stopped", True)
            for _ in range(2):
                time.sleep(self.dice.uniform(0.3, 3.0))
                crash()
            feed.thread.join(180)
            self.assertFalse(feed.thread.is_alive(), f"lines are not accepted any more: {feed.answers}")
            accepted |= feed.accepted
            self.prove(accepted)
            print(f"   round {number + 1}: {len(feed.accepted)} lines, HTTP answers {dict(feed.answers)}", flush=True)

    def processed(self):
        """Numbers of the lines that alerts rest on."""
        connection = Connection(*credentials_of(self.node))
        try:
            return {int(mark) for payload in connection.stream("ALERTS") for mark in MARK.findall(payload)}
        finally:
            connection.close()

    def distinct_alerts(self):
        """How many alerts there are, however often each was published."""
        connection = Connection(*credentials_of(self.node))
        try:
            return len({json.loads(payload)["metadata"]["uid"] for payload in connection.stream("FINDINGS")})
        finally:
            connection.close()

    def prove(self, accepted):
        missing = set()

        def all_processed():
            missing.clear()
            missing.update(accepted - self.processed())
            return not missing
        try:
            wait_for("all accepted lines to be alerts", all_processed, 90, 1)
        except AssertionError:
            self.fail(f"{len(missing)} accepted lines gave no alert, among them {sorted(missing)[:5]}\n{self.node.log_tail(2000)}")
        self.settle()
        distinct = self.distinct_alerts()
        self.assertGreater(distinct, 0, "there are alerts")

        def placed():
            return sum(row["alerts"] for row in self.node.incidents())
        try:  # what was in flight at a crash is delivered again when its time to be acknowledged is over
            wait_for("every alert to be in an incident", lambda: placed() >= distinct, 90, 1)
        except AssertionError:
            pass
        self.assertEqual(distinct, placed(), "every alert is in exactly one incident, once")
        calls = collections.Counter(call["target"] for call in self.firewall.get("/v1/calls") if call["action"] == "block")
        self.assertEqual({}, {target: n for target, n in calls.items() if n > 1}, "no address was blocked twice")

    def settle(self):
        """Until neither alerts in incidents nor tasks change."""
        last, since = None, time.monotonic()
        deadline = since + 60
        while time.monotonic() < deadline:
            now = (sorted((row["incident"], row["alerts"]) for row in self.node.incidents()),
                   sorted((task["task"], task["status"]) for task in self.node.tasks()))
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > 3:
                return
            time.sleep(0.5)

    def test_killing_the_node_loses_nothing_and_does_nothing_twice(self):
        self.run_rounds(self.crash_node)

    def test_killing_nats_server_loses_nothing_and_does_nothing_twice(self):
        self.run_rounds(self.crash_nats)
