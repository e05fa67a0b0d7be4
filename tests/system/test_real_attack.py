"""Everything real, as root: attackers, a firewall (nftables) and a web server (nginx, ModSecurity, auditd) in network namespaces of their own.
The node follows the server's live logs and blocks at the firewall. Says how long it takes from the line to the drop."""
import json
import os
import statistics
import subprocess
import threading
import time

from bus import Subscriber
from harness import ROOT, Case, Node, wait_for
from web_lab import LAB, PREFIX, WebLab

PROTECTED = "198.51.100.250"


class FileWatch:
    """When the first line about each address was in a log: nginx writes each line at once, it is looked for every 2 ms."""

    def __init__(self, path, key):
        self.path, self.key, self.first, self.stopped = path, key.encode(), {}, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with open(self.path, "rb") as file:
            file.seek(0, 2)
            line = b""
            while not self.stopped:
                line += file.readline()
                if not line.endswith(b"\n"):
                    time.sleep(0.002)
                    continue
                line, whole = b"", line
                at = whole.find(self.key)
                # A fast block comes between the upload and the first use of the shell: the upload counts.
                if at >= 0 and (b"/uploads/" in whole or b'"request_method":"POST"' in whole):
                    address = whole[at + len(self.key):].split(b'"', 1)[0].decode()
                    self.first.setdefault(address, time.time())


