"""Syslog from a real rsyslogd: UDP, TCP in both framings, and TLS where each side shows a certificate."""
import json
import os
import shutil
import socket
import ssl

from certificates import Certificates
from harness import Case, Node, free_port, wait_for

FAILED = "Failed password for invalid user eve from {address} port 50{n:03d} ssh2"


class Syslog(Case):

    def setUp(self):
        super().setUp()
        self.rsyslogd = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
        if not os.access(self.rsyslogd, os.X_OK):
            self.skipTest("rsyslogd is missing; tools/setup --lab")
        Certificates(self).make("server", "sender")
        self.udp, self.tcp, self.tls = free_port(), free_port(), free_port()
        self.node = Node(self, connectors=[{
            "name": "syslog", "kind": "syslog", "udp_port": self.udp, "tcp_port": self.tcp, "tls_port": self.tls,
            "tls_certificate": self.path("server.pem"), "tls_key": self.path("server.key"), "tls_client_ca": self.path("ca.pem")}]).start()

    def send_through_rsyslog(self, lines, forward, modules=""):
        """Gives `lines` to an rsyslogd that reads them from a file and forwards them as `forward` says."""
        work = self.path("rsyslog")
        os.makedirs(work, exist_ok=True)
        source = self.write("sshd.log", "".join(line + "\n" for line in lines))
        config = self.write("rsyslog.conf", f"""
global(workDirectory="{work}" {modules})
module(load="imfile")
input(type="imfile" File="{source}" Tag="sshd[4242]:" Severity="info" Facility="auth" ruleset="out")
ruleset(name="out") {{ action(type="omfwd" {forward} queue.type="LinkedList" action.resumeRetryCount="-1") }}
""")
        return self.start("rsyslogd", self.rsyslogd, "-n", "-f", config, "-i", self.path("rsyslog.pid"))

    def arrives(self, address, count):
        def events():
            return self.node.metric("soc_events_total")
        wait_for(f"{count} events", lambda: events() >= count, 30, 0.2)
        self.assertEqual(0, self.node.metric("soc_quarantined_records_total"), self.node.shell("quarantine"))
        wait_for("the alert about the guessed passwords", lambda: address in json.dumps(self.node.alerts()), 30, 0.3)

    def lines(self, address, count=40):
        return [FAILED.format(address=address, n=n) for n in range(count)]

    def test_rsyslog_over_udp(self):
        self.send_through_rsyslog(self.lines("203.0.113.31"), f'target="127.0.0.1" port="{self.udp}" protocol="udp"')
        self.arrives("203.0.113.31", 40)

    def test_rsyslog_over_tcp_with_counted_octets_and_rfc_5424(self):
        self.send_through_rsyslog(self.lines("203.0.113.32"), f'target="127.0.0.1" port="{self.tcp}" protocol="tcp" '
                                  'TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"')
        self.arrives("203.0.113.32", 40)

    def test_rsyslog_over_tls_with_a_certificate_of_each_side(self):
        tls = " ".join(f'defaultNetstreamDriver{key}="{self.path(file)}"' for key, file in
                       (("CAFile", "ca.pem"), ("CertFile", "sender.pem"), ("KeyFile", "sender.key")))
        self.send_through_rsyslog(self.lines("203.0.113.33"), f'target="127.0.0.1" port="{self.tls}" protocol="tcp" StreamDriver="ossl" '
                                  'StreamDriverMode="1" StreamDriverAuthMode="x509/certvalid"', tls)
        self.arrives("203.0.113.33", 40)

    def test_a_sender_without_a_certificate_or_with_one_of_another_authority_is_refused(self):
        Certificates(self, "stranger").make("imposter")

        def attempt(certificate=None):
            context = ssl.create_default_context(cafile=self.path("ca.pem"))
            if certificate:
                context.load_cert_chain(self.path(certificate + ".pem"), self.path(certificate + ".key"))
            try:
                with socket.create_connection(("127.0.0.1", self.tls), 5) as plain, context.wrap_socket(plain, server_hostname="localhost") as tls:
                    tls.settimeout(5)
                    tls.sendall(b"<38>Nov 24 03:34:46 host sshd[1]: Accepted publickey for root from 203.0.113.9 port 1 ssh2\n")
                    return tls.recv(1) == b"" and not certificate
            except (ssl.SSLError, ConnectionError):
                return "refused"
            except TimeoutError:
                return "taken"
        self.assertEqual("refused", attempt())
        self.assertEqual("refused", attempt("imposter"))
        self.assertEqual("taken", attempt("sender"))
        wait_for("the one accepted message", lambda: self.node.metric("soc_events_total") == 1, 20, 0.2)
