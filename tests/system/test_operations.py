"""What an operator relies on: a node ends in order and in time, starts where it ended, and says what it does."""
import json
import os
import socket
import time

from harness import Case, Node, attack_line, free_port, push, wait_for


class Operations(Case):

    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.file = self.write("live/web.json", b"")
        self.node = Node(self, connectors=[{"name": "web", "kind": "file", "paths": [self.file]},
                                           {"name": "push", "kind": "http", "port": self.port}]).start()

    def append(self, address, count):
        with open(self.file, "ab") as file:
            file.write(b"".join(attack_line(address, n) + b"\n" for n in range(count)))

    def seen(self, address):
        return [row for row in self.node.alerts() if address in json.dumps(row)]

    def test_sigterm_ends_the_node_in_five_seconds(self):
        self.append("203.0.113.5", 50)
        wait_for("alerts", lambda: self.seen("203.0.113.5"), 30, 0.2)
        self.assertLess(self.node.stop(), 5.0)

    def test_clients_of_the_health_page_that_never_end_their_request_hold_up_nothing(self):
        for _ in range(4):
            client = socket.create_connection(("127.0.0.1", self.node.http_port), 5)
            self.addCleanup(client.close)
            client.sendall(b"GET /healthz HTTP/1.1\r\nx: ")
        began = time.monotonic()
        self.assertEqual(200, self.node.http("/healthz")[0])
        self.assertLess(time.monotonic() - began, 3.0)
        self.assertLess(self.node.stop(), 5.0)

    def test_a_restart_goes_on_where_the_node_ended(self):
        self.append("203.0.113.5", 5)
        wait_for("alerts", lambda: len(self.seen("203.0.113.5")) >= 5, 30, 0.2)
        before = len(self.seen("203.0.113.5"))
        self.node.stop()
        self.append("203.0.113.6", 5)
        self.node.start()
        wait_for("alerts of what was written meanwhile", lambda: self.seen("203.0.113.6"), 30, 0.2)
        self.assertEqual(before, len(self.seen("203.0.113.5")), "nothing is raised twice")

    def test_health_and_metrics_are_served(self):
        self.assertEqual(200, push(self.port, [attack_line("203.0.113.7")]))
        self.assertEqual(200, self.node.http("/healthz")[0])
        status, text = self.node.http("/metrics")
        self.assertEqual(200, status)
        self.assertIn("# TYPE", text)
        self.assertEqual(404, self.node.http("/nowhere")[0])

    def test_a_stranger_learns_no_secret_from_the_files_of_a_node(self):
        for name in ("nats-client.json",):
            mode = os.stat(self.path(self.node.name, "data", name)).st_mode & 0o077
            self.assertEqual(0, mode, f"{name} is for its owner only")

    def test_every_change_through_the_shell_is_in_the_audit_with_who_made_it(self):
        self.node.shell("emergency-stop a drill", check=True)
        self.node.shell("emergency-release", check=True)

        def audited():
            entries = json.dumps(self.node.shell("audit --last 20", check=True))
            return all(word in entries for word in ("emergency-stop", "emergency-release", "a drill"))
        wait_for("both changes in the audit, which is sent together when much comes", audited, 10, 0.2)
