"""Connectors are added, changed and taken away while the node runs: the others notice nothing."""
import http.client
import json
import re

from bus import Connection, credentials_of
from harness import Case, Node, attack_line, free_port, push, wait_for


class ConnectorReload(Case):
    def set_connectors(self, connectors):
        with open(self.node.config_file, encoding="utf-8") as file:
            config = json.load(file)
        config["connectors"] = connectors
        with open(self.node.config_file, "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.node.shell("reload", check=True)

    def push_on(self, connection, number):
        connection.request("POST", "/ingest", attack_line("203.0.113.9", number) + b"\n", {"Content-Type": "application/x-ndjson"})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def records_of(self, name):
        marked = f'connector="{name}"'
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.node.http("/metrics")[1].splitlines()
                   if line.startswith("soc_source_records_total") and marked in line)

    def alerted(self):
        connection = Connection(*credentials_of(self.node))
        try:
            return {int(mark) for payload in connection.stream("ALERTS") for mark in re.findall(rb"&n=(\d+)", payload)}
        finally:
            connection.close()

    def test_an_added_connector_starts_alone_and_one_taken_away_stops(self):
        port, file = free_port(), self.write("live/added.json", b"\n".join(attack_line("203.0.113.8", n) for n in range(5)) + b"\n")
        pushed = {"name": "push", "kind": "http", "port": port}
        added = {"name": "added", "kind": "file", "paths": [file]}
        self.node = Node(self, connectors=[pushed]).start()
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.addCleanup(kept.close)
        self.assertEqual(200, self.push_on(kept, 100))
        self.set_connectors([pushed, added])
        wait_for("the added connector to read its file", lambda: self.records_of("added") == 5, 30)
        self.assertEqual(200, self.push_on(kept, 101), "the connection to the other connector was kept")
        self.set_connectors([pushed])
        wait_for("the connector to be gone", lambda: "added" not in json.dumps(self.node.shell("connectors")), 30)
        with open(file, "ab") as more:
            more.write(attack_line("203.0.113.8", 5) + b"\n")
        self.assertEqual(200, self.push_on(kept, 102))
        wait_for("the pushed lines to be processed", lambda: self.records_of("push") == 3, 30)
        self.assertNotIn(5, self.alerted())
        self.set_connectors([pushed, added])
        wait_for("the rest of the file, from where reading stopped", lambda: 5 in self.alerted(), 30)
        self.assertEqual({0, 1, 2, 3, 4, 5, 100, 101, 102}, self.alerted())

    def state_of(self, name):
        return next((row["state"] for row in self.node.shell("connectors") or [] if row["connector"] == name), None)

    def expect_pushes_at(self, port, number):
        line = attack_line("203.0.113.9", number)
        wait_for(f"port {port} to take logs", lambda: push(port, [line]) == 200, 15)

    def test_a_connector_of_the_start_can_be_changed_taken_away_and_put_back(self):
        first, second = free_port(), free_port()

        def pushed(port):
            return {"name": "push", "kind": "http", "port": port}
        self.node = Node(self, connectors=[pushed(first)]).start()
        self.expect_pushes_at(first, 1)
        self.set_connectors([pushed(second)])
        self.expect_pushes_at(second, 2)
        self.assertEqual(0, push(first, [attack_line("203.0.113.9", 3)]), "nobody listens where it was")
        self.set_connectors([])
        self.assertEqual(0, push(second, [attack_line("203.0.113.9", 4)]))
        wait_for("the node to miss nothing", lambda: self.node.http("/readyz")[0] == 200, 15)
        self.set_connectors([pushed(first)])
        self.expect_pushes_at(first, 5)
        self.node.shell("restart node-a/connectors", check=True)
        self.set_connectors([pushed(second)])
        self.node.shell("restart node-a/connectors", check=True)
        self.expect_pushes_at(second, 6)
        self.assertEqual(0, push(first, [attack_line("203.0.113.9", 7)]), "a restart of the branch keeps the change")
        wait_for("all of it", lambda: self.alerted() == {1, 2, 5, 6}, 30)

    def test_a_connector_that_was_added_and_stopped_by_hand_is_started_by_restart(self):
        port = free_port()
        self.node = Node(self).start()
        self.set_connectors([{"name": "added", "kind": "http", "port": port}])
        self.expect_pushes_at(port, 1)
        self.node.shell("stop node-a/connectors/added", check=True)
        self.assertEqual("stopped", self.state_of("added"))
        self.assertEqual(0, push(port, [attack_line("203.0.113.9", 2)]))
        self.node.shell("restart node-a/connectors/added", check=True)
        self.expect_pushes_at(port, 3)

    def test_a_connector_that_was_stopped_by_hand_and_changed_runs_again(self):
        first, second = free_port(), free_port()
        self.node = Node(self, connectors=[{"name": "push", "kind": "http", "port": first}]).start()
        self.node.shell("stop node-a/connectors/push", check=True)
        self.set_connectors([{"name": "push", "kind": "http", "port": second}])
        self.expect_pushes_at(second, 1)
