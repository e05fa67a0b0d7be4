"""What the system tests stand on: a folder of its own for each case, nodes of the real binary, the simulated firewall, and an end to
every process that was started, by its id. Every wait has a limit."""
import gzip
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SOC_BUILD", os.path.join(ROOT, "build", "release"))
SOC, SIM = os.path.join(BUILD, "soc"), os.path.join(BUILD, "soc_sim")
RECORDED = os.path.join(ROOT, "tests", "data", "web_intrusion")
sys.path.insert(0, os.path.join(ROOT, "tools"))


_claims = []   # of this process's ports; they end with it


def free_port():
    """A port nobody listens on, below those the kernel gives to connections and those a node takes for its own NATS; no other test is
    given it while this process lives."""
    while True:
        port = 10_000 + secrets.randbelow(10_000)
        claim = socket.socket(socket.AF_UNIX)
        with socket.socket() as probe, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            try:
                claim.bind(f"\0soc-test-port-{port}")
                probe.bind(("127.0.0.1", port))
                datagrams.bind(("127.0.0.1", port))
                _claims.append(claim)
                return port
            except OSError:
                claim.close()


def wait_for(what, ready, seconds=30.0, every=0.1):
    """The first true value of ready(); fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = ready()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}")
        time.sleep(every)


def children_of(pid):
    """Ids of the processes `pid` started itself."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def started_at(pid):
    """Start time in clock ticks: with the id it names one process for good. None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return int(file.read().rsplit(")", 1)[1].split()[19])
    except (OSError, IndexError):
        return None


def is_running(pid):
    """Whether the process has not ended; one nobody has waited for yet has."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Case(unittest.TestCase):
    """A test with a folder, and processes that are ended with it."""

    def setUp(self):
        if not os.access(SOC, os.X_OK):
            self.skipTest(f"{SOC} is not built; tools/build")
        self.dir = tempfile.mkdtemp(prefix="soc-system-")
        self.processes = {}
        self.addCleanup(self._end)

    def _end(self):
        for pid in list(self.processes):
            self.end(pid)
        if os.environ.get("SOC_TEST_KEEP"):
            print(f"   kept {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, content, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def start(self, name, *command, **more):
        with open(self.path(name + ".out"), "ab") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **{"cwd": ROOT, **more})
        self.remember(process.pid, process)
        return process

    def remember(self, pid, process=None):
        self.processes[pid] = (started_at(pid), process)

    def end(self, pid, how=signal.SIGTERM, seconds=10.0):
        """Ends a process of ours; a process that took over its id is left alone."""
        start, process = self.processes.pop(pid, (None, None))
        if start is None or started_at(pid) != start:
            if process:
                process.poll()
            return
        os.kill(pid, how)
        deadline = time.monotonic() + seconds
        while started_at(pid) == start and time.monotonic() < deadline:
            if process and process.poll() is not None:
                return
            if not process and name_of(pid) == "":
                return
            time.sleep(0.02)
        if started_at(pid) == start and (not process or process.poll() is None):
            os.kill(pid, signal.SIGKILL)
        if process:
            process.wait(5)

    def output_of(self, name, last=4000):
        with open(self.path(name + ".out"), encoding="utf-8", errors="replace") as file:
            return file.read()[-last:]

    def soc(self, *arguments, stdin=None, timeout=60):
        """The binary run once: (exit code, stdout, stderr)."""
        done = subprocess.run([SOC, *arguments], cwd=ROOT, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=timeout, check=False)
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")

    def soc_on_a_full_disk(self, *arguments):
        """The same with a standard output that takes nothing: (exit code, stderr)."""
        with open("/dev/full", "wb") as full:
            done = subprocess.run([SOC, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=60,
                                  check=False)
        return done.returncode, done.stderr.decode("utf-8", "replace")


class Firewall:
    """The simulated firewall: keeps what it was told, can be asked, counts calls."""

    def __init__(self, case, name="firewall"):
        if not os.access(SIM, os.X_OK):
            case.skipTest(f"{SIM} is not built; tools/build")
        self.port, self.token = free_port(), secrets.token_hex(16)
        self.token_file = case.write(name + ".token", self.token, 0o600)
        self.process = case.start(name, SIM, "firewall", "--port", str(self.port), env={**os.environ, "SOC_SIM_TOKEN": self.token})
        wait_for("the simulated firewall", lambda: self.process.poll() is None and self._answers(), 10)

    def _answers(self):
        try:
            return self.get("/v1/blocks") is not None
        except OSError:
            return False

    def get(self, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": "Bearer " + self.token})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def blocked(self):
        """Addresses that are blocked now."""
        answer = self.get("/v1/blocks")
        rows = answer.get("blocks", answer) if isinstance(answer, dict) else answer
        return {row["ip"] if isinstance(row, dict) and "ip" in row else row.get("target", row) if isinstance(row, dict) else row
                for row in rows}

    def instance(self, name="edge-firewall"):
        return {"name": name, "component": "sim_firewall", "endpoint": f"http://127.0.0.1:{self.port}",
                "credentials": {"token": "file:" + self.token_file}, "tags": ["edge"]}


class Node:
    """One `soc node` with a configuration and data directory of its own. Configuration files are JSON, which is YAML too."""

    def __init__(self, case, name="node-a", connectors=(), instances=(), response=None, nats=None, **keys):
        self.case, self.name, self.http_port = case, name, free_port()
        self.config_file = case.path(name, "soc.yaml")
        self.log = case.path(name, "node.log")
        content = {"resources": case.path(name, "resources")}
        if response is not None:
            content["response"] = response
        case.write(f"{name}/resources/instances.yaml", json.dumps({"instances": list(instances)}))
        config = {"root": ROOT, "node": {"name": name, "data_dir": case.path(name, "data")}, "http": {"port": self.http_port},
                  "log": {"level": "info", "file": self.log}, "content": content, "connectors": list(connectors)}
        if nats:
            config["nats"] = nats
        config.update(keys)
        case.write(f"{name}/soc.yaml", json.dumps(config, indent=1))
        self.process, self.missing = None, ""   # missing: what /readyz said last

    def start(self, seconds=60):
        self.process = self.case.start(self.name, SOC, "node", "--config", self.config_file)
        try:
            wait_for(f"{self.name} to be ready", self._ready, seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.missing}\n{self.log_tail()}") from late
        for child in children_of(self.process.pid):
            self.case.remember(child)
        return self

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.case.output_of(self.name)}\n{self.log_tail()}")
        try:
            code, self.missing = self.http("/readyz")
            return code == 200
        except OSError as error:
            self.missing = str(error)
            return False

    def http(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode("utf-8", "replace")

    def metric(self, name):
        """Sum of all series of a metric; 0 when there is none."""
        total = 0.0
        for line in self.http("/metrics")[1].splitlines():
            if line.startswith(name) and line[len(name):len(name) + 1] in ("{", " "):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def log_tail(self, last=4000):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return file.read()[-last:]
        except OSError:
            return ""

    def nats_server(self):
        """Id of the nats-server this node started."""
        return next((pid for pid in children_of(self.process.pid) if name_of(pid).startswith("nats-server")), None)

    def kill(self):
        """kill -9, of the node alone."""
        self.case.end(self.process.pid, signal.SIGKILL)

    def stop(self):
        began = time.monotonic()
        self.case.end(self.process.pid, signal.SIGTERM, 15)
        return time.monotonic() - began

    def shell(self, command, check=False, timeout=30):
        """The answer of `soc shell -c` as data; None while there is none. check: a failure fails the test."""
        code, out, err = self.case.soc("shell", "--config", self.config_file, "-o", "json", "-c", command, timeout=timeout)
        try:
            answer = json.loads(out)
        except ValueError:
            answer = None
        if check and (code != 0 or answer is None):
            raise AssertionError(f"shell {command!r} ended with {code}: {err or out}")
        return answer

    def incidents(self):
        return self.shell("incidents --last 10000") or []

    def incident(self, uid):
        return self.shell(f"incident {uid}", check=True)

    def tasks(self):
        return self.shell("tasks --last 10000") or []

    def alerts(self):
        return self.shell("alerts --last 10000") or []


def shared_nats(case):
    """A nats-server of the test's own; what nodes are given as `nats` to meet there."""
    server = shutil.which("nats-server") or case.skipTest("nats-server is missing")
    port = free_port()
    case.write("nats.conf", json.dumps({"listen": f"127.0.0.1:{port}", "jetstream": {"store_dir": case.path("jetstream")},
                                        "authorization": {"user": "soc", "password": "for-this-test"}}))
    case.start("nats-server", server, "-c", case.path("nats.conf"))
    password = case.write("nats.password", "for-this-test", 0o600)
    return {"urls": [f"nats://127.0.0.1:{port}"], "user": "soc", "password": "file:" + password}


def push(port, records, token=None, path="/ingest", timeout=15, compress=False):
    """Records pushed as JSON lines; the HTTP status, 0 when nobody answered."""
    body = b"\n".join(record if isinstance(record, bytes) else json.dumps(record).encode() for record in records)
    headers = {"Content-Type": "application/x-ndjson"}
    if compress:
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    if token:
        headers["Authorization"] = "Bearer " + token
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status
    except urllib.error.HTTPError as answer:
        return answer.code
    except OSError:
        return 0


def attack_line(address, number=0, at=None):
    """A line of nginx as it logs the use of a web shell: an alert of rules/sigma/web_intrusion."""
    now = at or time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(now))
    return json.dumps({
        "time_iso8601": stamp, "msec": round(now, 3), "hostname": "web-01", "remote_addr": address, "remote_port": "40000",
        "server_addr": "10.77.0.20", "server_port": "80", "host": "shop.example", "scheme": "http", "request_method": "GET",
        "request_uri": f"/uploads/thumb.php?cmd=cat%20/etc/passwd&n={number}", "server_protocol": "HTTP/1.1", "status": 200,
        "body_bytes_sent": 19, "request_length": 89, "request_time": 0.032, "http_referer": "", "http_user_agent": "curl/7.88.1",
        "http_x_forwarded_for": "", "upstream_addr": "127.0.0.1:8000", "request_id": f"{number:032x}"}).encode()


def need_root(case):
    if os.geteuid() != 0:
        case.skipTest("needs root")
