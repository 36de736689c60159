"""Every variable VAULT_* (and BAO_*) that scripts set, each against a real OpenBao with TLS, namespaces, several mounts and
logins, and against a HashiCorp Vault of the community edition, which has no namespaces; nothing of the vault stands in the configuration."""
import base64
import http.server
import json
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from world import READER, Host, Proxy, Server  # noqa: E402


class TokenReview:
    """The part of a Kubernetes API server that the vault asks: whose service account's token is this?"""

    def __init__(self):
        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
        self.token = ".".join([part({"alg": "RS256", "kid": "k"}), part({
            "iss": "https://kubernetes.default.svc", "exp": int(time.time()) + 3600, "iat": int(time.time()) - 60,
            "nbf": int(time.time()) - 60, "sub": "system:serviceaccount:ops:warder",
            "kubernetes.io": {"namespace": "ops", "serviceaccount": {"name": "warder", "uid": "u1"}}}), part({})])
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                good = self.path == "/apis/authentication.k8s.io/v1/tokenreviews" and body["spec"]["token"] == outer.token
                status = {"authenticated": good}
                if good:
                    status["user"] = {"username": "system:serviceaccount:ops:warder", "uid": "u1",
                                      "groups": ["system:serviceaccounts"]}
                text = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}).encode()
                self.send_response(201)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Variables(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bao = Server(tls=True)
        cls.addClassCleanup(cls.bao.close)
        bao = cls.bao
        bao.policy("reader", READER)
        bao.call("POST", "secret/data/warder/jails", {"data": {"at": "secret"}})
        bao.mount_kv("other", 2)
        bao.call("POST", "other/data/warder/jails", {"data": {"at": "other"}})
        bao.mount_kv("old", 1)
        bao.call("POST", "old/warder/jails", {"at": "old"})
        if bao.product == "openbao":
            bao.call("POST", "sys/namespaces/team1")
            there = {"X-Vault-Namespace": "team1/"}
            bao.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}, headers=there)
            bao.until(lambda: bao.call("GET", "secret/config", headers=there), "the mount is ready")
            bao.call("POST", "secret/data/warder/jails", {"data": {"at": "team1"}}, headers=there)
        cls.role_id, cls.secret_id = bao.approle("warder", ["reader"])

    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.close)
        self.vault = {"VAULT_ENABLED": "true", "VAULT_ADDR": self.bao.url, "VAULT_CACERT": str(self.bao.ca)}
        self.admin = {**self.vault, "VAULT_TOKEN": self.bao.token}

    def where(self, environment):
        """Which copy of the document is read; with the variables alone, and with each of them said as BAO_ would."""
        found = self.host.json("vault", "get", "jails", environment=environment)["at"]
        as_bao = {name.replace("VAULT_", "BAO_") if name != "VAULT_ENABLED" else name: value
                  for name, value in environment.items()}
        self.assertEqual(self.host.json("vault", "get", "jails", environment=as_bao)["at"], found)
        return found

    def refused(self, environment, status):
        return self.host.run("vault", "get", "jails", environment=environment, status=status)

    def test_address_authority_and_token(self):
        self.assertEqual(self.where(self.admin), "secret")
        self.assertIn("VAULT_ADDR", self.refused({"VAULT_ENABLED": "true", "VAULT_TOKEN": "t"}, 3))
        self.assertIn("unknown authority", self.refused({**self.admin, "VAULT_CACERT": ""}, 5))
        self.assertIn("the vault does not take the token", self.refused({**self.admin, "VAULT_TOKEN": "s.wrong"}, 5))
        self.assertIn("nothing says how to log in", self.refused(self.vault, 3))

    def test_files_with_a_token_or_a_secret_id(self):
        token = self.host.secret_file("token", self.bao.token + "\n")
        self.assertEqual(self.where({**self.vault, "VAULT_TOKEN_FILE": str(token)}), "secret")
        # The value wins over the file, and a file that others may read is refused.
        self.assertIn("does not take the token",
                      self.refused({**self.vault, "VAULT_TOKEN": "s.wrong", "VAULT_TOKEN_FILE": str(token)}, 5))
        token.chmod(0o644)
        self.assertIn("chmod", self.refused({**self.vault, "VAULT_TOKEN_FILE": str(token)}, 5))
        secret = self.host.secret_file("secret-id", self.secret_id)
        self.assertEqual(self.where({**self.vault, "VAULT_ROLE_ID": self.role_id, "VAULT_SECRET_ID_FILE": str(secret)}), "secret")

    def test_mount_and_version(self):
        self.assertEqual(self.where({**self.admin, "VAULT_MOUNT_PATH": "other"}), "other")
        self.assertEqual(self.where({**self.admin, "VAULT_MOUNT_PATH": "old"}), "old")
        self.assertEqual(self.where({**self.admin, "VAULT_MOUNT_PATH": "old", "VAULT_KV_VERSION": "1"}), "old")
        self.assertEqual(self.where({**self.admin, "VAULT_KV_VERSION": "2"}), "secret")
        self.assertIn("may be 1 or 2", self.refused({**self.admin, "VAULT_KV_VERSION": "3"}, 3))
        # Who may ask gets what the mount says; a wrong word does no harm.
        self.assertEqual(self.where({**self.admin, "VAULT_KV_VERSION": "1"}), "secret")

    def test_namespace(self):
        # The community edition of Vault passes over a namespace without a word.
        expected = "team1" if self.bao.product == "openbao" else "secret"
        self.assertEqual(self.where({**self.admin, "VAULT_NAMESPACE": "team1"}), expected)
        self.assertEqual(self.where({**self.admin, "VAULT_NAMESPACE": "team1/"}), expected)

    def test_approle(self):
        approle = {**self.vault, "VAULT_ROLE_ID": self.role_id, "VAULT_SECRET_ID": self.secret_id}
        self.assertEqual(self.where(approle), "secret")
        self.assertIn("the vault refuses the login", self.refused({**approle, "VAULT_SECRET_ID": "wrong"}, 5))

    def test_kubernetes(self):
        review = TokenReview()
        self.addCleanup(review.close)
        self.bao.call("POST", "sys/auth/kubernetes", {"type": "kubernetes"})
        self.bao.call("POST", "auth/kubernetes/config", {"kubernetes_host": review.url, "disable_local_ca_jwt": True,
                                                         "token_reviewer_jwt": review.token,
                                                         "kubernetes_ca_cert": self.bao.ca.read_text()})
        self.bao.call("POST", "auth/kubernetes/role/warder", {
            "bound_service_account_names": ["warder"], "bound_service_account_namespaces": ["ops"],
            "token_policies": ["reader"]})
        token = self.host.folder / "sa-token"
        token.write_text(review.token)
        self.host.configure(f"kubernetes_token = {token}")
        self.assertEqual(self.where({**self.vault, "VAULT_KUBERNETES_ROLE": "warder"}), "secret")
        token.write_text(review.token + "x")
        self.assertIn("the vault refuses the login", self.refused({**self.vault, "VAULT_KUBERNETES_ROLE": "warder"}, 5))

    def test_certificate(self):
        self.bao.call("POST", "sys/auth/cert", {"type": "cert"})
        self.bao.call("POST", "auth/cert/certs/warder", {"certificate": self.bao.ca.read_text(), "token_policies": ["reader"]})
        shown = {**self.vault, "VAULT_CLIENT_CERT": f"{self.bao.folder}/client.pem",
                 "VAULT_CLIENT_KEY": f"{self.bao.folder}/client.key"}
        self.assertEqual(self.where(shown), "secret")
        self.assertIn("belong together", self.refused({**shown, "VAULT_CLIENT_KEY": ""}, 3))

    def test_an_unchecked_certificate_must_be_asked_for_and_elsewhere_twice(self):
        unchecked = {**self.admin, "VAULT_CACERT": "", "VAULT_SKIP_VERIFY": "true"}
        self.assertEqual(self.where(unchecked), "secret")
        self.assertIn("unknown authority", self.refused({**unchecked, "VAULT_SKIP_VERIFY": "false"}, 5))
        # Nothing is sent to this address of documentation (RFC 5737): it is refused before.
        elsewhere = {**unchecked, "VAULT_ADDR": "https://192.0.2.1:8200"}
        self.assertIn("must be said twice", self.refused(elsewhere, 3))
        self.assertIn("must be said twice", self.refused({**elsewhere, "VAULT_ADDR": f"{self.bao.url},https://192.0.2.1:8200"}, 3))
        # Said twice: by the key, too. The node that is asked first is here and answers.
        self.host.configure("tls_skip_verify = yes")
        self.assertEqual(self.where({**unchecked, "VAULT_ADDR": f"{self.bao.url},https://192.0.2.1:8200"}), "secret")
        self.assertIn("must be said twice", self.refused({**elsewhere, "VAULT_SKIP_VERIFY": ""}, 3))

    def test_a_proxy_and_the_patience(self):
        proxy = Proxy(self.bao, self.role_id, self.secret_id)
        self.addCleanup(proxy.close)
        for name in ("VAULT_PROXY_ADDR", "VAULT_AGENT_ADDR"):
            through = {"VAULT_ENABLED": "true", name: f"unix://{proxy.socket}"}
            self.host.until(lambda: self.host.json("vault", "get", "jails", environment=through) == {"at": "secret"},
                            "the proxy answers")
        self.assertEqual(self.where({**self.admin, "VAULT_CLIENT_TIMEOUT": "30"}), "secret")
        self.assertIn("it may be 1s to 5min", self.refused({**self.admin, "VAULT_CLIENT_TIMEOUT": "soon"}, 3))

    def test_no_secret_of_the_environment_is_left_in_it_or_told(self):
        said = self.refused({**self.vault, "VAULT_ROLE_ID": self.role_id, "VAULT_SECRET_ID": "canary-variable-4711"}, 5)
        self.assertNotIn("canary", said)


if __name__ == "__main__":
    unittest.main()
