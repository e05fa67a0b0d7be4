"""Bad input of every kind: clear errors, counted, kept, and nothing stops."""
import gzip
import json
import os
import random
import re
import shutil
import socket
import threading
import time

from harness import ROOT, Case, Node, attack_line, push, wait_for

JUNK = bytes(random.Random(7).randrange(256) for _ in range(200_000))
BROKEN_TEXT = b'{"remote_addr":"203.0.113.5","request_uri":"/\xff\xfe\xc0\xaf","status":200}\n'
LONG_LINE = b'{"remote_addr":"203.0.113.6","request_uri":"/' + b"a" * (10 << 20) + b'"}\n'
PLACE = re.compile(r":\d+:\d+:")


class BrokenFiles(Case):
    """The offline commands name the file, line and column, and go on past it."""

    def broken_copy(self, folder, name, text):
        shutil.copytree(os.path.join(ROOT, folder), self.path("content"))
        self.write("content/" + name, text)
        return self.path("content")

    def expect_place(self, code, text, name):
        self.assertEqual(1, code, text)
        self.assertIn(name, text)
        self.assertRegex(text, PLACE)

    def test_a_broken_rule_is_named_with_its_place_and_the_others_load(self):
        folder = self.broken_copy("rules/sigma/web_intrusion", "broken.yml", "title: x\nid: [unclosed\ndetection:\n")
        code, out, err = self.soc("rules", "check", folder)
        self.expect_place(code, out + err, "broken.yml")
        code, out, err = self.soc("rules", "list", folder)
        self.assertIn("SQL Injection With UNION SELECT", out)

    def test_a_rule_with_a_wrong_modifier_gets_a_hint(self):
        self.write("rules/wrong.yml", "title: x\nid: 11111111-2222-4333-8444-555555555555\nlogsource: {category: webserver}\n"
                   "detection:\n  selection:\n    cs-uri-query|contians: x\n  condition: selection\n")
        code, out, err = self.soc("rules", "check", self.path("rules"))
        self.expect_place(code, out + err, "wrong.yml")
        self.assertIn("contains", out + err)

    def test_a_broken_mapping_is_named_with_its_place(self):
        folder = self.broken_copy("connectors/vendors", "acme/broken/mapping.yaml", "vendor: acme\nproduct: broken\ntypes: [ {name: x\n")
        code, out, err = self.soc("mapping", "test", folder)
        self.expect_place(code, out + err, "mapping.yaml")

    def test_a_broken_playbook_is_named_with_its_place(self):
        folder = self.broken_copy("playbooks", "broken/playbook.yaml", "name: broken\nsteps: [ {id: a\n")
        code, out, err = self.soc("playbook", "check", folder)
        self.expect_place(code, out + err, "playbook.yaml")

    def test_a_broken_configuration_is_named_with_its_place(self):
        file = self.write("soc.yaml", "node:\n  nmae: x\nhttp: {port: many}\n")
        code, out, err = self.soc("config", "check", file)
        self.expect_place(code, out + err, "soc.yaml")
        self.assertIn("nmae", out + err)
        code, out, err = self.soc("node", "--config", file)
        self.assertNotEqual(0, code)

    def test_binary_junk_is_quarantined_with_a_reason(self):
        kept = self.path("quarantine.jsonl")
        code, out, err = self.soc("normalize", "--quarantine", kept, self.write("junk.bin", JUNK))
        self.assertIn(code, (0, 1), err)
        self.assertGreater(os.path.getsize(kept), 0)
        with open(kept, encoding="utf-8") as lines:
            self.assertTrue(all(json.loads(line) for line in lines))

    def test_output_that_cannot_be_written_is_a_failure(self):
        lines = self.write("web.json", b"".join(attack_line("203.0.113.5", n) + b"\n" for n in range(3)))
        self.assertEqual(0, self.soc("normalize", lines)[0])
        code, err = self.soc_on_a_full_disk("normalize", lines)
        self.assertEqual(1, code, err)
        self.assertIn("standard output can't be written", err)
        code, _, err = self.soc("normalize", "--quarantine", "/dev/full", self.write("junk.bin", JUNK))
        self.assertEqual(1, code)
        self.assertIn("/dev/full: can't be written", err)

    def test_a_foreign_playbook_is_not_written_outside_its_folder(self):
        text = "name: ../outside\nsteps: [{id: a, wait: 1s}]\n"
        extension = "extension-definition--7c0e2f6a-5d0b-5a0e-9f54-2f1d0c8b7a11"
        file = self.write("foreign.json", json.dumps({"type": "playbook", "spec_version": "cacao-2.0", "workflow": {},
                                                      "playbook_extensions": {extension: {"text": text}}}))
        code, _, err = self.soc("playbook", "import", file, "--to", self.path("playbooks"))
        self.assertEqual(1, code, err)
        self.assertIn("PLB005", err)
        self.assertFalse(os.path.exists(self.path("outside")))

    def test_incidents_of_another_shape_are_named_and_the_others_replayed(self):
        incidents = [{"id": 5}, {"id": "a", "tenant": 5}, {"id": "b", "entities": [7]}, [1], {"uid": "good"}]
        file = self.write("incidents.jsonl", "".join(json.dumps(one) + "\n" for one in incidents))
        code, out, err = self.soc("playbook", "replay", "--incidents", file)
        self.assertEqual(1, code, err)
        self.assertIn("incidents.jsonl:1: no incident", err)
        self.assertIn("incidents.jsonl:4: no incident", err)
        self.assertEqual("good", json.loads(out.splitlines()[-1])["incident"])

    def test_bad_records_do_not_stop_the_good_ones(self):
        mixed = self.write("mixed.log", attack_line("203.0.113.5", 1) + b"\n" + JUNK[:5000] + b"\n" + BROKEN_TEXT + b"{not json\n"
                           + LONG_LINE + attack_line("203.0.113.5", 2) + b"\n")
        code, out, err = self.soc("detect", "--rules", os.path.join(ROOT, "rules/sigma"), "--stats", mixed)
        self.assertIn(code, (0, 1), err)
        records = {json.loads(line)["record"] for line in out.splitlines()}
        self.assertGreaterEqual(len(records), 2, out)

    def test_a_truncated_gzip_gives_what_it_holds_and_an_error(self):
        lines = b"".join(attack_line("203.0.113.5", n) + b"\n" for n in range(3000))
        packed = gzip.compress(lines)
        code, out, err = self.soc("detect", "--rules", os.path.join(ROOT, "rules/sigma"), self.write("cut.gz", packed[:len(packed) // 2]))
        self.assertNotEqual(0, code)
        self.assertGreater(len(out.splitlines()), 10)
        self.assertTrue(err.strip())


class BadStream(Case):
    """A running node is given all of it at once, among attack lines that must all arrive."""

    def setUp(self):
        super().setUp()
        self.http, self.udp, self.tcp, self.hec = (self.port() for _ in range(4))
        self.write("live/web.json", b"")
        self.node = Node(self, connectors=[
            {"name": "web", "kind": "file", "paths": [self.path("live", "*.json*")]},
            {"name": "push", "kind": "http", "port": self.http},
            {"name": "syslog", "kind": "syslog", "udp_port": self.udp, "tcp_port": self.tcp}]).start()

    def port(self):
        from harness import free_port
        return free_port()

    def attack(self, name, count=20):
        """`count` attack lines of one address by a way; the address."""
        with open(self.path("live", "web.json"), "ab") as file:
            for number in range(count):
                file.write(attack_line(name, number) + b"\n")
        return name

    def seen(self, address):
        return any(address in json.dumps(row) for row in self.node.alerts())

    def rss_mib(self):
        with open(f"/proc/{self.node.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024

    def test_nothing_stops_and_everything_is_counted(self):
        self.attack("203.0.113.1")
        wait_for("the first alerts", lambda: self.seen("203.0.113.1"), 30, 0.3)
        with open(self.path("live", "web.json"), "ab") as file:
            file.write(JUNK + b"\n" + BROKEN_TEXT + b"{broken\n" + LONG_LINE)
        packed = gzip.compress(b"".join(attack_line("203.0.113.9", n) + b"\n" for n in range(2000)))
        self.write("live/old.json.1.gz", packed[:len(packed) // 2])
        for body in (JUNK, BROKEN_TEXT, LONG_LINE, b"", b"[" * 100_000, b'{"a":' * 50_000):
            self.assertIn(push(self.http, [body]), (200, 400, 413, 415, 422), body[:20])
        self.assertIn(push(self.http, [JUNK[:1000]], path="/nowhere"), (404,))
        self.flood()
        self.attack("203.0.113.2")
        self.assertEqual(200, push(self.http, [attack_line("203.0.113.3", n) for n in range(20)]))
        for address in ("203.0.113.2", "203.0.113.3"):
            wait_for(f"alerts of {address} after the bad input", lambda: self.seen(address), 60, 0.5)
        self.assertEqual(200, self.node.http("/healthz")[0])
        self.assertGreater(self.node.metric("soc_quarantined_records_total"), 0)
        kept = self.node.shell("quarantine --last 50", check=True)
        self.assertTrue(kept and all(row.get("why") for row in kept), kept)
        self.assertLess(self.rss_mib(), 700)
        wait_for("all actors to be up", lambda: not self.actors_not_up(), 10, 0.3)

    def actors_not_up(self):
        return [row for row in self.node.shell("actors", check=True) if row.get("state") not in ("running", "up", "waiting", "idle")]

    def flood(self):
        """Syslog as fast as one thread sends it: datagrams of junk, a connection with a frame that never ends."""
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        until = time.monotonic() + 3
        sent = 0
        while time.monotonic() < until:
            try:
                udp.sendto(b"<13>1 2026-11-24T03:34:46Z h a - - - " + JUNK[sent % 1000:sent % 1000 + 400], ("127.0.0.1", self.udp))
            except OSError:
                time.sleep(0.001)
            sent += 1
        udp.close()
        for text in (b"99999999999 <13>x", b"<13>" + b"a" * 3_000_000, JUNK, b"12 <13>1 - - - -"):
            with socket.create_connection(("127.0.0.1", self.tcp), 5) as tcp:
                tcp.settimeout(5)
                try:
                    tcp.sendall(text)
                except OSError:
                    pass
        return sent

    def test_a_broken_file_does_not_get_through_reload(self):
        rules = self.path("rules")
        os.makedirs(rules)
        self.node.shell("reload", check=True)
        with open(self.node.config_file, encoding="utf-8") as file:
            config = json.load(file)
        config["content"]["rules"] = [os.path.join(ROOT, "rules/sigma"), rules]
        self.write("rules/broken.yml", "title: [\n")
        with open(self.node.config_file, "w", encoding="utf-8") as file:
            json.dump(config, file)
        code, out, err = self.soc("shell", "--config", self.node.config_file, "-c", "reload")
        self.assertNotEqual(0, code)
        self.assertIn("broken.yml", out + err)
        self.attack("203.0.113.4")
        wait_for("alerts after the refused reload", lambda: self.seen("203.0.113.4"), 30, 0.3)


class SlowSenders(Case):
    """Connections that send little or nothing hold up nobody."""

    def test_silent_connections_do_not_stop_a_push(self):
        from harness import free_port
        port = free_port()
        node = Node(self, connectors=[{"name": "push", "kind": "http", "port": port}]).start()
        idle = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(200)]
        for connection in idle[:100]:
            connection.sendall(b"POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Le")
        pushed = []
        worker = threading.Thread(target=lambda: pushed.append(push(port, [attack_line("203.0.113.7")])))
        worker.start()
        worker.join(15)
        for connection in idle:
            connection.close()
        self.assertEqual([200], pushed)
        self.assertEqual(200, node.http("/healthz")[0])
