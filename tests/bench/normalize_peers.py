#!/usr/bin/env python3
"""Normalization on one core beside lognormalizer and rsyslog, on the same lines in one run. Records are those of the samples, numbered.

usage: tests/bench/normalize_peers.py [--soc BINARY] [--records N] [--runs N] [--core N]
Each tool reads a file and writes what it makes of it to /dev/shm: `soc` OCSF JSON ("map + write"), and once more nothing ("map", what the
node's pipeline does); lognormalizer JSON; rsyslogd (imfile, mmjsonparse or mmnormalize, omfile) JSON. Processor time, user and system: other work
on the machine does not count, only slows the caches. Of soc without loading its mappings. Medians of the runs; the tools take turns.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENDORS = os.path.join(ROOT, "connectors", "vendors")
COMBINED = '192.0.2.%d - - [10/Oct/2025:13:55:%02d +0000] "GET /shop/item?id=%d HTTP/1.1" 200 2326 "https://www.example.com/start" "Mozilla/5.0 (X11; Linux x86_64)"'
CEF = "CEF:0|Fortinet|Fortigate|v7.0.3|16384|utm:ips signature reset|7|deviceExternalId=FG1 src=192.0.2.%d spt=%d dst=198.51.100.7 dpt=80 proto=6 act=reset request=/index?n=%d msg=web_app: SQL injection cs1Label=attack cs1=SQL"


def first_line(path, wanted):
    with open(os.path.join(VENDORS, path), encoding="utf-8") as file:
        return next(line.rstrip("\n") for line in file if wanted in line)


def trail(n):
    """A CloudTrail record of about 1.2 KB."""
    return json.dumps({
        "eventVersion": "1.08", "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE:alice", "arn": "arn:aws:sts::123456789012:assumed-role/ops/alice",
                                                 "accountId": "123456789012", "accessKeyId": "ASIAEXAMPLE", "sessionContext": {"sessionIssuer": {
                                                     "type": "Role", "principalId": "AROAEXAMPLE", "arn": "arn:aws:iam::123456789012:role/ops", "accountId": "123456789012",
                                                     "userName": "ops"}, "attributes": {"creationDate": "2025-01-01T00:00:00Z", "mfaAuthenticated": "false"}}},
        "eventTime": "2025-01-01T00:%02d:%02dZ" % (n // 60 % 60, n % 60), "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "awsRegion": "eu-west-1",
        "sourceIPAddress": "192.0.2.%d" % (n % 250), "userAgent": "[aws-cli/2.1 Python/3.8 Linux/5.4 botocore/2.0]",
        "requestParameters": {"bucketName": "logs", "Host": "logs.s3.eu-west-1.amazonaws.com", "key": "a/b/%d" % n}, "responseElements": None,
        "additionalEventData": {"SignatureVersion": "SigV4", "CipherSuite": "ECDHE-RSA-AES128-GCM-SHA256", "bytesTransferredIn": 0, "bytesTransferredOut": 4711},
        "requestID": "EXAMPLE%08d" % n, "eventID": "00000000-0000-0000-0000-%012d" % n, "readOnly": True,
        "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::logs/a/b"}, {"accountId": "123456789012", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::logs"}],
        "eventType": "AwsApiCall", "managementEvent": False, "recipientAccountId": "123456789012", "eventCategory": "Data"})


def makers():
    csv = first_line("paloalto/ngfw/samples/" + pick("paloalto/ngfw", ",TRAFFIC,"), ",TRAFFIC,")
    kv = first_line("fortinet/fortigate/samples/" + pick("fortinet/fortigate", "type=\"traffic\""), "type=\"traffic\"")
    xml = event_xml()
    return {"JSON (CloudTrail)": trail, "CSV (PAN-OS)": lambda n: numbered(csv, n), "key=value (FortiGate)": lambda n: numbered(kv, n),
            "CEF": lambda n: CEF % (n % 250, 1024 + n % 60000, n), "XML (Windows)": lambda n: numbered(xml, n),
            "combined access log": lambda n: COMBINED % (n % 250, n % 60, n)}


def pick(product, wanted):
    folder = os.path.join(VENDORS, product, "samples")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            if any(wanted in line for line in file):
                return name
    raise SystemExit(f"{product}: no sample with {wanted}")


def event_xml():
    data = {"SubjectUserSid": "S-1-5-18", "SubjectUserName": "HOST$", "SubjectDomainName": "CORP", "SubjectLogonId": "0x3e7", "NewProcessId": "0x1a4",
            "NewProcessName": "C:\\Windows\\System32\\cmd.exe", "TokenElevationType": "%%1936", "ProcessId": "0x2c8", "CommandLine": "cmd.exe /c whoami /all",
            "TargetUserSid": "S-1-0-0", "TargetUserName": "-", "TargetDomainName": "-", "ParentProcessName": "C:\\Windows\\explorer.exe"}
    items = "".join(f'<Data Name="{name}">{value}</Data>' for name, value in data.items())
    return ('<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="Microsoft-Windows-Security-Auditing" '
            'Guid="{54849625-5478-4994-A5BA-3E3B0328C30D}"/><EventID>4688</EventID><Version>2</Version><Level>0</Level><Task>13312</Task><Opcode>0</Opcode>'
            '<Keywords>0x8020000000000000</Keywords><TimeCreated SystemTime="2025-01-01T00:00:00.000000000Z"/><EventRecordID>1</EventRecordID>'
            '<Correlation/><Execution ProcessID="4" ThreadID="5"/><Channel>Security</Channel><Computer>host.example.com</Computer><Security/></System>'
            f"<EventData>{items}</EventData></Event>")


def numbered(line, n):
    return line.replace("192.0.2.1", "192.0.2.%d" % (1 + n % 9), 1)


RULES = {
    "combined access log": "version=2\nrule=:%ip:ipv4% %ident:word% %user:word% [%time:char-to:]%] \"%method:word% %uri:word% %proto:char-to:\"%\" %status:number% "
                           "%bytes:number% \"%referer:char-to:\"%\" \"%agent:char-to:\"%\"\n",
    "CEF": "version=2\nrule=:%f:cef%\n",
    "key=value (FortiGate)": "version=2\nrule=:%f:name-value-list%\n",
    "JSON (CloudTrail)": "version=2\nrule=:%f:json%\n",
    "CSV (PAN-OS)": "version=2\nrule=:" + ",".join("%%f%d:char-sep:,%%" % i for i in range(60)) + ",%rest:rest%\n",
}


def spent():
    """Processor time of the children waited for so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(command, **more):
    began = spent()
    subprocess.run(command, check=False, stderr=subprocess.DEVNULL, **more)
    return spent() - began


