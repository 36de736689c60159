"""A small S3 on loopback that believes nothing: each request's Signature Version 4 is made once more with Amazon's own
botocore and compared, and so are Content-MD5 and x-amz-content-sha256. It holds what it got in memory and can be told to
misbehave: break(after) answers every upload after that many with a closed connection, lie() keeps other bytes than it got. `keys`
are those it knows, `ended` the temporary ones that are over; it refuses in Amazon's words."""
import base64
import hashlib
import http.server
import re
import threading
import urllib.parse
import xml.etree.ElementTree
import xml.sax.saxutils

import aws_signature
from botocore.auth import S3SigV4Auth

ACCESS = "AKIAWARDERTEST"
SECRET = "a/secret+key/of/40/characters/for/a/test"


class Service(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects = {}
        self.uploads = {}
        self.refused = []
        self.parts_sent = []
        self.break_after = None
        self.lying = False
        self.object_lock = None  # the rule, as XML
        self.keys = {ACCESS: (SECRET, None)}  # the secret and the session token of each
        self.ended = set()
        self.signed_by = []  # the access key of each part that was taken
        self.before_part = None  # called with the number of a part before it is taken
        self.before_object = None  # called with the method of a request for an object before that is answered
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


def etag(content):
    return '"' + hashlib.md5(content).hexdigest() + '"'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code):
        self.server.refused.append((self.command, self.path, code))
        self.answer(status, f"<Error><Code>{code}</Code></Error>".encode())

    def what_is_wrong(self, body):
        """Status and code of a refusal, or None."""
        signature = aws_signature.read(self, "s3")
        if not signature:
            return 403, "AccessDenied"
        self.access = signature.access
        if self.access not in self.server.keys:
            return 403, "InvalidAccessKeyId"
        secret, token = self.server.keys[self.access]
        # A temporary key is none without its token, and the token is part of what is signed.
        if self.headers.get("x-amz-security-token") != token or \
                (token is not None) != ("x-amz-security-token" in signature.names):
            return 400, "InvalidToken"
        if self.headers["x-amz-content-sha256"] not in (hashlib.sha256(body).hexdigest(), "UNSIGNED-PAYLOAD"):
            return 400, "XAmzContentSHA256Mismatch"
        if not signature.canonical(self, S3SigV4Auth, secret):
            return 403, "SignatureDoesNotMatch"
        return (400, "ExpiredToken") if self.access in self.server.ended else None

    def do_any(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        wrong = self.what_is_wrong(body)
        if wrong:
            return self.refuse(*wrong)
        if "content-md5" in self.headers and \
                base64.b64decode(self.headers["content-md5"]) != hashlib.md5(body).digest():
            return self.refuse(400, "BadDigest")
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        bucket, _, key = urllib.parse.unquote(url.path).lstrip("/").partition("/")
        if bucket != "backups":
            return self.refuse(404, "NoSuchBucket")
        if key and self.server.before_object:
            self.server.before_object(self.command)
        with self.server.lock:
            return getattr(self, "on_" + self.command.lower())(key, query, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_any

    def on_get(self, key, query, _):
        service = self.server
        if not key and "object-lock" in query:
            if service.object_lock is None:
                return self.answer(404, b"<Error><Code>ObjectLockConfigurationNotFoundError</Code></Error>")
            return self.answer(200, f"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{service.object_lock}"
                                    "</ObjectLockConfiguration>".encode())
        if not key and "uploads" in query:
            rows = "".join(f"<Upload><Key>{k}</Key><UploadId>{i}</UploadId></Upload>"
                           for i, (k, _) in service.uploads.items() if k.startswith(query.get("prefix", "")))
            return self.answer(200, f"<ListMultipartUploadsResult>{rows}</ListMultipartUploadsResult>".encode())
        if not key:
            names = sorted(n for n in service.objects if n.startswith(query.get("prefix", "")))
            start = query.get("continuation-token") or query.get("start-after") or ""
            names = [n for n in names if n > start]
            page, rest = names[:3], names[3:]  # small pages, so that reading on is tested
            rows = "".join(f"<Contents><Key>{xml.sax.saxutils.escape(n)}</Key><Size>{len(service.objects[n])}</Size>"
                           f"<ETag>{etag(service.objects[n])}</ETag>"
                           "<LastModified>2026-11-25T00:00:00.000Z</LastModified></Contents>" for n in page)
            more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{page[-1]}</NextContinuationToken>" if rest \
                else "<IsTruncated>false</IsTruncated>"
            return self.answer(200, f"<ListBucketResult>{rows}{more}</ListBucketResult>".encode())
        if "uploadId" in query:
            parts = service.uploads[query["uploadId"]][1]
            rows = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag(c)}</ETag><Size>{len(c)}</Size></Part>"
                           for n, c in sorted(parts.items()))
            return self.answer(200, f"<ListPartsResult>{rows}<IsTruncated>false</IsTruncated></ListPartsResult>".encode())
        if key not in service.objects:
            return self.refuse(404, "NoSuchKey")
        content = service.objects[key]
        headers = [("ETag", etag(content)), ("Last-Modified", "Wed, 25 Nov 2026 00:00:00 GMT"), ("Accept-Ranges", "bytes")]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        if wanted:
            first, last = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
            headers.append(("Content-Range", f"bytes {first}-{last}/{len(content)}"))
            return self.answer(206, content[first:last + 1], headers)
        return self.answer(200, content, headers)

    on_head = on_get

    def on_put(self, key, query, body):
        service = self.server
        if service.break_after is not None:
            if service.break_after == 0:
                self.close_connection = True
                return None  # not a byte of an answer
            service.break_after -= 1
        if "uploadId" in query:
            if query["uploadId"] not in service.uploads:
                return self.refuse(404, "NoSuchUpload")
            if service.before_part:
                service.before_part(int(query["partNumber"]))
            service.uploads[query["uploadId"]][1][int(query["partNumber"])] = body
            service.parts_sent.append(int(query["partNumber"]))
            service.signed_by.append(self.access)
        else:
            service.objects[key] = body[:-1] + b"?" if service.lying and body else body
        return self.answer(200, b"", [("ETag", etag(body))])

    def on_post(self, key, query, body):
        service = self.server
        if "uploads" in query:
            name = f"upload-{len(service.uploads) + 1}"
            service.uploads[name] = (key, {})
            return self.answer(200, f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId>"
                                    "</InitiateMultipartUploadResult>".encode())
        parts = service.uploads[query["uploadId"]][1]
        # In any order and with or without quotes and a namespace, as S3 takes it.
        wanted = [{child.tag.rpartition("}")[2]: child.text.strip('"') for child in part} for part in xml.etree.ElementTree.fromstring(body)]
        if [(int(one["PartNumber"]), f'"{one["ETag"]}"') for one in wanted] != [(n, etag(c)) for n, c in sorted(parts.items())]:
            return self.answer(200, b"<Error><Code>InvalidPart</Code></Error>")
        service.objects[key] = b"".join(c for _, c in sorted(parts.items()))
        del service.uploads[query["uploadId"]]
        return self.answer(200, b"<CompleteMultipartUploadResult><Key>k</Key></CompleteMultipartUploadResult>")

    def on_delete(self, key, *_):
        self.server.objects.pop(key, None)
        return self.answer(204)
