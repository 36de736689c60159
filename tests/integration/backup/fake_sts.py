"""A small Security Token Service of Amazon's on loopback: GetCallerIdentity and AssumeRole of the query API
(https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html). Each request's Signature Version 4 is made once more
with Amazon's own botocore; a key that is given out is one that the bucket knows."""
import datetime
import hashlib
import http.server
import secrets
import threading
import urllib.parse

import aws_signature
from botocore.auth import SigV4Auth

ACCESS = "AKIATHEVAULTSOWN"
SECRET = "the/vault's+own/key/of/40/characters/here"
ROLE = "arn:aws:iam::123456789012:role/backup"


class Service(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, bucket):
        super().__init__(("127.0.0.1", 0), Handler)
        self.bucket = bucket
        self.seconds = 3600  # how long the keys are good that are given out from here on
        self.issued = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def is_signed(self, body):
        signature = aws_signature.read(self, "sts")
        canonical = signature and signature.access == ACCESS and signature.canonical(self, SigV4Auth, SECRET, body)
        return bool(canonical) and hashlib.sha256(body).hexdigest() in canonical

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if not self.is_signed(body):
            return self.answer(403, "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>")
        asked = dict(urllib.parse.parse_qsl(body.decode()))
        if asked.get("Action") == "GetCallerIdentity":
            return self.answer(200, '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
                                    "<Arn>arn:aws:iam::123456789012:user/vault</Arn><UserId>AIDAVAULT</UserId>"
                                    "<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>")
        if (asked.get("Action"), asked.get("Version"), asked.get("RoleArn")) != ("AssumeRole", "2011-06-15", ROLE):
            return self.answer(403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
        service = self.server
        access, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30), secrets.token_urlsafe(60) + "+/="
        ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=service.seconds)
        service.bucket.keys[access] = (secret, token)
        service.issued.append(access)
        self.answer(200, '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
                         f"<Credentials><AccessKeyId>{access}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>"
                         f"<SessionToken>{token}</SessionToken><Expiration>{ends:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
                         f"<AssumedRoleUser><AssumedRoleId>AROA:warder</AssumedRoleId><Arn>{ROLE}</Arn></AssumedRoleUser>"
                         "</AssumeRoleResult></AssumeRoleResponse>")
