"""A small Oracle cloud on loopback: secrets, custom logs and their search, topics, metrics, audit events, the
metadata service, the token service.

It shares no code with the agent and verifies every signature by itself, with the rules that Oracle
documents for version 1 of its request signatures. It is strict: an unknown member, a missing one or
a wrong type in a request is answered with 400. A test moves its clock, breaks it and reads back what
it was asked.
"""
import base64
import contextlib
import datetime
import email.utils
import hashlib
import http.server
import itertools
import json
import re
import socket
import threading
import urllib.parse

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

VAULT = "ocid1.vault.oc1.eu-frankfurt-1.testvault"
COMPARTMENT = "ocid1.compartment.oc1..testcompartment"
KEY = "ocid1.key.oc1.eu-frankfurt-1.testkey"
LOG = "ocid1.log.oc1.eu-frankfurt-1.testlog"
TOPIC = "ocid1.onstopic.oc1.eu-frankfurt-1.testtopic"
TENANCY = "ocid1.tenancy.oc1..testtenancy"
USER = "ocid1.user.oc1..testuser"
SKEW = 300


class Refused(Exception):
    def __init__(self, status, code, message="refused"):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def fingerprint(public_key):
    der = public_key.public_bytes(serialization.Encoding.DER,
                                  serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.md5(der).digest().hex(":")


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Cloud:
    """The state behind the server. One lock: requests are handled one after the other."""

    def __init__(self):
        self.lock = threading.Lock()
        self.keys = {}  # keyId -> public key
        self.secrets = {}  # id -> dict
        self.requests = []  # (method, target, headers, body)
        self.faults = []  # (status, code, headers): answered to the next requests, in order
        self.hidden = False  # no policy lets anybody read the contents of secrets any more
        self.portal = False  # something between answers every request with its own page
        self.clock_offset = 0
        self.page_size = 2
        self.numbers = itertools.count(1)
        self.instance = None
        self.token_life = 3600
        self.ends = {}  # keyId of a token -> when it ends
        self.session_over = False
        self.refreshed = 0
        self.log = []  # what PutLogs took: dicts with source, type, subject, id, time, data, batch
        self.log_search_delay = 0  # entries that are not indexed yet
        self.published = []  # messages of the topic
        self.metrics = []  # datapoints as (name, dimensions, timestamp, value)
        self.audit_events = []  # what ListEvents gives, with when each was processed and can be seen
        self.audit_delay = 0  # seconds until an event can be seen
        self.after = None  # called with the target once a request was carried out, before it is answered

    def now(self):
        return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(
            seconds=self.clock_offset)

    def stamp(self):
        return self.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    # -- who may call -------------------------------------------------------------------------

    def add_user(self):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = f"{TENANCY}/{USER}/{fingerprint(key.public_key())}"
        self.keys[name] = key.public_key()
        return key, name

    def verify(self, method, target, headers, body, need_host=True):
        match = re.fullmatch(r'Signature (.+)', headers.get("authorization", ""))
        if not match:
            raise Refused(401, "NotAuthenticated", "no signature")
        parts = dict(re.findall(r'(\w+)="([^"]*)"', match.group(1)))
        if parts.get("version") != "1" or parts.get("algorithm") != "rsa-sha256":
            raise Refused(401, "NotAuthenticated", "version or algorithm")
        names = parts.get("headers", "").split(" ")
        needed = {"(request-target)"} | ({"host"} if need_host else set())
        if method in ("POST", "PUT", "PATCH"):
            needed |= {"content-length", "content-type", "x-content-sha256"}
        if not needed <= {n.lower() for n in names} or not {"date", "x-date"} & set(names):
            raise Refused(401, "NotAuthenticated", f"signed headers {names}")
        if "x-content-sha256" in needed:
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            if headers.get("x-content-sha256") != digest:
                raise Refused(401, "NotAuthenticated", "digest of the body")
            if headers.get("content-length") != str(len(body)):
                raise Refused(401, "NotAuthenticated", "length of the body")
        date = email.utils.parsedate_to_datetime(headers.get("x-date") or headers.get("date"))
        if abs((self.now() - date).total_seconds()) > SKEW:
            raise Refused(401, "NotAuthenticated", "Date is too far from the service's")
        text = "\n".join(
            f"(request-target): {method.lower()} {target}" if name == "(request-target)" else
            f"{name.lower()}: {headers[name.lower()]}" for name in names)
        key = self.keys.get(parts.get("keyId"))
        if key is None or self.ends.get(parts["keyId"], 1 << 40) <= self.now().timestamp():
            raise Refused(401, "NotAuthenticated", "no such key")
        try:
            key.verify(base64.b64decode(parts["signature"]), text.encode(), padding.PKCS1v15(),
                       hashes.SHA256())
        except InvalidSignature as error:
            raise Refused(401, "NotAuthenticated", "signature") from error

    # -- secrets ------------------------------------------------------------------------------

    @staticmethod
    def fields(body, required, optional):
        value = json.loads(body)
        if not isinstance(value, dict):
            raise Refused(400, "CannotParseRequest")
        for name, kind in required.items():
            if not isinstance(value.get(name), kind):
                raise Refused(400, "MissingParameter", name)
        for name in value:
            if name not in required and name not in optional:
                raise Refused(400, "InvalidParameter", name)
        return value

    def content(self, value):
        inner = self.fields(json.dumps(value), {"contentType": str, "content": str},
                            {"name", "stage"})
        if inner["contentType"] != "BASE64":
            raise Refused(400, "InvalidParameter", "contentType")
        base64.b64decode(inner["content"], validate=True)
        return inner

    def describe(self, secret):
        return {
            "id": secret["id"], "compartmentId": COMPARTMENT, "vaultId": VAULT, "keyId": KEY,
            "secretName": secret["name"], "lifecycleState": secret["state"],
            "currentVersionNumber": secret["current"], "timeCreated": secret["created"],
            "description": secret["description"], "freeformTags": {}, "definedTags": {},
        }

    def named(self, name):
        return next((s for s in self.secrets.values() if s["name"] == name), None)

    @staticmethod
    def stages(secret, number):
        """Of a version: its own stage, and LATEST for the newest."""
        own = ("CURRENT" if number == secret["current"] else "PREVIOUS" if number == secret["previous"] else
               "PENDING" if secret["versions"][number - 1]["pending"] else "DEPRECATED")
        return [own] + (["LATEST"] if number == len(secret["versions"]) else [])

    def make_current(self, secret, number):
        secret["previous"], secret["current"] = secret["current"], number
        secret["versions"][number - 1]["pending"] = False

    def bundle(self, secret, query):
        if secret is None or secret["state"] != "ACTIVE":
            raise Refused(404, "NotAuthorizedOrNotFound",
                          "Authorization failed or requested resource not found.")
        if "versionNumber" in query and "stage" in query:
            raise Refused(400, "InvalidParameter", "one selector at most")
        stage = query.get("stage", "CURRENT")
        if stage not in ("CURRENT", "PENDING", "LATEST", "PREVIOUS", "DEPRECATED"):
            raise Refused(400, "InvalidParameter", "stage")
        count = len(secret["versions"])
        in_stage = [n for n in range(1, count + 1) if stage in self.stages(secret, n)]
        number = int(query.get("versionNumber", in_stage[-1] if in_stage else 0))
        if not 1 <= number <= count:
            raise Refused(404, "NotAuthorizedOrNotFound", "no such version")
        version = secret["versions"][number - 1]
        stages = self.stages(secret, number)
        return {
            "secretId": secret["id"], "timeCreated": version["time"], "versionNumber": number,
            "versionName": None, "timeOfDeletion": None, "timeOfExpiry": None, "stages": stages,
            "metadata": None,
            "secretBundleContent": {"contentType": "BASE64", "content": version["content"]},
        }

    def create(self, body):
        value = self.fields(
            body, {"compartmentId": str, "vaultId": str, "keyId": str, "secretName": str,
                   "secretContent": dict}, {"description", "freeformTags", "definedTags"})
        if (value["compartmentId"], value["vaultId"], value["keyId"]) != (COMPARTMENT, VAULT, KEY):
            raise Refused(400, "RelatedResourceNotAuthorizedOrNotFound")
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,255}", value["secretName"]):
            raise Refused(400, "InvalidParameter", "secretName")
        if self.named(value["secretName"]):
            raise Refused(409, "NotAuthorizedOrResourceAlreadyExists")
        content = self.content(value["secretContent"])
        if content.get("stage", "CURRENT") != "CURRENT":
            raise Refused(400, "InvalidParameter", "stage")
        number = next(self.numbers)
        secret = {
            "id": f"ocid1.vaultsecret.oc1.eu-frankfurt-1.test{number}",
            "name": value["secretName"], "state": "ACTIVE", "created": self.stamp(),
            "description": value.get("description"), "etag": f"etag{number}-1",
            "versions": [{"content": content["content"], "time": self.stamp(), "pending": False}],
            "current": 1, "previous": None,
        }
        self.secrets[secret["id"]] = secret
        return secret

    def update(self, secret, body, if_match):
        if if_match is not None and if_match != secret["etag"]:
            raise Refused(412, "NoEtagMatch")
        value = self.fields(body, {}, {"secretContent", "currentVersionNumber", "secretRules",
                                       "description", "metadata"})
        if secret["state"] != "ACTIVE":
            raise Refused(409, "IncorrectState")
        if len({"secretContent", "currentVersionNumber", "secretRules"} & set(value)) > 1:
            raise Refused(400, "InvalidParameter", "one kind of change at a time")
        if "secretContent" in value:
            content = self.content(value["secretContent"])
            stage = content.get("stage", "CURRENT")
            if stage not in ("CURRENT", "PENDING"):
                raise Refused(400, "InvalidParameter", "stage")
            secret["versions"].append({"content": content["content"], "time": self.stamp(), "pending": stage == "PENDING"})
            if stage == "CURRENT":
                self.make_current(secret, len(secret["versions"]))
        if "currentVersionNumber" in value:
            number = value["currentVersionNumber"]
            if type(number) is not int or not 1 <= number <= len(secret["versions"]):
                raise Refused(400, "InvalidParameter", "currentVersionNumber")
            self.make_current(secret, number)
        secret["etag"] = f"{secret['etag'].split('-')[0]}-{next(self.numbers)}"

    # -- an instance --------------------------------------------------------------------------

    def make_instance(self):
        """A certificate for this 'instance' and an authority that signed it; anew at each call."""
        def name(*values):
            return x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, v)
                              for v in values])
        authority = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        leaf = rsa.generate_private_key(public_exponent=65537, key_size=2048)

        def certificate(subject, issuer, key, signer):
            return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
                    .public_key(key.public_key()).serial_number(x509.random_serial_number())
                    .not_valid_before(self.now() - datetime.timedelta(days=1))
                    .not_valid_after(self.now() + datetime.timedelta(days=1))
                    .sign(signer, hashes.SHA256()))
        issuer = name("authority")
        cert = certificate(name("opc-certtype:instance", f"opc-tenant:{TENANCY}"), issuer, leaf,
                           authority)
        self.instance = {
            "key": leaf, "certificate": cert, "authority": authority,
            "intermediate": certificate(issuer, issuer, authority, authority),
        }
        key_id = (f"{TENANCY}/fed-x509-sha256/" +
                  cert.fingerprint(hashes.SHA256()).hex(":"))
        self.keys = {k: v for k, v in self.keys.items() if "/fed-x509" not in k}
        self.keys[key_id] = leaf.public_key()

    def federate(self, body):
        value = self.fields(body, {"certificate": str, "publicKey": str,
                                   "intermediateCertificates": list},
                            {"fingerprintAlgorithm", "purpose"})
        sent = x509.load_der_x509_certificate(base64.b64decode(value["certificate"]))
        self.instance["authority"].public_key().verify(
            sent.signature, sent.tbs_certificate_bytes, padding.PKCS1v15(), hashes.SHA256())
        return {"token": self.token_for(
            serialization.load_der_public_key(base64.b64decode(value["publicKey"])),
            self.token_life)}

    def token_for(self, public_key, life):
        now = int(self.now().timestamp())
        claims = {"iat": now, "exp": now + life, "jti": next(self.numbers)}
        token = ".".join([base64url(b'{"alg":"RS256"}'), base64url(json.dumps(claims).encode()),
                          base64url(b"sig")])
        self.keys["ST$" + token] = public_key
        self.ends["ST$" + token] = now + life
        return token

    def add_session(self, life=3600):
        """What `oci session authenticate` brings: a key and a token."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return key, self.token_for(key.public_key(), life)

    def refresh(self, headers, body):
        value = self.fields(body, {"currentToken": str}, set())
        key_id = re.search(r'keyId="([^"]*)"', headers["authorization"]).group(1)
        if key_id != "ST$" + value["currentToken"] or self.session_over:
            raise Refused(401, "NotAuthenticated", "The session cannot be refreshed")
        self.refreshed += 1
        return {"token": self.token_for(self.keys[key_id], self.token_life)}

    def revoke_tokens(self):
        self.keys = {k: v for k, v in self.keys.items() if not k.startswith("ST$")}

    # -- routes -------------------------------------------------------------------------------

    def metadata(self, path, headers):
        if headers.get("authorization") != "Bearer Oracle" or "x-forwarded-for" in headers:
            raise Refused(403, "Forbidden")
        pem = serialization.Encoding.PEM
        what = {
            "instance/regionInfo": lambda: json.dumps({
                "realmKey": "oc1", "realmDomainComponent": "oraclecloud.com",
                "regionKey": "FRA", "regionIdentifier": "eu-frankfurt-1"}).encode(),
            "identity/cert.pem": lambda: self.instance["certificate"].public_bytes(pem),
            "identity/key.pem": lambda: self.instance["key"].private_bytes(
                pem, serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption()),
            "identity/intermediate.pem": lambda: self.instance["intermediate"].public_bytes(pem),
        }.get(path)
        if what is None or self.instance is None:
            raise Refused(404, "NotFound")
        return what()

    def handle(self, method, target, headers, body):
        """(status, headers, body as bytes)"""
        if self.portal:
            return 200, {}, b"<html>please log in</html>"
        self.requests.append((method, target, headers, body))
        path, _, raw_query = target.partition("?")
        query = dict(urllib.parse.parse_qsl(raw_query, keep_blank_values=True,
                                            strict_parsing=bool(raw_query)))
        if path.startswith("/opc/v2/"):
            return 200, {"content-type": "text/plain"}, self.metadata(path[8:], headers)
        if self.faults:
            status, code, extra = self.faults.pop(0)
            return status, extra, json.dumps({"code": code, "message": "made up"}).encode()
        if (method, path) == ("POST", "/v1/x509"):
            self.verify(method, target, headers, body, need_host=False)
            return 200, {}, json.dumps(self.federate(body)).encode()
        self.verify(method, target, headers, body)
        if (method, path) == ("POST", "/v1/authentication/refresh"):
            return 200, {}, json.dumps(self.refresh(headers, body)).encode()
        before = set(self.secrets)
        try:
            answer, extra = self.route(method, path, query, headers, body)
        except Refused as refused:
            self.record(method, path, query, headers, str(refused.status), before)
            raise
        self.record(method, path, query, headers, "200", before)
        if self.after is not None:
            self.after(target)
        return 200, extra, b"" if answer is None else json.dumps(answer).encode()

    # -- logs, topics, metrics ----------------------------------------------------------------

    TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

    def time_of(self, text):
        if not isinstance(text, str) or not self.TIME.fullmatch(text):
            raise Refused(400, "InvalidParameter", f"time {text!r}")
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))

    def put_logs(self, log, body):
        value = self.fields(body, {"specversion": str, "logEntryBatches": list}, set())
        if value["specversion"] != "1.0":
            raise Refused(400, "InvalidParameter", "specversion")
        if log != LOG:
            raise Refused(404, "404", f"{log} logId not found")  # as the service writes it
        taken = []
        for batch in value["logEntryBatches"]:
            batch = self.fields(json.dumps(batch), {"entries": list, "source": str, "type": str,
                                                    "defaultlogentrytime": str}, {"subject"})
            if batch.get("subject") == "" or not batch["entries"]:
                raise Refused(400, "InvalidParameter", "empty")
            self.time_of(batch["defaultlogentrytime"])
            for entry in batch["entries"]:
                entry = self.fields(json.dumps(entry), {"data": str, "id": str}, {"time"})
                time = entry.get("time", batch["defaultlogentrytime"])
                if self.now() - self.time_of(time) > datetime.timedelta(days=30):
                    continue  # dropped without a word
                data = entry["data"]
                if len(data) > 10_000:  # cut without a word
                    data = data[:9_997] + "..."
                taken.append({"source": batch["source"], "type": batch["type"],
                              "subject": batch.get("subject"), "id": entry["id"], "time": time,
                              "data": data, "batch": len(self.requests)})
        self.log += taken

    def search_logs(self, query, body):
        value = self.fields(body, {"timeStart": str, "timeEnd": str, "searchQuery": str},
                            {"isReturnFieldInfo"})
        start, end = self.time_of(value["timeStart"]), self.time_of(value["timeEnd"])
        if end - start > datetime.timedelta(days=14):
            raise Refused(400, "InvalidParameter", "time range")
        match = re.fullmatch(r'search "([^"]+)" \| where ((?:[a-z.]+ = \'[^\']*\'(?: and )?)+) \| sort by datetime (asc|desc)',
                             value["searchQuery"])
        if not match or match.group(1).split("/")[0] != COMPARTMENT:
            raise Refused(400, "InvalidParameter", value["searchQuery"])
        wanted = dict(re.findall(r"([a-z.]+) = '([^']*)'", match.group(2)))
        found, seen = [], set()
        for entry in self.log[:len(self.log) - self.log_search_delay]:
            about = {"type": entry["type"], "source": entry["source"], "oracle.logid": LOG}
            if (start <= self.time_of(entry["time"]) < end and entry["id"] not in seen
                    and all(about.get(k) == v for k, v in wanted.items())):
                seen.add(entry["id"])
                found.append({"data": {
                    "datetime": int(self.time_of(entry["time"]).timestamp() * 1000),
                    "logContent": {"data": json.loads(entry["data"]), "id": entry["id"],
                                   "oracle": {"compartmentid": COMPARTMENT, "logid": LOG,
                                              "tenantid": TENANCY},
                                   "source": entry["source"], "specversion": "1.0",
                                   "time": entry["time"], "type": entry["type"]}}})
        rows, extra = self.page(found, query)
        return {"results": rows, "fields": [],
                "summary": {"resultCount": len(rows), "fieldCount": 0}}, extra

    def publish(self, topic, body):
        if topic != TOPIC:
            raise Refused(404, "NotAuthorizedOrNotFound")
        value = self.fields(body, {"body": str}, {"title"})
        if len(body) > 64 * 1024:
            raise Refused(413, "RequestEntityTooLarge")
        self.published.append(value)
        return {"messageId": f"message-{len(self.published)}", "timeStamp": self.stamp()}

    def post_metrics(self, body):
        value = self.fields(body, {"metricData": list}, {"batchAtomicity"})
        failed, taken = [], []
        if not 1 <= len(value["metricData"]) <= 50:
            raise Refused(400, "InvalidParameter", "metric streams")
        for metric in value["metricData"]:
            metric = self.fields(json.dumps(metric),
                                 {"namespace": str, "compartmentId": str, "name": str,
                                  "dimensions": dict, "datapoints": list},
                                 {"metadata", "resourceGroup"})
            if (not re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]", metric["namespace"])
                    or metric["namespace"].startswith(("oci_", "oracle_"))
                    or not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.$-]*[a-zA-Z0-9]", metric["name"])
                    or metric["compartmentId"] != COMPARTMENT
                    or not 1 <= len(metric["dimensions"]) <= 20
                    or any(not v or len(v) > 512 for v in metric["dimensions"].values())):
                raise Refused(400, "InvalidParameter", "metric")
            for point in metric["datapoints"]:
                point = self.fields(json.dumps(point), {"timestamp": str, "value": (int, float)},
                                    {"count"})
                age = (self.now() - self.time_of(point["timestamp"])).total_seconds()
                if not -600 <= age <= 7200:
                    failed.append({"message": "The datapoint timestamps must be between 2 hours "
                                              "ago and 10 minutes from now.", "metricData": metric})
                else:
                    taken.append((metric["name"], metric["dimensions"], point["timestamp"],
                                  point["value"]))
        if failed and (value.get("batchAtomicity") == "ATOMIC" or not taken):
            raise Refused(400, "InvalidParameter", failed[0]["message"])
        self.metrics += taken
        return {"failedMetricsCount": len(failed), "failedMetrics": failed}

    DEEDS = (("POST", r"/20180608/secrets", "CreateSecret"),
             ("PUT", r"/20180608/secrets/([^/]+)", "UpdateSecret"),
             ("POST", r"/20180608/secrets/([^/]+)/actions/scheduleDeletion", "ScheduleSecretDeletion"),
             ("GET", r"/20190301/secretbundles/([^/]+)", "GetSecretBundle"),
             ("POST", r"/20190301/secretbundles/actions/getByName", "GetSecretBundleByName"))

    def record(self, method, path, query, headers, status, before):
        """What the Audit service keeps of a call to the vault."""
        for verb, pattern, name in self.DEEDS:
            match = re.fullmatch(pattern, path)
            if verb == method and match:
                break
        else:
            return
        made = set(self.secrets) - before
        secret = (self.secrets.get(match.group(1)) if match.groups() else
                  self.secrets[made.pop()] if made else self.named(query.get("secretName")))
        if secret is None:
            return
        who = re.search(r'keyId="([^"]*)"', headers["authorization"]).group(1)
        self.add_event(name, "VaultSecret", secret["name"], secret["id"], status=status, path=path, action=method,
                       principal=USER if USER in who else "instance")

    def add_event(self, name, source, resource, resource_id, status="200", path="/", action="POST",
                  principal="alice", address="192.0.2.10", processed=None):
        """An event that happened now; `processed` is when the service took it in."""
        number = next(self.numbers)
        event = {
            "eventType": f"com.oraclecloud.{source}.{name}", "cloudEventsVersion": "0.1",
            "eventTypeVersion": "2.0", "source": source,
            "eventId": f"{number:08x}-1111-4222-8333-444444444444", "eventTime": self.stamp(),
            "contentType": "application/json",
            "data": {
                "eventGroupingId": None, "eventName": name, "compartmentId": COMPARTMENT,
                "compartmentName": "test", "resourceName": resource, "resourceId": resource_id,
                "availabilityDomain": None, "freeformTags": None, "definedTags": None,
                "additionalDetails": None,
                "identity": {"principalName": principal, "principalId": USER, "authType": "natv",
                             "callerName": None, "callerId": None, "tenantId": TENANCY,
                             "ipAddress": address, "credentials": None, "userAgent": "test",
                             "consoleSessionId": None},
                "request": {"id": f"REQUEST{number}", "path": path, "action": action,
                            "parameters": {}, "headers": {}},
                "response": {"status": status, "responseTime": self.stamp(), "headers": {},
                             "payload": {}, "message": None},
                "stateChange": None,
            },
        }
        processed = processed or self.now()
        self.audit_events.append(
            (processed, self.now() + datetime.timedelta(seconds=self.audit_delay), event))
        return event

    def list_events(self, query):
        if set(query) - {"compartmentId", "startTime", "endTime", "page"}:
            raise Refused(400, "InvalidParameter", "query")
        if query.get("compartmentId") != COMPARTMENT:
            raise Refused(404, "NotAuthorizedOrNotFound")
        start, end = self.time_of(query["startTime"]), self.time_of(query["endTime"])
        if start.second or end.second or start.microsecond or end.microsecond:
            raise Refused(400, "InvalidParameter", "minutes only")
        if end > self.now():
            raise Refused(400, "InvalidParameter", "the end lies ahead")
        return self.page([event for processed, visible, event in self.audit_events
                          if start <= processed < end and visible <= self.now()], query)

    def route(self, method, path, query, headers, body):
        if self.hidden and "/secretbundles/" in path:
            raise Refused(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.")
        match = re.fullmatch(r"/20200831/logs/([^/]+)/actions/push", path)
        if method == "POST" and match:
            self.put_logs(urllib.parse.unquote(match.group(1)), body)
            return None, {}
        if (method, path) == ("POST", "/20190909/search"):
            return self.search_logs(query, body)
        match = re.fullmatch(r"/20181201/topics/([^/]+)/messages", path)
        if method == "POST" and match:
            return self.publish(urllib.parse.unquote(match.group(1)), body), {}
        if (method, path) == ("POST", "/20180401/metrics"):
            return self.post_metrics(body), {}
        if (method, path) == ("GET", "/20190901/auditEvents"):
            return self.list_events(query)
        if (method, path) == ("POST", "/20190301/secretbundles/actions/getByName"):
            if body or query.get("vaultId") != VAULT:
                raise Refused(400, "InvalidParameter")
            return self.bundle(self.named(query["secretName"]), query), {}
        match = re.fullmatch(r"/20190301/secretbundles/([^/]+)", path)
        if method == "GET" and match:
            secret = self.secrets.get(match.group(1))
            return self.bundle(secret, query), {"etag": secret["etag"]}
        if (method, path) == ("POST", "/20180608/secrets"):
            secret = self.create(body)
            return self.describe(secret), {"etag": secret["etag"]}
        if (method, path) == ("GET", "/20180608/secrets"):
            if query.get("compartmentId") != COMPARTMENT:
                raise Refused(404, "NotAuthorizedOrNotFound")
            found = [self.describe(s) for s in self.secrets.values()
                     if query.get("name") in (None, s["name"])
                     and query.get("lifecycleState") in (None, s["state"])]
            for summary in found:
                del summary["currentVersionNumber"]  # a summary does not have it
            return self.page(found, query)
        match = re.fullmatch(r"/20180608/secrets/([^/]+)(/.*)?", path)
        if match:
            secret = self.secrets.get(match.group(1))
            if secret is None:
                raise Refused(404, "NotAuthorizedOrNotFound",
                              "Authorization failed or requested resource not found.")
            tail = match.group(2)
            if method == "GET" and tail is None:
                return self.describe(secret), {"etag": secret["etag"]}
            if method == "PUT" and tail is None:
                self.update(secret, body, headers.get("if-match"))
                return self.describe(secret), {"etag": secret["etag"]}
            if method == "GET" and tail == "/versions":
                rows = [{"secretId": secret["id"], "versionNumber": i + 1, "name": None,
                         "timeCreated": v["time"], "contentType": "BASE64", "timeOfDeletion": None,
                         "stages": self.stages(secret, i + 1)}
                        for i, v in enumerate(secret["versions"])]
                if query.get("sortOrder") == "DESC":
                    rows.reverse()
                return self.page(rows, query)
            if method == "POST" and tail == "/actions/scheduleDeletion":
                self.fields(body, {}, {"timeOfDeletion"})
                secret["state"] = "PENDING_DELETION"
                return None, {}
        raise Refused(404, "NotFound", "no such operation")

    def page(self, rows, query):
        """Pages of `page_size`, with an empty one in front of the last: clients must go on."""
        start = int(query.get("page", "0"))
        end = start + min(self.page_size, int(query.get("limit", self.page_size)))
        extra = {"opc-next-page": str(end)} if end < len(rows) or (start == 0 and rows) else {}
        return rows[start:end], extra


class Server:
    """Serves a Cloud on a port of the kernel's choice until closed."""

    def __init__(self, cloud, port=0):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                outer.connections.add(self.connection)

            def finish(self):
                outer.connections.discard(self.connection)
                super().finish()

            def answer(self):
                size = int(self.headers.get("content-length", "0"))
                body = self.rfile.read(size)
                headers = {k.lower(): v for k, v in self.headers.items()}
                with outer.cloud.lock:
                    try:
                        status, extra, text = outer.cloud.handle(self.command, self.path, headers,
                                                                 body)
                    except Refused as refused:
                        status, extra = refused.status, {}
                        text = json.dumps({"code": refused.code,
                                           "message": refused.message}).encode()
                    except (ValueError, KeyError) as error:
                        status, extra = 400, {}
                        text = json.dumps({"code": "CannotParseRequest",
                                           "message": str(error)}).encode()
                    date = email.utils.format_datetime(outer.cloud.now(), usegmt=True)
                self.send_response_only(status)
                self.send_header("date", date)
                self.send_header("content-type", "application/json")
                if not outer.cloud.portal:
                    self.send_header("opc-request-id", "REQUEST" + str(len(outer.cloud.requests)))
                for name, value in extra.items():
                    if name != "content-type":
                        self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *args):
                pass

        self.cloud = cloud
        self.connections = set()  # of clients that keep theirs
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        # A client that was killed does not wait for its answer.
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.thread.join()
