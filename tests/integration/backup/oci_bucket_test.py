"""A bucket of Oracle Object Storage: a cloud on loopback that verifies every signature (tests/integration/oci), with the calls that
reference documentation of Object Storage names. Not tried on the real service."""
import base64
import hashlib
import json
import pathlib
import re
import sys
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "oci")]
import fake_oci  # noqa: E402
from backup_test import PASSPHRASE, Case, Host  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402


def md5(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


class Bucket(fake_oci.Cloud):
    def __init__(self):
        super().__init__()
        self.objects, self.uploads, self.sent = {}, {}, []
        self.break_after = None
        self.rules = []  # retention rules, as ListRetentionRules gives them

    def verify(self, method, target, headers, body, need_host=True):
        # PutObject and UploadPart are signed as if they had no body.
        plain = method == "PUT" and target.startswith("/n/")
        super().verify("GET" if plain else method, target, headers, body, need_host) if not plain else \
            self.verify_plain(target, headers)

    def verify_plain(self, target, headers):
        names = re.search(r'headers="([^"]*)"', headers["authorization"])[1].split()
        assert set(names) == {"date", "(request-target)", "host"}, names
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding
        parts = dict(re.findall(r'(\w+)="([^"]*)"', headers["authorization"]))
        text = "\n".join(f"(request-target): put {target}" if n == "(request-target)" else f"{n}: {headers[n]}" for n in names)
        self.keys[parts["keyId"]].verify(base64.b64decode(parts["signature"]), text.encode(), padding.PKCS1v15(), hashes.SHA256())

    def handle(self, method, target, headers, body):
        path, _, raw = target.partition("?")
        if not path.startswith("/n"):
            return super().handle(method, target, headers, body)
        self.verify(method, target, headers, body)
        query = dict(urllib.parse.parse_qsl(raw, keep_blank_values=True))
        if path == "/n":
            return 200, {}, b'"tenancyspace"'
        rest = path.removeprefix("/n/tenancyspace/b/backups/")
        if rest == "retentionRules" and method == "GET":
            first = int(query.get("page", "0"))
            more = {"opc-next-page": str(first + 1)} if first + 1 < len(self.rules) else {}
            return 200, more, json.dumps({"items": self.rules[first:first + 1]}).encode()
        kind, _, name = rest.partition("/")
        name = urllib.parse.unquote(name)
        if rest == path or kind not in ("o", "u"):
            raise fake_oci.Refused(404, "BucketNotFound")
        if method == "PUT":
            if self.break_after == 0:
                raise fake_oci.Refused(500, "InternalServerError")
            if self.break_after is not None:
                self.break_after -= 1
            if headers["content-md5"] != md5(body):
                raise fake_oci.Refused(400, "UnmatchedContentMD5")
            if kind == "u":
                self.uploads[query["uploadId"]][1][int(query["uploadPartNum"])] = body
                self.sent.append(int(query["uploadPartNum"]))
            else:
                self.objects[name] = body
            return 200, {"etag": hashlib.sha1(body).hexdigest(), "opc-content-md5": md5(body)}, b""
        if method == "GET" and kind == "o" and name:
            if name not in self.objects:
                raise fake_oci.Refused(404, "ObjectNotFound")
            return 200, {"content-type": "application/octet-stream"}, self.objects[name]
        if method == "GET" and kind == "o":
            names = sorted(n for n in self.objects if n.startswith(query["prefix"]) and n >= query.get("start", ""))
            page = {"objects": [{"name": n, "size": len(self.objects[n])} for n in names[:2]], "prefixes": []}
            if len(names) > 2:
                page["nextStartWith"] = names[2]
            return 200, {}, json.dumps(page).encode()
        if method == "DELETE":
            if self.objects.pop(name, None) is None:
                raise fake_oci.Refused(404, "ObjectNotFound")
            return 204, {}, b""
        if method == "GET" and not name:
            rows = [{"object": o, "uploadId": i, "bucket": "backups"} for i, (o, _) in self.uploads.items()]
            return 200, {}, json.dumps(rows).encode()
        if method == "GET":
            rows = [{"partNumber": n, "etag": hashlib.sha1(c).hexdigest(), "md5": md5(c), "size": len(c)}
                    for n, c in sorted(self.uploads[query["uploadId"]][1].items())]
            return 200, {}, json.dumps(rows).encode()
        if not name:
            upload = f"upload{len(self.uploads) + 1}"
            self.uploads[upload] = (json.loads(body)["object"], {})
            return 200, {}, json.dumps({"uploadId": upload}).encode()
        parts = self.uploads.pop(query["uploadId"])[1]
        wanted = [(p["partNum"], p["etag"]) for p in json.loads(body)["partsToCommit"]]
        if wanted != [(n, hashlib.sha1(c).hexdigest()) for n, c in sorted(parts.items())]:
            raise fake_oci.Refused(400, "InvalidUploadPart")
        self.objects[name] = b"".join(c for _, c in sorted(parts.items()))
        return 200, {}, b""


class ObjectStorage(Case):
    def test_a_copy_in_parts_goes_on_where_it_broke_off(self):
        cloud = Bucket()
        server = fake_oci.Server(cloud)
        self.addCleanup(server.close)
        key, key_id = cloud.add_user()
        key_file = self.folder / "key.pem"
        key_file.touch(mode=0o600)
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        config = self.folder / "oci_config"
        config.write_text(f"[DEFAULT]\ntenancy={fake_oci.TENANCY}\nuser={fake_oci.USER}\nfingerprint={key_id.split('/')[2]}\n"
                          f"region=eu-frankfurt-1\nkey_file={key_file}\n")
        host = Host(self.folder / "a", mebibytes=12, more="storage = bucket", storage=f"""
[storage bucket]
kind = oci
bucket = backups
prefix = web-1/
part_size = 5M
""")
        # The vault is the cloud's: one secret that holds everything, which a machine finds by its OCID.
        endpoints = f"object-storage={server.url} secrets={server.url} vaults={server.url} auth={server.url}"
        words = f"provider = oci\noci_config = {config}\noci_endpoints = {endpoints}\n"
        plain = host.config.read_text()

        def configure(layout):
            host.config.write_text(plain.replace("[backup vw]", f"{words}{layout}\n[backup vw]"))

        configure(f"oci_vault = {fake_oci.VAULT}\noci_compartment = {fake_oci.COMPARTMENT}\noci_key = {fake_oci.KEY}")
        host.put(PASSPHRASE)
        ocid = next(iter(cloud.secrets))
        configure(f"oci_settings_secret = {ocid}")
        host.identity = lambda folder: {"OCI_VAULT_ENABLED": "true", "OCISECRET_OCID": ocid, "OCI_ENDPOINTS": endpoints,
                                        "OCI_CONFIG_FILE": str(config), "OCI_CLI_AUTH": "api_key"}
        cloud.break_after = 1
        self.failed(host("backup", "now", check=False), "the backup was made here")
        self.assertEqual(cloud.sent, [1])
        cloud.break_after = None
        host("backup", "now")
        self.assertEqual(cloud.uploads, {})
        for file in host.files(".gpg"):
            self.assertEqual(cloud.objects[f"web-1/{file.name}"], file.read_bytes())
        parts = sum(-(-p.stat().st_size // (5 << 20)) for p in host.files(".gpg"))
        self.assertEqual(len(cloud.sent), parts)
        self.recovers(host)
        self.protection(cloud, host)

    def protection(self, cloud, host):
        """Whether a retention rule holds the copies is asked and told plainly."""
        def told(state, text, command):
            outside = json.loads(host("--json", "backup", "list", "vw").stdout)[0]["outside"]
            self.assertEqual((outside["protection"], bool(outside["command"])), (state, command), outside)
            self.assertIn(text, outside["text"])
            for words in (("list", "vw"), ("verify", "vw")):
                self.assertIn(outside["text"], host("backup", *words).stdout)
        told("none", "the bucket has no retention rule", True)
        self.assertIn("oci os retention-rule create --bucket-name backups", host("backup", "list", "vw").stdout)
        rule = {"id": "1", "displayName": "keep", "duration": {"timeAmount": 30, "timeUnit": "DAYS"}, "timeCreated": "2026-01-01T00:00:00Z"}
        cloud.rules = [rule]
        told("unlocked", "a retention rule of 30 days, not locked", True)
        cloud.rules = [{**rule, "timeRuleLocked": "2199-01-01T00:00:00Z"}]
        told("unlocked", "to be locked from 2199-01-01T00:00:00Z", True)
        # The one that holds most counts, on whatever page it comes.
        cloud.rules = [rule, {**rule, "timeRuleLocked": "2026-01-15T00:00:00Z"}]
        told("locked", "a retention rule of 30 days, locked since 2026-01-15T00:00:00Z", False)
        cloud.rules = [{"id": "1"}]
        told("unlocked", "a retention rule without an end, not locked", True)


if __name__ == "__main__":
    unittest.main(defaultTest="ObjectStorage")
