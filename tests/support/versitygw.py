"""A real S3 service for tests: the Versity S3 gateway on a folder, its own program as its Go module gives it, built on the first
use (a few minutes of two processors) into a folder outside of the source.

    python3 versitygw.py            # builds it; ends with 77 ("skipped") where no Go is new enough or its modules cannot be had

    with Gateway() as gateway:      # TLS on loopback
        gateway.client().create_bucket(Bucket="backups")    # Amazon's SDK

It checks each request's Signature Version 4, its time, its digests (Content-MD5 and x-amz-content-sha256), the parts of an upload and
their order; knows object lock and versions. `requests()` is what its access log says.

A gateway is ended by its process id when its block ends, and can be killed and started again on the same port and the same folder."""
import pathlib
import subprocess

import go_program
from server_process import ServerProcess, make_certificates

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "integration/backup/s3_server"
REGION = "eu-central-1"
ACCESS = "AKIAWARDERTEST"
SECRET = "a/secret+key/of/40/characters/for/a/test"


def binary():
    """The path of the server program."""
    return go_program.build("the Versity S3 gateway", SOURCE, "s3", "github.com/versity/versitygw/cmd/versitygw")


class Gateway(ServerProcess):
    def __init__(self):
        super().__init__("s3")
        for name in ("objects", "attributes", "versions"):
            (self.folder / name).mkdir()
        make_certificates(self.folder)
        self.access_log = self.folder / "access.log"
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def command(self):
        return [binary(), "--port", f"127.0.0.1:{self.port}", "--region", REGION, "--cert", self.folder / "server.pem",
                "--key", self.folder / "server.key", "--access-log", self.access_log, "--health", "/healthy", "--quiet",
                "posix", "--sidecar", self.folder / "attributes", "--versioning-dir", self.folder / "versions",
                self.folder / "objects"]

    def environment(self):
        return {**super().environment(), "TZ": "UTC", "ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET}

    def answers(self):
        return subprocess.run(["curl", "-sf", "--cacert", self.ca, f"{self.url}/healthy"], capture_output=True, check=False).returncode == 0

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


if __name__ == "__main__":
    print(f"the Versity S3 gateway: {go_program.or_skip(binary)}")
