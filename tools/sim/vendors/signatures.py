"""The signatures of cloud vendors, checked as their documentation describes them. Independent of the product's own code: that is the point.

Sources: AWS "Signature Version 4 signing process"; Alibaba Cloud "V3 version request body & signature mechanism"; Tencent Cloud API "Signature v3";
Huawei Cloud "AK/SK signing and authentication algorithm"."""
import datetime
import hashlib
import hmac
import re
import time
import urllib.parse

from base import Refused

MOST_SKEW_S = 300


def sha256(data):
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def quoted(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-_.~")


def canonical_query(request):
    return "&".join(f"{quoted(k)}={quoted(v)}" for k, v in sorted(request.query))


def signed_headers(request, names, must, status, error):
    for name in must:
        if name not in names:
            raise Refused(status, error(f"header {name} must be signed"))
    if names != sorted(names):
        raise Refused(status, error("signed headers are not in order"))
    return "".join(f"{name}:{re.sub(' +', ' ', request.headers.get(name, '').strip())}\n" for name in names)


def fresh(at, status, error):
    if abs(time.time() - at) > MOST_SKEW_S:
        raise Refused(status, error("the request is too old or from the future"))


def compare(expected, given, status, error):
    if not hmac.compare_digest(expected, given):
        raise Refused(status, error("the signature does not match"))


def aws_sigv4(request, secrets, service, error):
    """The region the request was signed for."""
    found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
                         request.headers.get("authorization", ""))
    if not found:
        raise Refused(403, error("IncompleteSignature"))
    access_key, day, region, signed_for, names, signature = found.groups()
    stamp = request.headers.get("x-amz-date", "")
    at = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    fresh(at.timestamp(), 403, error)
    if access_key != secrets["access_key"] or signed_for != service or not stamp.startswith(day):
        raise Refused(403, error(f"signed for {access_key}, {signed_for}, {day}"))
    names = names.split(";")
    headers = signed_headers(request, names, ["host", "x-amz-date"], 403, error)
    path = "/".join(quoted(urllib.parse.quote(urllib.parse.unquote(part), safe="-_.~")) for part in request.path.split("/"))
    canonical = "\n".join([request.method, path, canonical_query(request), headers, ";".join(names), sha256(request.body)])
    scope = f"{day}/{region}/{service}/aws4_request"
    key = ("AWS4" + secrets["secret_key"]).encode()
    for part in (day, region, service, "aws4_request"):
        key = mac(key, part)
    compare(mac(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical)}").hex(), signature, 403, error)
    return region


def alibaba_acs3(request, secrets, nonces):
    """(action, version); `nonces` keeps those already used."""
    def error(text):
        return {"Code": "IncompleteSignature", "Message": text}
    found = re.fullmatch(r"ACS3-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})", request.headers.get("authorization", ""))
    if not found:
        raise Refused(400, error("no ACS3 authorization"))
    access_key, names, signature = found.groups()
    names = names.split(";")
    headers = signed_headers(request, names, ["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"], 400, error)
    at = datetime.datetime.strptime(request.headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    fresh(at.timestamp(), 400, error)
    if access_key != secrets["access_key"]:
        raise Refused(404, {"Code": "InvalidAccessKeyId.NotFound"})
    if request.headers["x-acs-content-sha256"] != sha256(request.body):
        raise Refused(400, error("the body has another hash"))
    canonical = "\n".join([request.method, quoted(urllib.parse.unquote(request.path), "/"), canonical_query(request), headers, ";".join(names), sha256(request.body)])
    compare(mac(secrets["secret_key"].encode(), "ACS3-HMAC-SHA256\n" + sha256(canonical)).hex(), signature, 400, error)
    nonce = request.headers["x-acs-signature-nonce"]
    if nonce in nonces:
        raise Refused(400, {"Code": "SignatureNonceUsed"})
    nonces.add(nonce)
    return request.headers["x-acs-action"], request.headers["x-acs-version"]


def tencent_tc3(request, secrets, service):
    """The action; a failure is an HTTP 200 with an error inside, as there."""
    def error(text):
        return {"Response": {"Error": {"Code": "AuthFailure.SignatureFailure", "Message": text}, "RequestId": "r"}}
    found = re.fullmatch(r"TC3-HMAC-SHA256 Credential=([^/]+)/(\d{4}-\d\d-\d\d)/([^/]+)/tc3_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
                         request.headers.get("authorization", ""))
    if not found:
        raise Refused(200, error("no TC3 authorization"))
    access_key, day, signed_for, names, signature = found.groups()
    stamp = int(request.headers.get("x-tc-timestamp", "0"))
    fresh(stamp, 200, error)
    if access_key != secrets["access_key"] or signed_for != service or time.strftime("%Y-%m-%d", time.gmtime(stamp)) != day:
        raise Refused(200, error(f"signed for {access_key}, {signed_for}, {day}"))
    names = names.split(";")
    headers = signed_headers(request, names, ["content-type", "host"], 200, error).lower()
    canonical = "\n".join([request.method, "/", request.raw_query, headers, ";".join(names), sha256(request.body)])
    key = ("TC3" + secrets["secret_key"]).encode()
    for part in (day, service, "tc3_request"):
        key = mac(key, part)
    compare(mac(key, f"TC3-HMAC-SHA256\n{stamp}\n{day}/{service}/tc3_request\n{sha256(canonical)}").hex(), signature, 200, error)
    return request.headers["x-tc-action"]


def huawei_sdk(request, secrets):
    def error(text):
        return {"error_code": "APIGW.0301", "error_msg": "Incorrect IAM authentication information: " + text}
    found = re.fullmatch(r"SDK-HMAC-SHA256 Access=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})", request.headers.get("authorization", ""))
    if not found:
        raise Refused(401, error("no authorization"))
    access_key, names, signature = found.groups()
    stamp = request.headers.get("x-sdk-date", "")
    at = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    fresh(at.timestamp(), 401, error)
    if access_key != secrets["access_key"]:
        raise Refused(401, error("unknown access key"))
    names = names.split(";")
    headers = signed_headers(request, names, ["host", "x-sdk-date"], 401, error)
    path = quoted(urllib.parse.unquote(request.path), "/").rstrip("/") + "/"
    canonical = "\n".join([request.method, path, canonical_query(request), headers, ";".join(names), sha256(request.body)])
    compare(mac(secrets["secret_key"].encode(), f"SDK-HMAC-SHA256\n{stamp}\n{sha256(canonical)}").hex(), signature, 401, error)
