"""A certificate authority of the test's own, made with openssl; the files are in the test's folder and gone with it."""
import subprocess


class Certificates:
    """ca.pem, and <name>.pem with <name>.key for each name, valid for 127.0.0.1."""

    def __init__(self, case, authority="ca"):
        self.case, self.authority = case, authority
        self.run("req", "-x509", *self.new_key(authority), "-out", self.path(authority, "pem"), "-days", "2", "-subj", "/CN=test authority",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def path(self, name, kind):
        return self.case.path(f"{name}.{kind}")

    def new_key(self, name):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.path(name, "key")

    def make(self, *names):
        for name in names:
            self.run("req", *self.new_key(name), "-out", self.path(name, "csr"), "-subj", "/CN=" + name)
            # As RFC 5280 wants them: newer clients insist.
            extensions = self.case.write(name + ".ext", "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=critical,CA:FALSE\n"
                                         "keyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
            self.run("x509", "-req", "-in", self.path(name, "csr"), "-CA", self.path(self.authority, "pem"), "-CAkey",
                     self.path(self.authority, "key"), "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", self.path(name, "pem"))
        return self

    @staticmethod
    def run(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
