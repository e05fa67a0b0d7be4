"""The soc agent for real: a harmless binary called xmrig, begun by a shell, is ended with its tree after an approval, its file put into
quarantine, the pool's address blocked; undo brings file and address back. A host is isolated from within and released again."""
import json
import os
import shutil
import subprocess
import time

from bus import credentials_of
from harness import SOC, Case, Firewall, attack_line, children_of, need_root, push, started_at, wait_for, is_running
from response_site import ResponseSite

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


class Agent(Case):
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
