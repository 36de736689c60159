"""Signature Version 4 of a request to a small service of Amazon's shape, made once more with Amazon's own botocore."""
import re

from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class Signature:
    """What a request's Authorization header says: `access`, `region`, `names` (of the headers that are signed) and `value`."""

    def __init__(self, found, service):
        self.service = service
        self.access, self.region, self.value = found[1], found[3], found[5]
        self.names = found[4].split(";")

    def canonical(self, handler, auth, secret, body=None):
        """The request as it is signed, where botocore signs it with this secret to the same value; else None."""
        request = AWSRequest(method=handler.command, url=f"http://{handler.headers['host']}{handler.path}", data=body,
                             headers={name: handler.headers[name] for name in self.names if name != "host"})
        request.context["timestamp"] = handler.headers["x-amz-date"]
        signer = auth(Credentials(self.access, secret), self.service, self.region)
        canonical = signer.canonical_request(request)
        return canonical if signer.signature(signer.string_to_sign(request, canonical), request) == self.value else None


def read(handler, service):
    """The signature of a request of an http.server handler, for this service; None where there is none."""
    found = re.fullmatch(rf"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/{service}/aws4_request, ?"
                         r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})", handler.headers.get("authorization", ""))
    return Signature(found, service) if found else None
