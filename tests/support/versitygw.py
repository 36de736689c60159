"""A real S3 service for tests: the Versity S3 gateway on a folder, its own program as its Go module gives it, built on the first
use (a few minutes of two processors) into a folder outside of the source.

    python3 versitygw.py            # builds it; ends with 77 ("skipped") where no Go is new enough or its modules cannot be had

    with Gateway() as gateway:      # TLS on loopback
        gateway.client().create_bucket(Bucket="backups")    # Amazon's SDK

It checks each request's Signature Version 4, its time, its digests (Content-MD5 and x-amz-content-sha256), the parts of an upload and
their order; knows object lock and versions. `requests()` is what its access log says.

A gateway is ended by its process id when its block ends, and can be killed and started again on the same port and the same folder."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import go_program
from go_program import SKIPPED, NotHere
from openbao import free_port, make_certificates

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "integration/backup/s3_server"
REGION = "eu-central-1"
ACCESS = "AKIAWARDERTEST"
SECRET = "a/secret+key/of/40/characters/for/a/test"


def binary():
    """The path of the server program."""
    return go_program.build("the Versity S3 gateway", SOURCE, "s3", "github.com/versity/versitygw/cmd/versitygw")


class Gateway:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="warder-s3-"))
        for name in ("objects", "attributes", "versions"):
            (self.folder / name).mkdir()
        make_certificates(self.folder)
        self.access_log = self.folder / "access.log"
        self.port = free_port()
        self.process = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self):
        return self.folder / "ca.pem"

    def start(self):
        words = [binary(), "--port", f"127.0.0.1:{self.port}", "--region", REGION, "--cert", self.folder / "server.pem",
                 "--key", self.folder / "server.key", "--access-log", self.access_log, "--health", "/healthy", "--quiet",
                 "posix", "--sidecar", self.folder / "attributes", "--versioning-dir", self.folder / "versions",
                 self.folder / "objects"]
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen([str(word) for word in words], stdout=self.log, stderr=self.log, cwd=self.folder,
                                        env={"HOME": str(self.folder), "PATH": os.environ["PATH"], "TZ": "UTC",
                                             "ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET})
        self.until(self.healthy, "the service answers")

    def healthy(self):
        return subprocess.run(["curl", "-sf", "--cacert", self.ca, f"{self.url}/healthy"], capture_output=True, check=False).returncode == 0

    def until(self, condition, what, limit=60):
        """Waits for a condition that the server brings about; the limit only ends a hopeless wait."""
        end = time.monotonic() + limit
        while not (value := condition()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"never: {what}\n" + (self.folder / "server.log").read_text()[-3000:])
            time.sleep(0.02)
        return value

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait()
        self.log.close()
        self.process = None

    def client(self, access=ACCESS, secret=SECRET, token=None):
        import boto3
        import botocore.config
        return boto3.client("s3", endpoint_url=self.url, region_name=REGION, aws_access_key_id=access, aws_secret_access_key=secret,
                            aws_session_token=token, verify=str(self.ca),
                            config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}))

    def requests(self):
        """What was asked so far: the operation, the object's key, the query, the status and the error."""
        found = []
        for line in self.access_log.read_text().splitlines():
            # owner bucket [time zone] address requester request operation key URI status error ...
            words = line.split(" ")
            if len(words) > 20:
                found.append((words[7], words[8], words[9].partition("?")[2], int(words[10]), words[11]))
        return found

    def close(self):
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def main():
    try:
        print(f"the Versity S3 gateway: {binary()}")
    except NotHere as error:
        print(f"SKIPPED: no test against a real S3 service is run: {error}", file=sys.stderr)
        sys.exit(SKIPPED)


if __name__ == "__main__":
    main()
