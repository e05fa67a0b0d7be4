#!/usr/bin/env python3
"""A whole node under load: files in, normalized, detected, alerts acknowledged by JetStream, checkpoints moved.

usage: tests/bench/node_throughput.py [--records N] [--lanes N]             a backlog of N records, read as fast as it goes
       tests/bench/node_throughput.py --soak MINUTES --rate N [--lanes N]   N records a second, appended and rotated; memory by minute
Records: half nginx JSON, 3 in 10 nginx combined, 2 in 10 sshd; one in 10,000 is an attack. Prints one JSON line, last.
The writer of the soak runs on the same machine and takes its share of it.
"""
import argparse
import json
import os
import random
import re
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
from harness import Case, Node, attack_line, wait_for  # noqa: E402

BLOCK = 1000       # records a block of a kind
STAMP = b"@STAMP@"
KINDS = {"json": 5, "combined": 3, "sshd": 2}
ROTATE_BYTES = 128 << 20
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0", "okhttp/4.12.0")


def benign(kind, rng):
    """One everyday record with STAMP where its time goes."""
    client = f"198.51.{rng.randrange(256)}.{rng.randrange(1, 255)}"
    path = f"/{rng.choice(('shop', 'api/v1/cart', 'static/img', 'account'))}/{rng.randrange(10_000)}"
    status, size, agent = rng.choice((200,) * 40 + (304,) * 9 + (404,)), rng.randrange(200, 90_000), rng.choice(AGENTS)
    if kind == "json":
        line = json.dumps({"time_iso8601": "@STAMP@", "hostname": f"web-{rng.randrange(8):02d}", "remote_addr": client,
                           "remote_port": str(rng.randrange(1024, 65_535)), "server_addr": "10.77.0.20", "server_port": "443",
                           "host": "shop.example", "scheme": "https", "request_method": "GET", "request_uri": path,
                           "server_protocol": "HTTP/1.1", "status": status, "body_bytes_sent": size, "request_length": 412,
                           "request_time": 0.012, "http_referer": "https://shop.example/", "http_user_agent": agent,
                           "http_x_forwarded_for": "", "upstream_addr": "127.0.0.1:8000", "request_id": f"{rng.getrandbits(128):032x}"})
    elif kind == "combined":
        line = f'{client} - - [@STAMP@] "GET {path} HTTP/1.1" {status} {size} "https://shop.example/" "{agent}"'
    else:
        line = f"@STAMP@ bastion-{rng.randrange(3)} sshd[{rng.randrange(1000, 60_000)}]: Accepted publickey for deploy{rng.randrange(9)} " \
               f"from 10.20.{rng.randrange(8)}.{rng.randrange(1, 255)} port {rng.randrange(1024, 65_535)} ssh2: ED25519 SHA256:{rng.getrandbits(160):040x}"
    return line.encode() + b"\n"


class Writer:
    """Makes blocks of each kind with the present time in them, an attack among every ten thousand records."""

    FORMATS = {"json": "%Y-%m-%dT%H:%M:%S+00:00", "combined": "%d/%b/%Y:%H:%M:%S +0000", "sshd": "%b %e %H:%M:%S"}

    def __init__(self, folder):
        rng = random.Random(1)
        self.blocks = {kind: [b"".join(benign(kind, rng) for _ in range(BLOCK)) for _ in range(8)] for kind in KINDS}
        self.paths = {kind: os.path.join(folder, f"{kind}.log") for kind in KINDS}
        self.files = {kind: open(path, "ab") for kind, path in self.paths.items()}
        self.turn = self.attacks = self.written = 0

    def round(self):
        """Ten blocks: 10,000 records and one attack."""
        self.turn += 1
        now = time.gmtime()
        for kind, share in KINDS.items():
            stamp = time.strftime(self.FORMATS[kind], now).encode()
            for n in range(share):
                self.files[kind].write(self.blocks[kind][(self.turn + n) % 8].replace(STAMP, stamp))
            self.written += share * BLOCK
        self.attacks += 1
        attack = attack_line(f"203.0.113.{self.attacks % 20 + 1}", self.attacks)
        self.files["json"].write(attack.replace(b"web-01", b"web-%02d" % (self.attacks % 4)) + b"\n")
        self.written += 1
        for file in self.files.values():
            file.flush()

    def rotate(self):
        """As logrotate does, by rename; what was rotated the time before last is gone."""
        for kind, path in self.paths.items():
            if self.files[kind].tell() < ROTATE_BYTES:
                continue
            if os.path.exists(path + ".1"):
                os.replace(path + ".1", path + ".2")
            os.replace(path, path + ".1")
            self.files[kind].close()
            self.files[kind] = open(path, "ab")