class BlockWatch:
    """When the kernel had each address in its set: `nft monitor` in the firewall's namespace, at a terminal so that it prints at once."""

    def __init__(self, case):
        self.first = {}
        self.output, its_end = os.openpty()
        self.process = subprocess.Popen(["ip", "netns", "exec", PREFIX + "-fw", "nft", "monitor", "new", "elements"],
                                        stdin=subprocess.DEVNULL, stdout=its_end, stderr=its_end)
        os.close(its_end)
        case.remember(self.process.pid, self.process)
        threading.Thread(target=self.run, daemon=True).start()
        time.sleep(0.5)   # it subscribes before anything is blocked

    def run(self):
        try:
            with os.fdopen(self.output, encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if "blocked4" in line and "{" in line:
                        self.first.setdefault(line.split("{", 1)[1].split()[0], time.time())
        except OSError:   # the terminal ends with its program
            pass


class RealAttack(Case):
    alone = True   # it measures moments, in namespaces with names of their own

    attackers = int(os.environ.get("SOC_TEST_ATTACKERS", "8"))

    def setUp(self):
        super().setUp()
        lab, self.automatic = WebLab(self), "blocked" in self._testMethodName
        self.lab = lab.dir
        self.node = Node(self, response=self.response(), instances=[lab.firewall()], connectors=lab.connectors()).start()
        self.addCleanup(self.keep_order)

    def keep_order(self):
        """The node ends before the namespaces go."""
        self.end(self.node.process.pid)

    def response(self):
        """The product's own response rules, and one more protected address. Without rules nobody stops the attacker half-way."""
        folder = self.path("response")
        subprocess.run(["cp", "-r", os.path.join(ROOT, "config", "response"), folder], check=True)
        if not self.automatic:
            os.remove(os.path.join(folder, "web_intrusion.yaml"))
        self.write("response/zz_test.yaml", json.dumps({"protected": {"networks": [PROTECTED + "/32"]}}))
        return folder

    def attack(self, address, stages="webshell_upload,webshell_use"):
        subprocess.run([os.path.join(LAB, "attack"), self.lab, "--attacker", address, "--stages", stages, "--pace", "0.02",
                        "--patience", "2" if self.automatic else "0"],
                       timeout=240, check=True, stdout=subprocess.DEVNULL)

    def visit(self, address):
        """HTTP status of an ordinary request from an address; 0 when it times out."""
        done = subprocess.run(["ip", "netns", "exec", PREFIX + "-atk", "curl", "-s", "-o", "/dev/null", "-m", "2", "-w", "%{http_code}",
                               "--interface", address, "-H", "Host: shop.example", "http://10.77.0.20/about.html"],
                              stdout=subprocess.PIPE, check=False)
        return int(done.stdout or 0)

    def test_attackers_are_blocked_within_moments_and_a_protected_address_never(self):
        written = FileWatch(os.path.join(self.lab, "log", "access.json"), '"remote_addr":"')
        published = Subscriber.of_node(self.node, "soc.json.*.incident.>")
        journaled = Subscriber.of_node(self.node, "soc.*.task.*")
        blocked = BlockWatch(self)
        addresses = [f"203.0.113.{10 + n}" for n in range(self.attackers)]
        self.assertEqual(200, self.visit(addresses[0]))
        for address in addresses:
            self.attack(address)
            wait_for(f"the block of {address}", lambda: address in blocked.first, 30, 0.05)
        self.attack(PROTECTED, "scan,exploit_attempt,webshell_upload,webshell_use")
        time.sleep(3)
        written.stopped = True
        self.report(addresses, written.first, published.taken(), blocked.first, journaled.taken())
        for address in addresses:
            self.assertEqual(0, self.visit(address), f"{address} is blocked")
        self.assertEqual(200, self.visit("192.0.2.30"), "a visitor gets through")
        self.assertNotIn(PROTECTED, blocked.first)
        self.assertEqual(200, self.visit(PROTECTED), "a protected address is never blocked")
        self.undo(addresses[0])

    def undo(self, address):
        task = next(task for task in self.node.tasks() if task["target"].endswith(address) and "block" in task["action"])
        self.node.shell(f"undo {task['task']} it was a test", check=True)
        wait_for("the attacker to get through again", lambda: self.visit(address) == 200, 20, 0.2)

    def verified(self, addresses, journaled):
        """When the task that blocks each address had read back that it is in effect."""
        task_of, seen = {}, {}
        for subject, at, _, payload in journaled:
            for address in addresses:   # the entry that brings the task names its target; keys are IPv4-mapped
                if address not in task_of and b"block_ip" in payload and address.encode() in payload:
                    task_of[address] = subject
            if b"it is in effect" in payload:
                seen.setdefault(subject, at)
        return {address: seen[subject] for address, subject in task_of.items() if subject in seen}

    def report(self, addresses, written, published, blocked, journaled):
        first_told = {}
        for _, at, _, payload in published:
            text = payload.decode("utf-8", "replace")
            for address in addresses:
                if address not in first_told and f'"{address}"' in text:
                    first_told[address] = at
        told = [first_told[a] - written[a] for a in addresses if a in first_told and a in written]
        dropped = [blocked[a] - written[a] for a in addresses if a in blocked and a in written]
        self.assertEqual(len(addresses), len(dropped), "each attacker's line and block were seen")
        for name, values in (("incident published", told), ("packets dropped", dropped)):
            if values:
                by_size = [f"{value * 1000:.0f}" for value in sorted(values)]
                print(f"   first line of the upload or the web shell written -> {name}: median {statistics.median(values) * 1000:.0f} ms; "
                      f"each: {', '.join(by_size)}", flush=True)
        verified = self.verified(addresses, journaled)
        since = sorted(verified[a] - first_told[a] for a in addresses if a in verified and a in first_told)
        if since:
            print(f"   incident published -> effect verified: median {statistics.median(since) * 1000:.0f} ms; "
                  f"each: {', '.join(f'{value * 1000:.0f}' for value in since)}", flush=True)
        self.assertLess(statistics.median(dropped), 2.0, "a block takes moments")

    def test_a_whole_intrusion_live_is_one_incident(self):
        self.attack("203.0.113.66", "scan,exploit_attempt,webshell_upload,webshell_use,reverse_shell")

        def main():
            rows = [row for row in self.node.incidents() if "203.0.113.66" in json.dumps(self.node.incident(row["incident"]))]
            return max(rows, key=lambda row: int(row["alerts"]), default=None)
        row = wait_for("an incident with the intruder", main, 60, 0.5)
        wait_for("the host's part in it", lambda: "reverse_shell" in self.node.incident(main()["incident"]).get("stages", []), 30, 0.5)
        self.assertEqual(200, self.visit("203.0.113.66"), "without a rule nothing is done")
        self.assertEqual("web_intrusion", self.node.incident(row["incident"]).get("scenario"))
