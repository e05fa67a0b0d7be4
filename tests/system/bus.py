"""A NATS subscriber in a few lines: what any program that consumes incidents does. Text protocol, one connection, a thread that reads."""
import json
import socket
import threading
import time
from urllib.parse import urlsplit


class Subscriber:
    """Keeps (monotonic time, wall time, subject, payload) of every message on `subject`."""

    def __init__(self, url, subject, user="", password=""):
        where = urlsplit(url if "://" in url else "nats://" + url)
        self.socket = socket.create_connection((where.hostname, where.port or 4222), 5)
        self.reader = self.socket.makefile("rb")
        self.reader.readline()   # INFO
        options = {"verbose": False, "pedantic": False, "name": "system-test", "lang": "python", "version": "1"}
        if user or where.username:
            options.update({"user": user or where.username, "pass": password or where.password or ""})
        self.send(f"CONNECT {json.dumps(options)}\r\nSUB {subject} 1\r\nPING\r\n")
        while True:
            line = self.reader.readline()
            if line.startswith(b"PONG"):
                break
            if not line or line.startswith(b"-ERR"):
                raise AssertionError(f"NATS refuses the subscription: {line!r}")
        self.messages, self.lock = [], threading.Lock()
        threading.Thread(target=self.read, daemon=True).start()

    @classmethod
    def of_node(cls, node, subject):
        """With the address and credentials a node leaves in its data directory."""
        with open(node.case.path(node.name, "data", "nats-client.json"), encoding="utf-8") as file:
            known = json.load(file)
        return cls(known["url"].split(",")[0], subject, known.get("user", ""), known.get("password", ""))

    def send(self, text):
        self.socket.sendall(text.encode())

    def read(self):
        self.socket.settimeout(None)
        try:
            while line := self.reader.readline():
                if line.startswith(b"PING"):
                    self.send("PONG\r\n")
                elif line.startswith(b"MSG"):
                    words = line.split()
                    payload = self.reader.read(int(words[-1]) + 2)[:-2]
                    with self.lock:
                        self.messages.append((time.monotonic(), time.time(), words[1].decode(), payload))
        except OSError:
            pass

    def taken(self):
        with self.lock:
            return list(self.messages)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
