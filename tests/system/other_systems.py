"""The systems logs are fetched from, as far as tests need them: a Fluent Forward sender, another NATS, a Kafka, an S3 server (OpenStack
Swift), an API with pages. All on loopback; their processes belong to the case."""
import hashlib
import hmac
import http.server
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from bus import Connection
from harness import free_port, wait_for


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def packed(value):
    """MessagePack of texts, numbers, lists and maps."""
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, str):
        data = value.encode()
        return b"\xdb" + struct.pack(">I", len(data)) + data
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if isinstance(value, dict):
        return b"\xdf" + struct.pack(">I", len(value)) + b"".join(packed(k) + packed(v) for k, v in value.items())
    return b"\xdd" + struct.pack(">I", len(value)) + b"".join(packed(v) for v in value)


class ForwardSender:
    """Sends a chunk until it is acknowledged, over as many connections as it takes."""

    def __init__(self, port):
        self.port, self.socket, self.chunks, self.resent = port, None, 0, 0

    def send(self, lines, give_up):
        self.chunks += 1
        chunk = f"chunk-{self.chunks:08d}"
        entries = b"".join(packed([int(time.time()), {"log": line.decode(), "stream": "stdout"}]) for line in lines)
        message = packed(["kube.web", entries, {"size": len(lines), "chunk": chunk}])
        attempts = 0
        while not give_up():
            attempts += 1
            self.resent += attempts > 1
            try:
                if self.socket is None:
                    self.socket = socket.create_connection(("127.0.0.1", self.port), 5)
                    self.socket.settimeout(10)
                self.socket.sendall(message)
                answer = b""
                while chunk.encode() not in answer:
                    piece = self.socket.recv(4096)
                    if not piece:
                        raise OSError("closed")
                    answer += piece
                return True
            except OSError:
                if self.socket:
                    self.socket.close()
                self.socket = None
                time.sleep(0.1)
        return False


class OtherNats:
    """A nats-server of somebody else, with a JetStream stream LOGS of logs.>."""

    def __init__(self, case):
        if not shutil.which("nats-server"):
            case.skipTest("no nats-server")
        self.case, self.port, self.process = case, free_port(), None
        self.start()
        link = Connection(self.url)
        made = link.request("$JS.API.STREAM.CREATE.LOGS", json.dumps({"name": "LOGS", "subjects": ["logs.>"], "storage": "file"}))
        link.close()
        if "error" in made:
            raise AssertionError(made)

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def start(self):
        self.process = self.case.start("other-nats", "nats-server", "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd",
                                       self.case.path("other-nats-data"))
        wait_for("the other NATS", self._answers, 20)

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                return probe.recv(4).startswith(b"INFO")
        except OSError:
            return False

    def kill(self):
        self.case.end(self.process.pid, 9)

    def publish(self, lines):
        """True once the stream has all of them."""
        try:
            link = Connection(self.url)
            for line in lines:
                answer = link.request("logs.web", line.decode())
                if "error" in answer:
                    return False
            link.close()
            return True
        except (OSError, AssertionError, ValueError):
            return False


