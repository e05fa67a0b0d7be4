"""A NATS subscriber in a few lines: what any program that consumes incidents does. Text protocol, one connection, a thread that reads."""
import base64
import json
import socket
import threading
import time
from urllib.parse import urlsplit


def credentials_of(node):
    """Address, user and password that a node leaves in its data directory."""
    with open(node.case.path(node.name, "data", "nats-client.json"), encoding="utf-8") as file:
        known = json.load(file)
    return known["url"].split(",")[0], known.get("user", ""), known.get("password", "")


class Connection:
    """Signed in, nothing subscribed."""

    def __init__(self, url, user="", password=""):
        where = urlsplit(url if "://" in url else "nats://" + url)
        self.socket = socket.create_connection((where.hostname, where.port or 4222), 5)
        self.reader = self.socket.makefile("rb")
        self.requests = 0
        self.reader.readline()   # INFO
        options = {"verbose": False, "pedantic": False, "name": "system-test", "lang": "python", "version": "1"}
        if user or where.username:
            options.update({"user": user or where.username, "pass": password or where.password or ""})
        self.send(f"CONNECT {json.dumps(options)}\r\n")
        self.flush()

    def flush(self):
        """Waits until the server has everything that was sent."""
        self.send("PING\r\n")
        while True:
            line = self.reader.readline()
            if line.startswith(b"PONG"):
                break
            if not line or line.startswith(b"-ERR"):
                raise AssertionError(f"NATS refuses: {line!r}")

    def send(self, text):
        self.socket.sendall(text.encode())

    def message(self, line):
        """Subject and payload of the message whose first line this is."""
        words = line.split()
        return words[1].decode(), self.reader.read(int(words[-1]) + 2)[:-2]

    def request(self, subject, payload, inbox="_INBOX.system.test"):
        """The answer to a request, as JSON. For a connection without other subscriptions."""
        # An id of its own each time: the server may give an answer before it has forgotten the subscription.
        self.requests += 1
        number = 1000 + self.requests
        self.send(f"SUB {inbox} {number}\r\nUNSUB {number} 1\r\nPUB {subject} {inbox} {len(payload.encode())}\r\n{payload}\r\n")
        while line := self.reader.readline():
            if line.startswith(b"PING"):
                self.send("PONG\r\n")
            elif line.startswith(b"MSG"):
                return json.loads(self.message(line)[1])
            elif line.startswith(b"-ERR"):
                break
        raise AssertionError(f"no answer to {subject}")

    def stream(self, name):
        """Payloads of all messages of a JetStream stream."""
        state = self.request(f"$JS.API.STREAM.INFO.{name}", "")["state"]
        for sequence in range(state["first_seq"], state["last_seq"] + 1):
            found = self.request(f"$JS.API.STREAM.MSG.GET.{name}", json.dumps({"seq": sequence})).get("message")
            if found:
                yield base64.b64decode(found.get("data", ""))

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class Subscriber(Connection):
    """Keeps (monotonic time, wall time, subject, payload) of every message on `subject`."""

    def __init__(self, url, subject, user="", password=""):
        super().__init__(url, user, password)
        self.send(f"SUB {subject} 1\r\n")
        self.flush()
        self.messages, self.lock = [], threading.Lock()
        threading.Thread(target=self.read, daemon=True).start()

    @classmethod
    def of_node(cls, node, subject):
        url, user, password = credentials_of(node)
        return cls(url, subject, user, password)

    def read(self):
        self.socket.settimeout(None)
        try:
            while line := self.reader.readline():
                if line.startswith(b"PING"):
                    self.send("PONG\r\n")
                elif line.startswith(b"MSG"):
                    subject, payload = self.message(line)
                    with self.lock:
                        self.messages.append((time.monotonic(), time.time(), subject, payload))
        except OSError:
            pass

    def taken(self):
        with self.lock:
            return list(self.messages)
