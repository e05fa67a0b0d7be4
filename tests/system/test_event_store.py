"""The event store of a real node: what was accepted is found by entity, time and condition, also after kill -9; beside the running node
the offline commands read the same."""
import os
import random
import re
import signal
import time

from harness import Case, Node, attack_line, free_port, push, wait_for

MARK = re.compile(r"&n=(\d+)")


class EventStore(Case):
    rounds = int(os.environ.get("SOC_TEST_ROUNDS", "2"))

    def setUp(self):
        super().setUp()
        self.http, self.file = free_port(), self.write("live/web.json", b"")
        self.node = Node(self, connectors=[{"name": "web", "kind": "file", "paths": [self.file]},
                                           {"name": "push", "kind": "http", "port": self.http}],
                         event_store={"segment_mib": 1, "min_free_mib": 0}).start()
        self.store = self.path("node-a", "data", "events")

    def stored(self):
        """Numbers of the lines in the store, as often as it gives them."""
        code, out, err = self.soc("lake", "export", self.store, timeout=120)
        self.assertEqual(0, code, err)
        return [int(MARK.search(line).group(1)) for line in out.splitlines()]

    def push_lines(self, first, count, address="203.0.113.7"):
        lines = [attack_line(address, n) for n in range(first, first + count)]
        wait_for("the lines to be accepted", lambda: push(self.http, lines) == 200, 60)

    def test_events_are_found_by_entity_time_and_condition(self):
        self.push_lines(0, 30)
        self.push_lines(30, 5, "198.51.100.9")
        wait_for("35 events to be stored", lambda: self.node.metric("soc_stored_events_total") >= 35, 30)
        found = self.node.shell("search --entity ip:198.51.100.9 --last 1h", check=True)
        self.assertEqual({30, 31, 32, 33, 34}, {int(MARK.search(event["raw_data"]).group(1)) for event in found})
        found = self.node.shell("search '{request_uri|contains: \"&n=17\"}' --last 1h", check=True)
        self.assertEqual([17], [int(MARK.search(event["raw_data"]).group(1)) for event in found])
        found = self.node.shell("search 'n=12' --entity ip:203.0.113.7 --limit 3", check=True)
        self.assertEqual(1, len(found))
        self.assertEqual([], self.node.shell("search 'curl/7.88.1' --to 2020-01-01T00:00:00Z", check=True))
        code, out, err = self.soc("lake", "search", self.store, "--entity", "198.51.100.9", "--limit", "2")
        self.assertEqual((0, 2), (code, len(out.splitlines())), err)

    def test_an_export_that_cannot_be_written_fails(self):
        self.push_lines(0, 30)
        wait_for("30 events to be stored", lambda: self.node.metric("soc_stored_events_total") >= 30, 30)
        for command in ("export", "search"):
            code, err = self.soc_on_a_full_disk("lake", command, self.store)
            self.assertEqual(1, code, err)
            self.assertIn("standard output can't be written", err)

    def test_a_wrong_condition_is_explained(self):
        code, _, err = self.soc("shell", "--config", self.node.config_file, "-c", "search '{a|contians: b}'")
        self.assertNotEqual(0, code)
        self.assertIn("contians", err)

    def test_killing_the_node_loses_no_event_that_was_accepted(self):
        dice = random.Random(int(os.environ.get("SOC_TEST_SEED", "1")))
        number = 0
        for _ in range(self.rounds):
            until = time.monotonic() + dice.uniform(1.0, 3.0)
            while time.monotonic() < until:
                self.push_lines(number, 20)
                with open(self.file, "ab") as file:
                    file.write(b"".join(attack_line("203.0.113.8", n) + b"\n" for n in range(number + 20, number + 40)))
                number += 40
            server = self.node.nats_server()
            self.node.kill()
            deadline = time.monotonic() + 5
            while server and os.path.exists(f"/proc/{server}") and time.monotonic() < deadline:
                time.sleep(0.05)
            self.node.start()
        wait_for("every line to be in the store", lambda: set(self.stored()) >= set(range(number)), 120, 2)
        code, _, err = self.soc("lake", "check", self.store)
        self.assertEqual(0, code, err)
        print(f"   {number} lines, {len(self.stored())} events stored, {self.rounds} crashes", flush=True)

    def test_a_torn_segment_is_repaired_at_the_start(self):
        self.push_lines(0, 20)
        wait_for("20 events to be stored", lambda: self.node.metric("soc_stored_events_total") >= 20, 30)
        self.node.kill()
        server = self.node.nats_server() if self.node.process.poll() is None else None
        if server:
            os.kill(server, signal.SIGKILL)
        time.sleep(1)
        open_files = [name for name in os.listdir(self.store) if name.endswith(".open")]
        self.assertTrue(open_files)
        with open(os.path.join(self.store, open_files[0]), "ab") as file:
            file.write(b"SOCB half a block")
        self.node.start()
        self.assertIn("cut from", self.node.log_tail(20000))
        self.assertEqual(set(range(20)), set(self.stored()))
