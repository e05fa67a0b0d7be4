#!/usr/bin/env python3
"""Starts a node on run/, plays the recorded web intrusion into the log files it follows, and shows what the node makes of it.

usage: tools/run_intrusion.py [--once] [--speed X] [--timeout S]        (called by tools/run after setup and build)
Everything shown is asked of the running node through its shell. The firewall is the simulated one (soc_sim): it keeps state and is asked
at the end what it really blocks. run/ is made anew at each start.
"""
import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import replay

RUN = os.path.join(ROOT, "run")
SOC = os.path.join(ROOT, "build", "release", "soc")
SIM = os.path.join(ROOT, "build", "release", "soc_sim")
RECORDED = os.path.join(ROOT, "tests", "data", "web_intrusion")

CONFIG = """# Written by tools/run: the node of this folder. Every key: config/soc.yaml
root: ..
node: {name: run, data_dir: run/data}
http: {port: 0}
log: {level: info, file: run/node.log}
content: {resources: run/resources}
connectors:
  - {name: web-access, kind: file, paths: [run/live/access.json]}
  - {name: web-waf, kind: file, paths: [run/live/modsec_audit.json]}
  - {name: web-audit, kind: file, paths: [run/live/audit.log], multiline: audit_serial, multiline_timeout_ms: 100}
"""

RESOURCES = """# Written by tools/run: where "block ip" goes.
instances:
  - name: edge-firewall
    component: sim_firewall
    endpoint: http://127.0.0.1:%d
    credentials: {token: "file:%s"}
    tags: [edge]
"""

def say(text):
    print(text, flush=True)

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

