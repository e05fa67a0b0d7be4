#!/usr/bin/env python3
"""Playbook runs on a real node: how many a second, beside Node-RED; what runs that wait for a person cost; how soon they are back.

usage: tests/bench/response.py runs [--runs N] [--node-red FOLDER]   N runs of (condition, 2 HTTP actions), 16 at once. FOLDER holds
                                                                     node_modules with node-red and autocannon (npm)
       tests/bench/response.py waiting [--runs N]                    N runs that wait for approval: memory; kill -9, time until they are back
Both sides of `runs` call the same nginx. The node keeps a journal with every step of every run; Node-RED keeps nothing.
Prints one JSON line, last.
"""
import argparse
import json
import os
import selectors
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
from harness import SOC, Case, free_port, wait_for  # noqa: E402
from response_site import ResponseSite  # noqa: E402

CLIENTS = 16

TWO_CALLS = {
    "name": "two_calls", "trigger": "manual", "inputs": {"ip": {"type": "ip"}, "severity": {"type": "integer"}},
    "steps": [
        {"id": "severe", "condition": [{"when": {"inputs.severity|gte": 4}, "next": "first"}, {"else": "end"}]},
        {"id": "first", "action": "mark", "target": "${inputs.ip}"},
        {"id": "second", "action": "mark_again", "target": "${inputs.ip}"},
    ]}

WAITS = {
    "name": "waits", "trigger": "manual", "inputs": {"ip": {"type": "ip"}},
    "steps": [{"id": "ask", "approval": {"people": 1}, "timeout": "24h"},
              {"id": "first", "action": "mark", "target": "${inputs.ip}"}]}

MARK = {"effect": "irreversible", "fits": ["ip"], "target": "ip", "parameters": {"ip": {"type": "network", "required": True}},
        "idempotency": "key", "request": {"method": "POST", "path": "/mark", "body": {"ip": "${params.ip}"}}}
COMPONENT = json.dumps({"name": "marker", "title": "A target that answers at once", "kind": "firewall", "auth": {"type": "none"},
                        "actions": {"mark": MARK, "mark_again": MARK}})


class Bench(Case):
    def runTest(self):
        """The harness is a test case; this is none."""

    def nginx(self):
        port, folder = free_port(), self.path("nginx")
        os.makedirs(folder)
        conf = self.write("nginx/nginx.conf", f"""worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; daemon off;
events {{ worker_connections 512; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
scgi_temp_path {folder}; keepalive_requests 1000000; server {{ listen 127.0.0.1:{port}; default_type application/json;
location / {{ return 200 '{{"ok":true}}'; }} }} }}""")
        self.start("nginx", shutil.which("nginx"), "-c", conf)
        return port

    def site(self, playbook, port):
        site = ResponseSite(self, playbook, [{"name": "target", "component": "marker", "endpoint": f"http://127.0.0.1:{port}"}],
                            mode="observe", components={"marker": COMPONENT}, for_each=False)
        os.remove(self.path("node-a-content", "response", "rules.yaml"))
        site.put(self.path("node-a-content"), "response/none.yaml", "rules: []\n")
        site.node.start()
        first = f"run {playbook['name']} ip=203.255.255.1" + (" severity=1" if playbook is TWO_CALLS else "")
        wait_for("the first run", lambda: (site.node.shell(first) or {}).get("obeyed"), 30, 0.3)
        return site

    def shells(self, site, commands):
        """Each list of commands to a shell of its own, which gives one when the one before it is answered. Returns the seconds each took
        (sorted) and how many were answered a second, both from the moment when all shells have had their first answer."""
        shells, selector = {}, selectors.DefaultSelector()
        for number, lines in enumerate(commands):
            with open(self.write(f"shell-{number}", "".join(line + "\n" for line in lines)), encoding="ascii") as source:
                shell = subprocess.Popen([SOC, "shell", "--config", site.node.config_file, "-o", "json", "--timeout-ms", "120000"],
                                         stdin=source, stdout=subprocess.PIPE)
            shells[shell.stdout] = [shell, lines, 0, 0.0, b""]   # process, commands, answered, when last, begun line
            selector.register(shell.stdout, selectors.EVENT_READ)
        answers = []   # (when, took)
        while selector.get_map():
            for key, _ in selector.select():
                now, state = time.monotonic(), shells[key.fileobj]
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                    continue
                *done, state[4] = (state[4] + data).split(b"\n")
                for answer in done:
                    if b'"obeyed":true' not in answer:
                        raise SystemExit(f"{state[1][state[2]]}: {answer.decode()}")
                    answers.append((now, now - state[3], state[2] == 0))
                    state[2], state[3] = state[2] + 1, now
        for shell, lines, answered, _, _ in shells.values():
            shell.wait(10)
            if answered != len(lines):
                raise SystemExit(f"{answered} of {len(lines)} commands were answered")
        began = max(when for when, _, first in answers if first)
        counted = [(when, took) for when, took, first in answers if when > began and not first]
        return sorted(took for _, took in counted), len(counted) / (max(when for when, _ in counted) - began)

    def cpu_s(self, pid):
        """Processor time of a process and of the children it has waited for."""
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self, pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def spread(lines):
    return [lines[n::CLIENTS] for n in range(CLIENTS)]