def soc_run(options, file, how, out):
    command = ["taskset", "-c", str(options.core), options.soc, "normalize", "--stats", "--as", how, file]
    with open(out, "wb") as sink:
        done = subprocess.run(command, stdout=sink, stderr=subprocess.PIPE, check=False)
    stats = json.loads(next(line for line in done.stderr.decode().splitlines() if line.startswith("{")))
    assert stats["quarantined"] == 0, stats
    return stats["cpu_seconds"]


def lognormalizer_run(options, folder, name, file, out):
    rules = os.path.join(folder, "rules.rb")
    with open(rules, "w", encoding="utf-8") as handle:
        handle.write(RULES[name])
    with open(file, "rb") as source, open(out, "wb") as sink:
        seconds = timed(["taskset", "-c", str(options.core), "lognormalizer", "-r", rules, "-e", "json"], stdin=source, stdout=sink)
    with open(out, encoding="utf-8", errors="replace") as made:
        bad = sum("unparsed-data" in line for _, line in zip(range(1000), made))
    return None if bad > 10 else seconds


def rsyslog_run(options, folder, name, file, records):
    work = tempfile.mkdtemp(dir=folder)
    out, source = os.path.join(work, "out"), os.path.join(work, "in.log")
    parse = 'action(type="mmjsonparse" cookie="")' if name.startswith("JSON") else f'action(type="mmnormalize" ruleBase="{work}/rules.rb" useRawMsg="on")'
    if not name.startswith("JSON"):
        with open(os.path.join(work, "rules.rb"), "w", encoding="utf-8") as handle:
            handle.write(RULES[name])
    with open(os.path.join(work, "conf"), "w", encoding="utf-8") as handle:
        handle.write(f'global(workDirectory="{work}" maxMessageSize="64k")\nmodule(load="imfile")\nmodule(load="mmjsonparse")\nmodule(load="mmnormalize")\n'
                     f'main_queue(queue.type="FixedArray" queue.size="100000")\ntemplate(name="all" type="string" string="%$!%\\n")\n'
                     f'input(type="imfile" File="{source}" Tag="x" ruleset="r")\nruleset(name="r") {{ {parse}\naction(type="omfile" file="{out}" template="all" '
                     f'ioBufferSize="256k") }}\n')
    os.link(file, source)
    began = spent()
    child = subprocess.Popen(["taskset", "-c", str(options.core), "rsyslogd", "-n", "-f", os.path.join(work, "conf"), "-i", os.path.join(work, "pid")],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen, made, limit = 0, None, time.monotonic() + 300
    try:
        while seen < records and time.monotonic() < limit:
            time.sleep(0.02)
            if made is None and os.path.exists(out):
                made = open(out, "rb")
            while made and (chunk := made.read(1 << 20)):
                seen += chunk.count(b"\n")
    finally:
        if made:
            made.close()
        child.terminate()
        child.wait(10)
    shutil.rmtree(work, ignore_errors=True)
    return spent() - began if seen >= records else None


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--soc", default=os.path.join(ROOT, "build", "release", "soc"))
    options.add_argument("--records", type=int, default=200_000)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--core", type=int, default=1)
    options = options.parse_args()
    folder = tempfile.mkdtemp(dir="/dev/shm")
    try:
        print("| Format | Bytes | soc: map | soc: map + write | lognormalizer | rsyslog | to the faster peer |\n|---|---|---|---|---|---|---|")
        for name, make in makers().items():
            file, out = os.path.join(folder, "in"), os.path.join(folder, "out")
            with open(file, "w", encoding="utf-8") as handle:
                for n in range(options.records):
                    handle.write(make(n) + "\n")
            size = os.path.getsize(file) / options.records
            runs = {"map": [], "write": [], "lognormalizer": [], "rsyslog": []}
            for _ in range(options.runs):
                runs["map"].append(soc_run(options, file, "none", out))
                runs["write"].append(soc_run(options, file, "ocsf", out))
                if name in RULES and shutil.which("lognormalizer"):
                    runs["lognormalizer"].append(lognormalizer_run(options, folder, name, file, out))
                if name in RULES and shutil.which("rsyslogd"):
                    runs["rsyslog"].append(rsyslog_run(options, folder, name, file, options.records))
            rate = {}
            for tool, seconds in runs.items():
                good = [s for s in seconds if s]
                rate[tool] = options.records / statistics.median(good) if good else None
            show = lambda r: f"{r / 1000:,.0f} k/s, {r * size / 1e6:,.0f} MB/s" if r else "-"
            peers = [r for r in (rate["lognormalizer"], rate["rsyslog"]) if r]
            ratio = f"{rate['map'] / max(peers):.1f} ({rate['write'] / max(peers):.1f} with writing)" if peers else "-"
            print(f"| {name} | {size:.0f} | {show(rate['map'])} | {show(rate['write'])} | {show(rate['lognormalizer'])} | {show(rate['rsyslog'])} | {ratio} |",
                  flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
