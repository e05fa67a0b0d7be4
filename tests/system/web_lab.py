"""The web intrusion lab of tools/lab: attackers, firewall and web server in namespaces of their own, with nginx + ModSecurity and auditd."""
import os
import subprocess

from harness import ROOT, need_root

LAB = os.path.join(ROOT, "tools", "lab", "web_intrusion")
PREFIX = "soctest"   # of the namespaces: -atk, -fw, -web


class WebLab:
    """Built in the folder "lab" of a case, taken apart with it."""

    def __init__(self, case):
        need_root(case)
        self.dir = case.path("lab")
        up = subprocess.run([os.path.join(LAB, "up"), self.dir, PREFIX], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        case.addCleanup(subprocess.run, [os.path.join(LAB, "down"), self.dir], timeout=60, check=False)
        if up.returncode == 77:
            case.skipTest(up.stdout.decode("utf-8", "replace").strip())
        case.assertEqual(0, up.returncode, up.stdout.decode("utf-8", "replace"))

    def connectors(self):
        """The live logs, from now on."""
        logs = [("web-access", "access.json", {}), ("web-waf", "modsec_audit.json", {}), ("web-audit", "audit.log", {"multiline": "audit_serial"})]
        return [{"name": name, "kind": "file", "paths": [os.path.join(self.dir, "log", file)], "start": "end", **more} for name, file, more in logs]

    def firewall(self):
        return {"name": "edge", "component": "nftables", "tags": ["edge"], "settings": {"table": "soc", "namespace": PREFIX + "-fw"}}

    def inside(self, side, *command):
        """The words that run a command in a namespace."""
        return ["ip", "netns", "exec", f"{PREFIX}-{side}", *command]

    def blocked(self, address):
        found = subprocess.run(self.inside("fw", "nft", "list", "set", "inet", "soc", "blocked4"), stdout=subprocess.PIPE, text=True, check=False)
        return address in found.stdout
