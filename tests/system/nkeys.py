"""Keys and tokens of NATS for a test: nkeys (ed25519, base32, CRC-16) and the JWTs of operator, account and user, made with openssl.
Formats: github.com/nats-io/nkeys and docs.nats.io, "JWTs". Keys live in the test's folder and are gone with it."""
import base64
import hashlib
import json
import os
import subprocess
import time

KINDS = {"operator": 14 << 3, "account": 0, "user": 20 << 3}
SEED = 18 << 3


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def encode(raw):
    return base64.b32encode(raw + crc16(raw).to_bytes(2, "little")).decode().rstrip("=")


class Key:
    """One ed25519 key of a kind: .public is what the server is told, .seed what its owner keeps."""

    def __init__(self, folder, kind):
        self.pem = os.path.join(folder, f"{kind}-{os.urandom(4).hex()}.pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.pem], check=True, capture_output=True)
        private, public = (subprocess.run(["openssl", "pkey", "-in", self.pem, "-outform", "DER", *more], check=True,
                                          capture_output=True).stdout[-32:] for more in ([], ["-pubout"]))
        prefix = KINDS[kind]
        self.public = encode(bytes([prefix]) + public)
        self.seed = encode(bytes([SEED | prefix >> 5, (prefix & 31) << 3]) + private)

    def sign(self, data):
        path = self.pem + ".in"
        with open(path, "wb") as file:
            file.write(data)
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", self.pem, "-rawin", "-in", path], check=True,
                              capture_output=True).stdout


def url64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def token(issuer, subject, name, nats):
    """A JWT by which `issuer` says `nats` of `subject`."""
    claims = {"iat": int(time.time()), "iss": issuer.public, "name": name, "sub": subject.public, "nats": {**nats, "version": 2}}
    digest = hashlib.new("sha512_256" if "sha512_256" in hashlib.algorithms_available else "sha256", json.dumps(claims).encode())
    claims["jti"] = base64.b32encode(digest.digest()).decode().rstrip("=")
    head = url64(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}).encode())
    body = url64(json.dumps(claims).encode())
    return f"{head}.{body}.{url64(issuer.sign(f'{head}.{body}'.encode()))}"


def credentials(jwt, seed):
    """The text of a .creds file."""
    return (f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n")
