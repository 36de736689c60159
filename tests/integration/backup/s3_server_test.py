"""`warder backup` with a real S3 service over TLS, the Versity S3 gateway; Amazon's SDK and rclone read what lies there."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

import botocore.exceptions

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[2] / "support")]
import go_program  # noqa: E402
import versitygw  # noqa: E402
from backup_test import PASSPHRASE, WARDER, Case, Host, run  # noqa: E402

PART = 5 << 20


class Service(Case):
    def setUp(self):
        super().setUp()
        self.gateway = versitygw.Gateway()
        self.addCleanup(self.gateway.close)
        self.s3 = self.gateway.client()
        self.s3.create_bucket(Bucket="backups")

    def host(self, name="a", mebibytes=12, bucket="backups", storage="", more=""):
        return Host(self.folder / name, mebibytes=mebibytes, more=f"storage = s3\n{more}", storage=f"""
[storage s3]
kind = s3
url = {self.gateway.url}
ca_file = {self.gateway.ca}
bucket = {bucket}
prefix = web-1/
region = {versitygw.REGION}
access_key = vault:settings/access
secret_key = vault:settings/secret
part_size = 5M
{storage}""", access=versitygw.ACCESS, secret=versitygw.SECRET).vault()

    def there(self, prefix="web-1/"):
        """Name and content of what lies in the bucket, by Amazon's SDK, which asks for big ones in ranges."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="backups", Prefix=prefix)
        found = {}
        for key in [one["Key"] for page in pages for one in page.get("Contents", [])]:
            self.s3.download_file("backups", key, str(self.folder / "got"))
            found[key.removeprefix(prefix)] = (self.folder / "got").read_bytes()
        return found

    def refused(self):
        return [one for one in self.gateway.requests() if one[3] >= 400]

    def here(self, host):
        return {path.name: path.read_bytes() for path in host.backups.iterdir() if path.name.startswith("vw-")}

    def sent(self, name):
        """The numbers of the parts of an object that arrived whole, in their order."""
        return [int(query.split("partNumber=")[1].split("&")[0]) for operation, key, query, status, _ in self.gateway.requests()
                if key == f"web-1/{name}" and "partNumber=" in query and status == 200]