class Bench(Case):
    def __init__(self, options):
        super().__init__("measure")
        self.options = options

    def measure(self):
        return self.soak() if self.options.soak else self.backlog()

    def node_with(self, folder):
        connectors = [{"name": kind, "kind": "file", "paths": [os.path.join(folder, f"{kind}.log*")]} for kind in KINDS]
        return Node(self, connectors=connectors, pipeline={"lanes": self.options.lanes})

    def memory_mib(self, node, what):
        with open(f"/proc/{node.process.pid}/status", encoding="ascii") as file:
            return int(re.search(what + r":\s+(\d+)", file.read()).group(1)) // 1024

    def cpu_seconds(self, node):
        with open(f"/proc/{node.process.pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def backlog(self):
        folder = self.path("live")
        os.makedirs(folder)
        writer = Writer(folder)
        while writer.written < self.options.records:
            writer.round()
        size = sum(os.path.getsize(path) for path in writer.paths.values())
        node = self.node_with(folder)
        began = time.monotonic()
        node.start()
        ready = time.monotonic() - began
        cpu = self.cpu_seconds(node)
        first_count, first_at = node.metric("soc_events_total"), time.monotonic()
        wait_for("all records", lambda: node.metric("soc_events_total") >= writer.written, 600, 0.2)
        seconds = time.monotonic() - first_at
        wait_for("all alerts to be published", lambda: len(node.alerts()) >= min(writer.attacks, 10_000), 60, 0.5)
        events = writer.written - first_count
        return {"records": writer.written, "mib": size >> 20, "ready_s": round(ready, 1), "seconds": round(seconds, 2),
                "events_per_s": round(events / seconds), "mib_per_s": round(size / (1 << 20) / writer.written * events / seconds),
                "cpu_s": round(self.cpu_seconds(node) - cpu, 2), "attacks": writer.attacks, "alerts": len(node.alerts()),
                "peak_rss_mib": self.memory_mib(node, "VmHWM"), "quarantined": node.metric("soc_quarantined_records_total")}

    def soak(self):
        folder = self.path("live")
        os.makedirs(folder)
        writer = Writer(folder)
        node = self.node_with(folder).start()
        began, rows, stopped = time.monotonic(), [], threading.Event()

        def write():
            while not stopped.is_set():
                if writer.written < (time.monotonic() - began) * self.options.rate:
                    writer.round()
                    writer.rotate()
                else:
                    time.sleep(0.01)
        thread = threading.Thread(target=write)
        thread.start()
        cpu = self.cpu_seconds(node)
        try:
            for minute in range(1, self.options.soak + 1):
                time.sleep(max(0.0, began + minute * 60 - time.monotonic()))
                done = node.metric("soc_events_total")
                rows.append({"minute": minute, "rss_mib": self.memory_mib(node, "VmRSS"), "events": int(done), "behind": int(writer.written - done)})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        finally:
            stopped.set()
            thread.join()
        seconds = time.monotonic() - began
        wait_for("the rest", lambda: node.metric("soc_events_total") >= writer.written, 300, 0.5)
        return {"minutes": self.options.soak, "records": writer.written, "events": int(node.metric("soc_events_total")),
                "events_per_s": round(rows[-1]["events"] / seconds), "cores_used": round((self.cpu_seconds(node) - cpu) / seconds, 2),
                "rss_mib": [row["rss_mib"] for row in rows], "behind": [row["behind"] for row in rows],
                "peak_rss_mib": self.memory_mib(node, "VmHWM"), "attacks": writer.attacks, "incidents": len(node.incidents()),
                "quarantined": node.metric("soc_quarantined_records_total")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--soak", type=int, default=0)
    parser.add_argument("--rate", type=int, default=50_000)
    options = parser.parse_args()
    bench = Bench(options)
    bench.setUp()
    try:
        print(json.dumps(bench.measure()))
    finally:
        bench.doCleanups()


if __name__ == "__main__":
    main()