class Node:
    """The processes of this run; ended by pid."""

    def __init__(self):
        self.children = []
        self.sim_port = free_port()
        self.token = secrets.token_hex(16)

    def start(self, *command, log):
        with open(log, "ab") as out:
            child = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        self.children.append(child)
        return child

    def stop(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(10)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()

    def shell(self, command):
        """The answer of `soc shell -c` as data; None while the node does not answer."""
        done = subprocess.run([SOC, "shell", "--config", os.path.join(RUN, "soc.yaml"), "-o", "json", "-c", command],
                              cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def firewall(self):
        request = urllib.request.Request(f"http://127.0.0.1:{self.sim_port}/v1/blocks",
                                         headers={"Authorization": "Bearer " + self.token})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

def prepare(node):
    shutil.rmtree(RUN, ignore_errors=True)
    for folder in ("live", "resources", "data"):
        os.makedirs(os.path.join(RUN, folder))
    token_file = os.path.join(RUN, "firewall.token")
    with open(os.open(token_file, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as out:
        out.write(node.token)
    for name in ("access.json", "modsec_audit.json", "audit.log"):
        open(os.path.join(RUN, "live", name), "wb").close()
    with open(os.path.join(RUN, "soc.yaml"), "w", encoding="utf-8") as out:
        out.write(CONFIG)
    with open(os.path.join(RUN, "resources", "edge.yaml"), "w", encoding="utf-8") as out:
        out.write(RESOURCES % (node.sim_port, token_file))

def start(node):
    sim = node.start(SIM, "firewall", "--port", str(node.sim_port), "--token-file", os.path.join(RUN, "firewall.token"),
                     log=os.path.join(RUN, "firewall.log"))
    soc = node.start(SOC, "node", "--config", os.path.join(RUN, "soc.yaml"), log=os.path.join(RUN, "node.out"))
    deadline = time.time() + 60
    while time.time() < deadline:
        for child, log in ((sim, "firewall.log"), (soc, "node.out")):
            if child.poll() is not None:
                with open(os.path.join(RUN, log), encoding="utf-8", errors="replace") as lines:
                    sys.exit(f"run: a process ended at once:\n{lines.read()}")
        if node.shell("nodes"):
            return
        time.sleep(0.2)
    sys.exit("run: the node did not answer within 60 s; see run/node.log")

class Watch:
    """Prints what is new among incidents, their alerts and tasks."""

    def __init__(self, node):
        self.node = node
        self.seen = {}

    def poll(self):
        for incident in self.node.shell("incidents --last 50") or []:
            uid = incident["incident"]
            now = (incident["title"], incident["severity"], incident["status"], incident["alerts"])
            if self.seen.get(uid) != now:
                self.seen[uid] = now
                say(f"  incident {uid[:12]}  {now[1]:<8} {now[2]:<12} {now[3]:>4} alerts  {now[0]}")
        for task in self.node.shell("tasks --last 200") or []:
            uid = task["task"]
            if self.seen.get(uid) != task["status"]:
                self.seen[uid] = task["status"]
                say(f"  task     {uid[:12]}  {task['action']} {task['target']} at {task['instance']}: {task['status']}")

def summary(node, records, seconds):
    incidents = []
    tasks = node.shell("tasks --last 1000") or []
    for row in node.shell("incidents --last 50") or []:
        detail = node.shell(f"incident {row['incident']}") or {}
        incidents.append({
            "title": row["title"], "alerts": row["alerts"], "stages": detail.get("stages", []),
            "tasks": [{"action": t["action"], "target": t["target"], "status": t["status"]}
                      for t in tasks if row["incident"].startswith(t["incident"])],
        })
    incidents.sort(key=lambda incident: -incident["alerts"])
    alerts = sum(incident["alerts"] for incident in incidents)
    return {"records": records, "alerts": alerts, "incidents": incidents, "seconds": round(seconds, 1)}

def settled(result):
    """An incident whose response is through as far as it goes by itself: every task in a final state or a person's to decide, one verified."""
    final = {"verified", "done", "failed", "refused", "expired", "unknown", "undone", "waiting_approval"}
    tasks = [task for incident in result["incidents"] for task in incident["tasks"]]
    return any(task["status"] == "verified" for task in tasks) and all(task["status"] in final for task in tasks)

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true", help="end after the incident; the last line is a JSON summary")
    parser.add_argument("--speed", type=float, default=6.0, help="times as fast as recorded (6)")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds to wait for the response after the last line")
    arguments = parser.parse_args()
    node = Node()
    began = time.time()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        prepare(node)
        start(node)
        say(f"node 'run' is up ({time.time() - began:.1f} s); playing {os.path.relpath(RECORDED, ROOT)} at {arguments.speed:g}x")
        watch = Watch(node)
        written = []
        player = threading.Thread(daemon=True, target=lambda: written.append(
            replay.replay(RECORDED, os.path.join(RUN, "live"), arguments.speed)))
        player.start()
        while player.is_alive():
            watch.poll()
            time.sleep(0.3)
        deadline = time.time() + arguments.timeout
        result = summary(node, written[0], time.time() - began)
        while not settled(result) and time.time() < deadline:
            time.sleep(0.5)
            watch.poll()
            result = summary(node, written[0], time.time() - began)
        main_incident = max((node.shell("incidents --last 50") or []), key=lambda row: row["alerts"], default=None)
        if main_incident:
            subprocess.run([SOC, "shell", "--config", os.path.join(RUN, "soc.yaml"), "-c",
                            f"incident {main_incident['incident']}"], cwd=ROOT, check=False)
        say("the firewall blocks: " + json.dumps(node.firewall()))
        if arguments.once:
            say(json.dumps(result, ensure_ascii=False))
            return 0 if settled(result) else 1
        say(json.dumps(result, ensure_ascii=False))
        say("\nthe node goes on; its logs are run/live/*, its own log run/node.log. Ask it:\n"
            "  build/release/soc shell --config run/soc.yaml            (help, incidents, incident ID, tasks, undo ID, actors, tail)\n"
            "Ctrl-C ends it.")
        while all(child.poll() is None for child in node.children):
            time.sleep(0.5)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        node.stop()

if __name__ == "__main__":
    sys.exit(main())