class Whole(Service):
    def test_made_listed_verified_read_by_others_and_restored(self):
        host = self.host()
        host("backup", "now")
        (file,) = host.files(".gpg")
        self.assertEqual(self.there(), self.here(host))
        self.assertEqual(self.sent(file.name), list(range(1, -(-file.stat().st_size // PART) + 1)))
        self.assertEqual(self.refused(), [])
        config = self.folder / "rclone.conf"
        config.write_text(f"[s]\ntype = s3\nprovider = Other\naccess_key_id = {versitygw.ACCESS}\nsecret_access_key = {versitygw.SECRET}\n"
                          f"endpoint = {self.gateway.url}\nregion = {versitygw.REGION}\nforce_path_style = true\nlist_version = 2\n")
        run("rclone", "--config", config, "--ca-cert", self.gateway.ca, "--retries", "1", "copyto",
            f"s:backups/web-1/{file.name}", self.folder / "got",
            env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")})
        self.assertEqual((self.folder / "got").read_bytes(), file.read_bytes())
        (listed,) = json.loads(host("--json", "backup", "list", "vw").stdout)
        self.assertEqual([one["outside"] for one in listed["backups"]], [True])
        self.recovers(host)

    def test_what_is_too_old_is_removed_there(self):
        host = self.host(mebibytes=1, more="local_days = 1\ncloud_days = 2\narchive_days = 3\nkeep_least = 1")
        storage = host.more
        host.more = storage.replace("storage = s3", "")
        host.configure()
        for days in (-10, -9):
            run("faketime", "-f", f"{days}d", WARDER, "--config", host.config, "backup", "now")
        old = self.here(host)
        host.more = storage
        host.configure()
        host("backup", "now")
        removed = [key.removeprefix("web-1/") for operation, key, _, status, _ in self.gateway.requests()
                   if operation == "s3_DeleteObject" and status == 200]
        self.assertEqual(sorted(removed), sorted(old))
        self.assertEqual(self.there(), self.here(host))
        self.assertEqual(len(host.files(".gpg")), 1)

    def test_a_listing_of_more_than_a_page_is_read_to_its_end(self):
        host = self.host(mebibytes=1)
        for number in range(1001):  # before the backup's name
            self.s3.put_object(Bucket="backups", Key=f"web-1/vw-{number:04}", Body=b"")
        host("backup", "now")
        (listed,) = json.loads(host("--json", "backup", "list", "vw").stdout)
        self.assertEqual([one["outside"] for one in listed["backups"]], [True])


class Broken(Service):
    def slow(self, host, process):
        """The parts of the one upload that is on, once there are any."""
        def parts():
            self.assertIsNone(process.poll(), "the backup has ended")
            for upload in self.s3.list_multipart_uploads(Bucket="backups").get("Uploads", []):
                return self.s3.list_parts(Bucket="backups", Key=upload["Key"], UploadId=upload["UploadId"]).get("Parts", [])
            return []
        return self.gateway.until(parts, "a part has arrived")

    def test_what_broke_off_goes_on_behind_the_parts_that_are_there(self):
        for who in ("warder", "the service"):
            with self.subTest(f"{who} is killed"):
                host = self.host(name=who.replace(" ", "-"), storage="bandwidth = 4M")
                process = subprocess.Popen([WARDER, "--config", str(host.config), "backup", "now"], stdout=subprocess.PIPE,
                                           stderr=subprocess.STDOUT, text=True, start_new_session=True)
                self.slow(host, process)
                if who == "warder":
                    os.killpg(process.pid, signal.SIGKILL)
                    process.communicate()
                else:
                    self.gateway.kill()
                    said, _ = process.communicate()
                    self.assertEqual(process.returncode, 1, said)
                    self.assertIn("the backup was made here, but not all that belongs to it", said)
                    self.gateway.start()
                (file,) = host.files(".gpg")
                before = self.sent(file.name)
                self.assertGreater(len(before), 0)
                self.assertNotIn(file.name, self.there())
                host.storage = host.storage.replace("bandwidth = 4M", "")
                host.configure()
                host("backup", "now")
                # Each part went over once.
                self.assertEqual(self.sent(file.name), list(range(1, -(-file.stat().st_size // PART) + 1)))
                self.assertEqual(self.there()[file.name], file.read_bytes())
                self.assertEqual(self.s3.list_multipart_uploads(Bucket="backups").get("Uploads", []), [])
                for key in self.there():
                    self.s3.delete_object(Bucket="backups", Key=f"web-1/{key}")


class Refused(Service):
    def test_each_refusal_says_what_to_do(self):
        host = self.host(mebibytes=1)
        good = host.storage

        def refused(text, *words, change=("", ""), before=()):
            host.storage = good.replace(*change)
            host.configure()
            done = run(*before, WARDER, "--config", host.config, "backup", "now", check=False)
            self.failed(done, "the backup was made here", text, *words)

        refused("NoSuchBucket", "make the bucket or mend its name", change=("bucket = backups", "bucket = others"))
        refused("AuthorizationHeaderMalformed", "the bucket lies in another region than region says", change=(versitygw.REGION, "us-east-2"))
        refused("RequestTimeTooSkewed", "this host's clock is wrong", before=("faketime", "-f", "+20m"))
        for settings, text, remedy in (({"secret": "wrong"}, "SignatureDoesNotMatch", "look at access_key, secret_key"),
                                       ({"access": "AKIAOTHER"}, "XAdminUserNotFound", "the service does not know access_key")):
            host("vault", "put", "settings", input=json.dumps(
                {"backup_passphrase": PASSPHRASE, "access": versitygw.ACCESS, "secret": versitygw.SECRET, **settings}))
            refused(text, remedy)
        self.assertEqual(self.there(), {})
        host.put(PASSPHRASE)
        host.storage = good
        host.configure()
        host("backup", "now")
        self.assertEqual(self.there(), self.here(host))

    def test_what_object_lock_holds(self):
        self.s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
        host = self.host(mebibytes=1, bucket="locked", more="local_days = 1\ncloud_days = 2\narchive_days = 3\nkeep_least = 1")

        def protection():
            outside = json.loads(host("--json", "backup", "list", "vw").stdout)[0]["outside"]
            return outside["protection"], outside["text"]

        self.assertEqual(protection(), ("none", "the bucket knows object lock, but has no default retention: backups are not locked"))
        for mode, expected in (("GOVERNANCE", ("unlocked", "object lock for 30 days in the mode GOVERNANCE, which a permission can pass over")),
                               ("COMPLIANCE", ("locked", "object lock for 30 days in the mode COMPLIANCE"))):
            self.s3.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": mode, "Days": 30}}})
            self.assertEqual(protection(), expected)
        storage = host.more
        host.more = storage.replace("storage = s3", "")
        host.configure()
        run("faketime", "-f", "-9d", WARDER, "--config", host.config, "backup", "now")
        old = self.here(host)
        host.more = storage
        host.configure()
        # What is removed is hidden, for every object lock keeps versions; its bytes can be had, and nobody can remove those.
        self.assertIn("in the storage          1 stay, 1 went", host("backup", "now").stdout)
        self.assertEqual([one["outside"] for one in json.loads(host("--json", "backup", "list", "vw").stdout)[0]["backups"]], [True])
        versions = {one["Key"].removeprefix("web-1/"): one["VersionId"]
                    for one in self.s3.list_object_versions(Bucket="locked", Prefix="web-1/")["Versions"]}
        self.assertEqual(set(versions), set(old) | set(self.here(host)))
        for name, content in old.items():
            which = {"Bucket": "locked", "Key": f"web-1/{name}", "VersionId": versions[name]}
            self.assertEqual(self.s3.get_object(**which)["Body"].read(), content)
            with self.assertRaises(botocore.exceptions.ClientError) as refused:
                self.s3.delete_object(**which)
            self.assertEqual(refused.exception.response["Error"]["Code"], "AccessDenied")


if __name__ == "__main__":
    go_program.or_skip(versitygw.binary)
    unittest.main()
