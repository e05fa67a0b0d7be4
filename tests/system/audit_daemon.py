"""A real auditd with a folder and rules of its own. Audit rules are the kernel's: what was there before is there after."""
import os
import shutil
import subprocess

from harness import ROOT, wait_for

CONFIGURATION = os.path.join(ROOT, "tools", "lab", "web_intrusion", "etc", "auditd.conf")


def auditctl(*arguments):
    done = subprocess.run(["auditctl", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=10)
    return done.returncode, done.stdout


def status(name):
    return next((line.split()[1] for line in auditctl("-s")[1].splitlines() if line.startswith(name + " ")), "")


class AuditDaemon:
    """Records of `host` in `log`; rules are words of auditctl's command line."""

    def __init__(self, case, host, rules):
        if not shutil.which("auditd") or not shutil.which("auditctl"):
            case.skipTest("auditd is missing")
        if auditctl("-s")[0] != 0 or status("pid") != "0":
            case.skipTest("an audit daemon runs already, or the kernel takes no orders here")
        folder, self.log = case.path("auditd"), case.path("log", "audit.log")
        os.makedirs(os.path.join(folder, "auditd", "plugins.d"))
        os.makedirs(os.path.dirname(self.log))
        with open(CONFIGURATION, encoding="utf-8") as file:
            text = file.read().replace("@DIR@/log", case.path("log")).replace("@DIR@", folder).replace("name = web-01", f"name = {host}")
        case.write("auditd/auditd.conf", text, 0o640)
        before = {"-e": status("enabled"), "-b": status("backlog_limit")}
        case.start("auditd", "auditd", "-n", "-c", folder)
        case.addCleanup(lambda: [auditctl(flag, value) for flag, value in before.items() if value])
        try:
            wait_for("auditd to write", lambda: os.path.exists(self.log) and os.path.getsize(self.log) > 0, 5)
        except AssertionError:
            case.skipTest("auditd does not start here: " + case.output_of("auditd"))
        auditctl("-b", "8192")
        for rule in rules:
            code, said = auditctl("-a", *rule)
            if code != 0:
                case.skipTest("audit rule refused: " + said)
            case.addCleanup(auditctl, "-d", *rule)