def run_lines(playbook, count, more=""):
    return [f"run {playbook} ip=203.{n >> 16}.{n >> 8 & 255}.{n & 255} {more}" for n in range(count)]


def summary(took, rate):
    return {"runs_per_s": round(rate), "median_ms": round(took[len(took) // 2] * 1000, 1),
            "p99_ms": round(took[int(len(took) * 0.99)] * 1000, 1)}


def node_red(bench, folder, target, runs):
    port = free_port()
    flow = [{"id": "t", "type": "tab"}, {"id": "in", "z": "t", "type": "http in", "url": "/run", "method": "post", "wires": [["sw"]]},
            {"id": "sw", "z": "t", "type": "switch", "property": "payload.severity", "rules": [{"t": "gte", "v": "4", "vt": "num"}],
             "outputs": 1, "wires": [["r1"]]}]
    for step, then in (("r1", "r2"), ("r2", "out")):
        flow.append({"id": step, "z": "t", "type": "http request", "method": "POST", "ret": "obj", "persist": True,
                     "url": f"http://127.0.0.1:{target}/mark", "wires": [[then]]})
    flow.append({"id": "out", "z": "t", "type": "http response", "wires": []})
    bench.write("red/flows.json", json.dumps(flow))
    bench.write("red/settings.js", f"""module.exports = {{uiHost: "127.0.0.1", uiPort: {port}, flowFile: "flows.json", httpAdminRoot: false,
logging: {{console: {{level: "off"}}}}, telemetry: {{enabled: false}}}};""")
    bench.start("node-red", "node", os.path.join(folder, "node_modules", "node-red", "red.js"), "-u", bench.path("red"),
                "-s", bench.path("red", "settings.js"))
    body = json.dumps({"ip": "203.0.113.9", "severity": 4})

    def drive(amount):
        done = subprocess.run(["node", os.path.join(folder, "node_modules", "autocannon", "autocannon.js"), "-j", "-c", str(CLIENTS), "-a",
                               str(amount), "-m", "POST", "-H", "content-type=application/json", "-b", body, f"http://127.0.0.1:{port}/run"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return json.loads(done.stdout or "{}")

    wait_for("Node-RED", lambda: drive(16).get("2xx", 0) == 16, 60, 1)
    drive(runs // 4)   # its compiler warms up
    got = drive(runs)
    if got.get("2xx") != runs:
        raise SystemExit(f"Node-RED answered {got.get('2xx')} of {runs}")
    return {"runs_per_s": round(runs / got["duration"]), "median_ms": got["latency"]["p50"], "p99_ms": got["latency"]["p99"]}


def bench_runs(bench, arguments):
    target = bench.nginx()
    site = bench.site(TWO_CALLS, target)
    bench.shells(site, spread(run_lines("two_calls", arguments.runs // 4, "severity=4 --wait")))
    pids = {"node": site.node.process.pid, "nats": site.node.nats_server()}
    before = {name: bench.cpu_s(pid) for name, pid in pids.items()}
    took, rate = bench.shells(site, spread(run_lines("two_calls", arguments.runs, "severity=4 --wait")))
    out = {"runs": arguments.runs, "clients": CLIENTS, "soc": summary(took, rate)}
    out["cpu_us_per_run"] = {name: round((bench.cpu_s(pid) - before[name]) * 1e6 / arguments.runs) for name, pid in pids.items()}
    site.node.stop()
    if arguments.node_red:
        out["node_red"] = node_red(bench, arguments.node_red, target, arguments.runs)
    return out


def bench_waiting(bench, arguments):
    site = bench.site(WAITS, bench.nginx())
    bench.shells(site, spread(run_lines("waits", 160)))
    time.sleep(3)
    before, began = bench.rss_mb(site.node.process.pid), time.monotonic()
    bench.shells(site, spread(run_lines("waits", arguments.runs)))
    seconds = time.monotonic() - began
    time.sleep(5)
    after = bench.rss_mb(site.node.process.pid)
    out = {"runs": arguments.runs, "begun_per_s": round(arguments.runs / seconds), "rss_before_mb": round(before),
           "rss_mb": round(after), "kib_per_run": round((after - before) * 1024 / arguments.runs, 2)}
    site.node.kill()
    server = site.node
    time.sleep(2)
    began = time.monotonic()
    server.start(120)
    out["ready_s"] = round(time.monotonic() - began, 2)
    all_of_them = arguments.runs + 160 + 1
    wait_for("all runs to be back", lambda: server.metric("soc_response_runs_open") >= all_of_them, 600, 0.1)
    out["all_back_s"] = round(time.monotonic() - began, 2)
    out["rss_after_restart_mb"] = round(bench.rss_mb(server.process.pid))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("runs", "waiting"))
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--node-red", default="")
    arguments = parser.parse_args()
    bench = Bench()
    bench.setUp()
    try:
        out = bench_runs(bench, arguments) if arguments.what == "runs" else bench_waiting(bench, arguments)
    finally:
        bench.doCleanups()
    print(json.dumps(out))


if __name__ == "__main__":
    main()
