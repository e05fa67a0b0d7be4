"""A nats-server that is not the node's own, secured in each way people secure theirs: the node works over it, and so does the shell."""
import json
import shutil

from certificates import Certificates
from harness import Case, Node, attack_line, free_port, push, wait_for
from nkeys import Key, credentials, token

UNLIMITED = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}


class NatsSecurity(Case):

    def setUp(self):
        super().setUp()
        self.binary = shutil.which("nats-server") or self.skipTest("nats-server is missing")
        shutil.which("openssl") or self.skipTest("openssl is missing")
        self.nats_port = free_port()

    def serve(self, **more):
        """A nats-server with JetStream; `more` goes into its configuration."""
        self.write("nats.conf", json.dumps({"listen": f"127.0.0.1:{self.nats_port}",
                                            "jetstream": {"store_dir": self.path("jetstream")}, **more}))
        self.start("nats-server", self.binary, "-c", self.path("nats.conf"))

    def works(self, **nats):
        """An attack pushed to a node over that server is shown by a shell over the same."""
        port = free_port()
        node = Node(self, nats=nats, connectors=[{"name": "push", "kind": "http", "port": port}]).start()
        self.assertEqual(200, push(port, [attack_line("203.0.113.7", n) for n in range(5)]))
        wait_for("alerts", lambda: "203.0.113.7" in json.dumps(node.alerts()), 30, 0.3)

    def url(self, scheme="nats"):
        return [f"{scheme}://127.0.0.1:{self.nats_port}"]

    def test_an_nkey_is_enough_for_node_and_shell(self):
        key = Key(self.dir, "user")
        self.serve(authorization={"users": [{"nkey": key.public}]})
        self.works(urls=self.url(), nkey_seed_file=self.write("soc.nk", key.seed + "\n", 0o600))

    def test_a_credentials_file_is_enough_for_node_and_shell(self):
        operator, account, user, system = (Key(self.dir, kind) for kind in ("operator", "account", "user", "account"))
        limits = {"subs": -1, "conn": -1, "leaf": -1, "imports": -1, "exports": -1, "data": -1, "payload": -1, "wildcards": True}
        accounts = {account.public: token(operator, account, "soc", {"type": "account", "limits": {**limits, **UNLIMITED}}),
                    system.public: token(operator, system, "SYS", {"type": "account", "limits": limits})}
        jwt = token(account, user, "node", {"type": "user", "subs": -1, "data": -1, "payload": -1})
        self.serve(operator=token(operator, operator, "test", {"type": "operator"}), system_account=system.public,
                   resolver="MEMORY", resolver_preload=accounts)
        self.works(urls=self.url(), credentials_file=self.write("soc.creds", credentials(jwt, user.seed), 0o600))

    def test_tls_with_a_certificate_of_each_side_works_and_a_stranger_is_refused(self):
        Certificates(self).make("server", "node")
        self.serve(tls={"cert_file": self.path("server.pem"), "key_file": self.path("server.key"), "ca_file": self.path("ca.pem"),
                        "verify": True})
        self.works(urls=self.url("tls"), tls_ca=self.path("ca.pem"), tls_certificate=self.path("node.pem"), tls_key=self.path("node.key"))
        config = self.write("stranger.yaml", json.dumps({"nats": {"urls": self.url("tls"), "tls_ca": self.path("ca.pem")}}))
        code, _, err = self.soc("shell", "--config", config, "-c", "nodes", timeout=30)
        self.assertEqual(2, code, err)
