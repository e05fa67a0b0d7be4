"""What all simulated vendors stand on: a request as a value, an HTTP server on a loopback port, throttling, and a record of everything that
a real service would not have accepted. Standard library only."""
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Refused(Exception):
    """The request breaks a rule of the vendor; answered with `status` and `body`."""

    def __init__(self, status, body, headers=None):
        super().__init__(f"{status}: {body}")
        self.status, self.body, self.headers = status, body, headers or {}


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.body = method, body
        self.path, _, self.raw_query = target.partition("?")
        self.query = urllib.parse.parse_qsl(self.raw_query, keep_blank_values=True)
        self.headers = {name.lower(): value for name, value in headers}

    def argument(self, name, otherwise=""):
        return next((value for key, value in self.query if key == name), otherwise)

    @property
    def parts(self):
        return [urllib.parse.unquote(part) for part in self.path.strip("/").split("/")]

    def json(self):
        if not self.headers.get("content-type", "").startswith("application/") or "json" not in self.headers["content-type"]:
            raise Refused(415, {"error": "the body must be JSON and say so"})
        try:
            return json.loads(self.body)
        except ValueError as why:
            raise Refused(400, {"error": f"no JSON: {why}"}) from why

    def form(self):
        if self.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise Refused(415, {"error": "the body must be a form and say so"})
        return dict(urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True))


class Vendor:
    """One simulated service. `answer(request)` gives (status, body[, headers]) under a lock; body: text, or data sent as JSON."""

    name = ""
    calls_per_second = 1000  # more of one kind are throttled
    hiccups = 0              # so many first changing calls are answered as if the service were busy

    def __init__(self, secrets):
        self.secrets, self.lock = secrets, threading.Lock()
        self.calls, self.violations, self.recent = [], [], []

    def answer(self, request):
        raise NotImplementedError

    def throttled(self):
        """What the service says when it is asked too often."""
        return 429, {"error": "too many requests"}, {"Retry-After": "1"}

    def state(self):
        return {}

    def handle(self, request):
        with self.lock:
            now, kind = time.monotonic(), self.kind_of(request)
            self.recent = [(at, what) for at, what in self.recent if at > now - 1] + [(now, kind)]
            if sum(1 for _, what in self.recent if what == kind) > self.calls_per_second:
                return self.throttled()
            try:
                answer = self.answer(request)
            except Refused as why:
                self.violations.append(f"{request.method} {request.path}: {why}")
                answer = why.status, why.body, why.headers
            except (KeyError, IndexError, TypeError, ValueError) as why:
                self.violations.append(f"{request.method} {request.path}: malformed: {why!r}")
                answer = 400, {"error": f"malformed request: {why!r}"}
            self.calls.append((request.method, request.path, request.headers.get("x-acs-action") or request.headers.get("x-tc-action")
                               or request.headers.get("x-amz-target") or "", answer[0]))
            return answer

    @staticmethod
    def kind_of(request):
        """What a limit counts together: an operation where the vendor counts so, else everything."""
        return request.headers.get("x-acs-action") or request.headers.get("x-tc-action") or ""

    def bearer(self, request, token=None):
        if request.headers.get("authorization") != "Bearer " + (token or self.secrets["token"]):
            raise Refused(401, {"error": "wrong or missing token"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    vendor = None

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.vendor.handle(Request(self.command, self.path, self.headers.items(), body))
        status, content, headers = (*answer, {})[:3]
        data = b"" if content is None else content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def log_message(self, *_):
        pass


def start(vendor):
    """Serves on a free loopback port, in a thread; the port."""
    handler = type(vendor.name, (Handler,), {"vendor": vendor})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]