class MockKafka:
    """librdkafka's broker for tests (mock_kafka.c), since no real one can be had from Debian or npm: wire protocol, groups and offsets are
    Kafka's, what it keeps ends with it."""

    topic = "logs"

    def __init__(self, case, partitions=3):
        if not shutil.which("cc"):
            case.skipTest("no C compiler")
        program = case.path("mock_kafka")
        subprocess.run(["cc", "-O1", os.path.join(os.path.dirname(__file__), "mock_kafka.c"), "-o", program, "-lrdkafka"], check=True)
        self.process = subprocess.Popen([program, self.topic, str(partitions)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        case.remember(self.process.pid, self.process)
        self.brokers = self.process.stdout.readline().decode().strip()

    def publish(self, lines):
        """True once the broker has all of them."""
        self.process.stdin.write(b"".join(line + b"\n" for line in lines) + b"\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip() == b"stored"


class MockSqs:
    """Not Amazon's SQS, which can't be had here: its JSON protocol as its reference describes it, with messages hidden for a while, delivered
    again, and requests refused whose Signature Version 4 is not right."""

    user, secret, region = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-west-1"

    def __init__(self, case, user=None, secret=None):
        self.user, self.secret = user or self.user, secret or self.secret
        self.lock, self.messages, self.refused, self.deleted, self.deliveries = threading.Lock(), {}, 0, 0, 0
        mock = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if not mock.is_signed(self, body):
                    with mock.lock:
                        mock.refused += 1
                    return self.answer(403, {"__type": "com.amazon.coral.service#InvalidSignatureException"})
                action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
                return self.answer(*mock.call(action, json.loads(body)))

            def answer(self, status, document):
                text = json.dumps(document).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/x-amz-json-1.0")
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except ConnectionError:
                    self.close_connection = True   # the node was killed while it waited

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/123456789012/new-objects"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        case.addCleanup(self.server.server_close)
        case.addCleanup(self.server.shutdown)

    def is_signed(self, request, body):
        given = request.headers.get("Authorization", "")
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=(\S+?)/(\d+)/(\S+?)/sqs/aws4_request, ?SignedHeaders=(\S+), ?Signature=([0-9a-f]+)", given)
        if not found or found[1] != self.user or found[3] != self.region:
            return False
        names, when = found[4], request.headers["X-Amz-Date"]
        headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names.split(";"))
        canonical = f"POST\n{request.path}\n\n{headers}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{found[2]}/{self.region}/sqs/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = ("AWS4" + self.secret).encode()
        for part in (found[2], self.region, "sqs", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == found[5]

    def send(self, body):
        with self.lock:
            self.messages[len(self.messages) + self.deleted] = [body if isinstance(body, str) else json.dumps(body), 0.0]

    def waiting(self):
        with self.lock:
            return len(self.messages)

    def call(self, action, asked):
        if asked.get("QueueUrl") != self.url:
            return 400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist"}
        if action == "ReceiveMessage":
            return 200, self.receive(asked)
        number = int(asked["ReceiptHandle"].split(":")[0])
        with self.lock:
            if action == "DeleteMessage":
                self.deleted += 1 if self.messages.pop(number, None) else 0
            elif action == "ChangeMessageVisibility" and number in self.messages:
                self.messages[number][1] = time.monotonic() + asked["VisibilityTimeout"]
        return 200, {}

    def receive(self, asked):
        deadline = time.monotonic() + asked.get("WaitTimeSeconds", 0)
        while True:
            now, out = time.monotonic(), []
            with self.lock:
                for number, message in self.messages.items():
                    if message[1] <= now and len(out) < asked["MaxNumberOfMessages"]:
                        message[1] = now + asked["VisibilityTimeout"]
                        self.deliveries += 1
                        out.append({"MessageId": str(number), "ReceiptHandle": f"{number}:{self.deliveries}", "Body": message[0]})
            if out or now >= deadline:
                return {"Messages": out} if out else {}
            time.sleep(0.05)


class Swift:
    """OpenStack Swift with its S3 interface: account, container, object and proxy server, memcached."""

    user, secret = "test:tester", "testing"

    def __init__(self, case):
        wanted = ["swift-proxy-server", "swift-account-server", "swift-container-server", "swift-object-server",
                  "swift-ring-builder", "memcached"]
        missing = [name for name in wanted if not shutil.which(name)]
        if missing:
            case.skipTest("no " + ", ".join(missing))
        self.case, self.port, self.memcached = case, free_port(), free_port()
        self.ports = {kind: free_port() for kind in ("account", "container", "object")}
        os.makedirs(case.path("swift", "disk", "d1"))
        case.write("swift/swift.conf", "[swift-hash]\nswift_hash_path_prefix = soc\nswift_hash_path_suffix = soc\n"
                                       "[storage-policy:0]\nname = one\ndefault = yes\n")
        for kind, port in self.ports.items():
            self._write_storage(kind, port)
        self._write_rings()
        self._write_proxy()
        case.start("memcached", "memcached", "-u", "root", "-l", "127.0.0.1", "-p", str(self.memcached), "-m", "16")
        for kind in self.ports:
            case.start(f"swift-{kind}", f"swift-{kind}-server", case.path("swift", f"{kind}-server.conf"))
        self.proxy = None
        for kind, port in self.ports.items():   # the proxy shuns for a minute whom it can't reach
            wait_for(f"Swift's {kind} server", lambda port=port: listens(port), 120)
        self.start_proxy()

    def _write_storage(self, kind, port):
        folder = self.case.path("swift")
        self.case.write(f"swift/{kind}-server.conf",
                        f"[DEFAULT]\ndevices = {folder}/disk\nmount_check = false\nbind_ip = 127.0.0.1\nbind_port = {port}\nworkers = 0\n"
                        f"user = root\nswift_dir = {folder}\ndisable_fallocate = true\nlog_level = WARNING\n"
                        f"[pipeline:main]\npipeline = {kind}-server\n[app:{kind}-server]\nuse = egg:swift#{kind}\n")

    def _write_rings(self):
        """One process for all rings: each start of the tool takes its time."""
        code = ("import json, sys\nfrom swift.common.ring import RingBuilder\nfolder, ports = sys.argv[1], json.loads(sys.argv[2])\n"
                "for kind, port in ports.items():\n    ring = RingBuilder(4, 1, 1)\n"
                "    ring.add_dev({'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': port, 'device': 'd1', 'weight': 1, 'replication_ip': '127.0.0.1', "
                "'replication_port': port, 'meta': ''})\n    ring.rebalance()\n    ring.get_ring().save(f'{folder}/{kind}.ring.gz')\n")
        subprocess.run(["/usr/bin/python3", "-c", code, self.case.path("swift"), json.dumps(self.ports)], check=True, timeout=180)

    def _write_proxy(self):
        filters = {"catch_errors": "catch_errors", "cache": f"memcache\nmemcache_servers = 127.0.0.1:{self.memcached}",
                   "listing_formats": "listing_formats", "s3api": "s3api\nlocation = us-east-1\ns3_acl = false",
                   "tempauth": f"tempauth\nuser_test_tester = {self.secret} .admin"}
        text = (f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {self.port}\nworkers = 0\nuser = root\nswift_dir = {self.case.path('swift')}\n"
                "log_level = WARNING\n[pipeline:main]\npipeline = catch_errors cache listing_formats s3api tempauth proxy-server\n"
                "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n")
        for name, use in filters.items():
            text += f"[filter:{name}]\nuse = egg:swift#{use}\n"
        self.case.write("swift/proxy-server.conf", text)

    def start_proxy(self):
        self.proxy = self.case.start("swift-proxy", "swift-proxy-server", self.case.path("swift", "proxy-server.conf"))
        wait_for("the S3 server", lambda: self.request("GET", "/")[0] == 200, 120)

    def kill_proxy(self):
        self.case.end(self.proxy.pid, 9)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def request(self, method, path, body=b""):
        """Status and answer; signed by Signature Version 4."""
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        digest, host = hashlib.sha256(body).hexdigest(), f"127.0.0.1:{self.port}"
        scope = f"{now[:8]}/us-east-1/s3/aws4_request"
        names = "host;x-amz-content-sha256;x-amz-date"
        canonical = f"{method}\n{urllib.parse.quote(path)}\n\nhost:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{now}\n\n{names}\n{digest}"
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = ("AWS4" + self.secret).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        headers = {"x-amz-date": now, "x-amz-content-sha256": digest,
                   "Authorization": f"AWS4-HMAC-SHA256 Credential={self.user}/{scope},SignedHeaders={names},Signature={signature}"}
        asked = urllib.request.Request(self.endpoint + urllib.parse.quote(path), data=body if method == "PUT" else None,
                                       method=method, headers=headers)
        try:
            with urllib.request.urlopen(asked, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read()
        except OSError:
            return 0, b""


class PagedApi:
    """Records by time, two to a page, behind OAuth2; every seventh request is refused for a second."""

    def __init__(self, case):
        self.records, self.requests, self.refused, self.tokens = [], 0, 0, 0
        self.lock = threading.Lock()
        api = self

        class handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body, **headers):
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self):
                form = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                api.tokens += 1
                right = "client_secret=s3cret" in form and "client_id=reader" in form
                self.answer(200 if right else 401, {"access_token": "good", "expires_in": 3600} if right else {})

            def do_GET(self):
                with api.lock:
                    api.requests += 1
                    refuse = api.requests % 7 == 0
                    api.refused += refuse
                if refuse:
                    return self.answer(429, {}, Retry_After="1")
                if self.headers.get("Authorization") != "Bearer good":
                    return self.answer(401, {})
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                since, skip = query["since"][0], int(query.get("skip", ["0"])[0])
                with api.lock:
                    found = [r for r in api.records if r["stored"] >= since]
                page, body = found[skip:skip + 200], {}
                body["items"] = page
                if skip + 200 < len(found):
                    body["next.link"] = f"http://127.0.0.1:{api.port}/logs?since={since}&skip={skip + 200}"
                self.answer(200, body)
                return None

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        case.addCleanup(self.server.shutdown)

    def add(self, lines):
        with self.lock:
            for line in lines:
                now = time.time()
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
                self.records.append({**json.loads(line), "stored": stamp})
