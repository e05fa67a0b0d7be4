"""Logs that are fetched or acknowledged: forward, nats, kafka, s3, api. During a load the node is killed with -9, then what it fetches from; at
the end every record that the other side had is an alert."""
import collections
import gzip
import http.client
import json
import os
import random
import re
import threading
import time
import urllib.parse

from bus import Connection, credentials_of
from harness import Case, Node, attack_line, free_port, wait_for
from other_systems import ForwardSender, MockKafka, MockSqs, OtherNats, PagedApi, Swift

LINES = int(os.environ.get("SOC_TEST_LINES", "600"))
KILLS = int(os.environ.get("SOC_TEST_KILLS", "2"))
# A large load is mostly of lines that give no alert, which are looked for in the event store instead: alerts and incidents have tests of their
# own. It is handed over in larger parts, over the time all kills take, and waited for longer.
LARGE = LINES >= 10_000
ATTACKERS, BATCH, ATTACK_EVERY = 40, max(20, LINES // 500), 1000 if LARGE else 1
PAUSE = max(0.02, KILLS * 4 * BATCH / LINES) if LARGE else 0.02
PATIENCE = LINES / 100
MARK = re.compile(rb"&n=(\d+)[\"\\]")


def line_of(n):
    line = attack_line(f"203.0.113.{1 + n % ATTACKERS}", n)
    return line if n % ATTACK_EVERY == 0 else line.replace(b"/uploads/thumb.php?cmd=cat%20/etc/passwd&n=", b"/shop/item?id=7&n=")


def lines_of(numbers):
    return [line_of(n) for n in numbers]


class Fetching(Case):
    about_seconds = 60

    def setUp(self):
        super().setUp()
        self.dice = random.Random(int(os.environ.get("SOC_TEST_SEED", "1")))
        self.stopped = False
        self.addCleanup(setattr, self, "stopped", True)

    def processed(self):
        """How often each line is there: as an alert, in a large load as an event."""
        if LARGE:
            code, out, err = self.soc("lake", "export", self.path("node-a", "data", "events"), timeout=300)
            self.assertEqual(0, code, err)
            return collections.Counter(int(MARK.search(line)[1]) for line in out.encode().splitlines())
        return self.alerted()

    def alerted(self):
        connection = Connection(*credentials_of(self.node))
        try:
            marks = [int(mark) for payload in connection.stream("ALERTS") for mark in set(MARK.findall(payload))]
        finally:
            connection.close()
        return collections.Counter(marks)

    def crash_node(self):
        servers = [pid for pid in [self.node.nats_server()] if pid]
        self.node.kill()
        for pid in servers:
            deadline = time.monotonic() + 3
            while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
                time.sleep(0.05)
        self.node.start()

    def run_load(self, connector, give, crash_other=None):
        """give(lines) hands lines to the other side and returns True once it has them."""
        self.node = Node(self, connectors=[connector]).start()
        given = set()

        def feed():
            for first in range(0, LINES, BATCH):
                numbers = range(first, min(LINES, first + BATCH))
                lines = lines_of(numbers)
                while not self.stopped and not give(lines):
                    time.sleep(0.2)
                if self.stopped:
                    return
                given.update(numbers)
                time.sleep(PAUSE)
        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        for _ in range(KILLS):
            time.sleep(self.dice.uniform(0.3, 2.5))
            self.crash_node()
        if crash_other:
            time.sleep(self.dice.uniform(0.3, 1.5))
            crash_other()
        feeder.join(240 + PATIENCE)
        self.assertFalse(feeder.is_alive(), "the other side has all lines")
        missing = set()

        def complete():
            missing.clear()
            missing.update(given - set(self.processed()))
            return not missing
        try:
            wait_for("all lines to be kept", complete, 120 + PATIENCE, max(1, LINES / 5_000))
        except AssertionError:
            self.fail(f"{len(missing)} of {len(given)} are not there, among them {sorted(missing)[:5]}\n{self.node.log_tail(3000)}")
        self.assertEqual(LINES, len(given))
        self.say_what_came(KILLS)

    def say_what_came(self, kills):
        """Alerts are known by their id: what was read again after a kill gave no second one."""
        found, alerts = self.processed(), self.alerted()
        again = sum(count - 1 for count in found.values())
        self.assertEqual(set(range(0, LINES, ATTACK_EVERY)), set(alerts))
        self.assertEqual(1, len(set(alerts.values())), "a line that comes again gives no alert again")
        print(f"   {len(found)} lines, {kills} kills, {again} came again; {self.node.shell('connectors')}", flush=True)

    def test_chunks_of_a_forward_sender_are_acknowledged_once_they_are_kept(self):
        port = free_port()
        sender = ForwardSender(port)
        self.run_load({"name": "fluent", "kind": "forward", "port": port, "message_key": "log"},
                      lambda lines: sender.send(lines, lambda: self.stopped))

    def test_a_stream_of_another_nats_is_read_to_its_end(self):
        other = OtherNats(self)

        def crash():
            other.kill()
            time.sleep(0.5)
            other.start()
        self.run_load({"name": "elsewhere", "kind": "nats", "url": other.url, "stream": "LOGS"}, other.publish, crash)

    def test_partitions_of_a_topic_are_read_to_their_ends(self):
        kafka = MockKafka(self)
        self.node = Node(self, connectors=[{"name": "topic", "kind": "kafka", "brokers": kafka.brokers, "topics": kafka.topic}]).start()
        kills = KILLS if LINES >= 10_000 else 1
        for part in range(kills + 1):
            if part > 0:
                time.sleep(self.dice.uniform(0.3, 2.5))
                self.crash_node()
                # The mock keeps 5 MB a partition and forgets the oldest: the node must never be further behind than that.
                behind = LINES * (part - 1) // (kills + 1)
                wait_for("what was there before the last part", lambda: len(self.processed()) >= behind, 120)
            self.assertTrue(kafka.publish(lines_of(range(LINES * part // (kills + 1), LINES * (part + 1) // (kills + 1)))))
            if part == 0:
                wait_for("the first lines to be alerts", self.processed, 30, 0.2)
        wait_for("all lines to be kept", lambda: len(self.processed()) == LINES, 120 + PATIENCE, max(1, LINES / 5_000))
        self.say_what_came(kills)

    def test_objects_of_a_bucket_are_read_once_or_more_and_never_lost(self):
        swift = Swift(self)
        self.assertEqual(200, swift.request("PUT", "/logs")[0])
        secret = self.write("s3.secret", swift.secret, 0o600)
        user = self.write("s3.user", swift.user, 0o600)
        made = [0]

        def put(lines):
            kind = made[0] % 3
            body = b"\n".join(lines) + b"\n"
            if kind == 1:
                body = gzip.compress(body)
            if kind == 2:
                body = gzip.compress(b'{"Records":[' + b",".join(lines) + b"]}")
            if swift.request("PUT", f"/logs/web/2025 a+b/{made[0]:06d}.log", body)[0] != 200:
                return False
            made[0] += 1
            return True

        def crash():
            swift.kill_proxy()
            time.sleep(0.5)
            swift.start_proxy()
        self.run_load({"name": "bucket", "kind": "s3", "endpoint": swift.endpoint, "bucket": "logs", "prefixes": ["web/"],
                       "access_key": "file:" + user, "secret_key": "file:" + secret, "poll_s": 1}, put, crash)

    def test_objects_a_queue_names_are_read_and_their_messages_deleted_when_they_are_kept(self):
        swift = Swift(self)
        queue = MockSqs(self, swift.user, swift.secret)
        self.assertEqual(200, swift.request("PUT", "/logs")[0])
        secret = self.write("s3.secret", swift.secret, 0o600)
        user = self.write("s3.user", swift.user, 0o600)
        made = [0]
        queue.send({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "logs"})

        def event(key, size):
            return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
                                 "s3": {"bucket": {"name": "logs"}, "object": {"key": urllib.parse.quote_plus(key, "/"), "size": size}}}]}

        def put(lines):
            body = gzip.compress(b"\n".join(lines) + b"\n")
            key = f"web/2025 a+b/{made[0]:06d}.log"
            if swift.request("PUT", f"/logs/{key}", body)[0] != 200:
                return False
            made[0] += 1
            said = event(key, len(body))
            queue.send({"Type": "Notification", "Message": json.dumps(said)} if made[0] % 2 else said)
            if made[0] % 5 == 0:
                queue.send(said)
                queue.send(event(f"other/{made[0]}", 10))
                queue.send(event(f"web/deleted {made[0]}", 10))
            return True
        self.run_load({"name": "bucket", "kind": "s3", "endpoint": swift.endpoint, "bucket": "logs", "prefixes": ["web/"],
                       "access_key": "file:" + user, "secret_key": "file:" + secret,
                       "sqs_queue": queue.url, "sqs_region": queue.region, "sqs_wait_s": 1, "sqs_hidden_s": 10}, put)
        wait_for("the queue to be empty", lambda: queue.waiting() == 0, 60)
        self.assertEqual(0, queue.refused, "every request was signed as it must be")

    def test_a_webhook_makes_a_bucket_be_listed_at_once(self):
        swift, port = Swift(self), free_port()
        swift.request("PUT", "/logs")
        secret, user = self.write("s3.secret", swift.secret, 0o600), self.write("s3.user", swift.user, 0o600)
        token = self.write("hook.token", "let-me-in", 0o600)
        self.node = Node(self, connectors=[{"name": "bucket", "kind": "s3", "endpoint": swift.endpoint, "bucket": "logs", "poll_s": 3600,
                                            "access_key": "file:" + user, "secret_key": "file:" + secret,
                                            "webhook_port": port, "webhook_tokens": ["file:" + token]}]).start()
        time.sleep(2)   # the first listing is over
        swift.request("PUT", "/logs/a.log", b"\n".join(lines_of(range(5))) + b"\n")

        def knock(token):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("POST", "/notify", "{}", {"Authorization": "Bearer " + token})
            return connection.getresponse().status
        self.assertEqual(403, knock("wrong"))
        time.sleep(2)
        self.assertEqual(0, len(self.processed()), "a wrong token changes nothing")
        self.assertEqual(200, knock("let-me-in"))
        wait_for("all lines to be alerts", lambda: len(self.processed()) == 5, 20)

    def test_pages_of_an_api_are_read_past_its_refusals(self):
        api = PagedApi(self)
        secret = self.write("api.secret", "s3cret", 0o600)

        def give(lines):
            api.add(lines)
            return True
        self.run_load({"name": "pages", "kind": "api", "url": f"http://127.0.0.1:{api.port}/logs", "query": {"since": "${cursor}"},
                       "records": "items", "id": "request_id", "pagination": {"type": "link", "path": "next.link"},
                       "cursor": {"field": "stored", "overlap_s": 5, "lookback_h": 1}, "poll_s": 1, "requests_per_minute": 3000,
                       "auth": {"type": "oauth2", "id": "reader", "secret": "file:" + secret,
                                "token_url": f"http://127.0.0.1:{api.port}/token"}}, give)
        self.assertGreater(api.refused, 0, "some requests were refused")

    def test_a_wrong_secret_is_said_and_nothing_is_read(self):
        swift = Swift(self)
        swift.request("PUT", "/logs")
        swift.request("PUT", "/logs/a.log", b"\n".join(lines_of(range(3))))
        wrong, user = self.write("wrong", "nonsense", 0o600), self.write("user", swift.user, 0o600)
        self.node = Node(self, connectors=[{"name": "bucket", "kind": "s3", "endpoint": swift.endpoint, "bucket": "logs",
                                            "access_key": "file:" + user, "secret_key": "file:" + wrong, "poll_s": 1}]).start()
        said = lambda: self.node.log_tail(100000) + self.output_of(self.node.name, 100000)
        wait_for("the refusal to be said", lambda: "HTTP 403" in said(), 30)
        self.assertNotIn("nonsense", said())
        self.assertEqual(0, self.node.metric("soc_source_records_total"))
