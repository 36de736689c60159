"""The agent uses credentials that the vault makes for it and that end with a lease: the vault's own RabbitMQ engine makes users of a
broker (broker.py), a destination sends with their passwords."""
import signal
import unittest

from broker import Broker
from world import READER, Host, Server, everything_written

CREDENTIALS = 'path "rabbitmq/creds/app" { capabilities = ["read"] }\n'


class Leases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bao = Server()
        cls.bao.call("POST", "sys/mounts/rabbitmq", {"type": "rabbitmq"})

    @classmethod
    def tearDownClass(cls):
        cls.bao.close()

    def setUp(self):
        self.broker = Broker()
        self.addCleanup(self.broker.close)
        self.passwords = set()
        bao = self.bao
        bao.call("POST", "rabbitmq/config/connection", {"connection_uri": self.broker.url, "username": "vault", "password": "canary-admin",
                                                        "verify_connection": False})
        bao.call("POST", "rabbitmq/roles/app", {"vhosts": '{"/": {"write": ".*", "read": "", "configure": ""}}'})
        bao.policy("warder", READER + CREDENTIALS)
        self.host = Host()
        self.addCleanup(self.host.close)
        self.hook = self.host.secret_file("hook", self.broker.url + "/events")
        self.count = 0

    def lives(self, ttl, longest):
        """How long the leases last that are made from here on, in seconds."""
        self.bao.call("POST", "rabbitmq/config/lease", {"ttl": ttl, "max_ttl": longest})

    def configure(self, login):
        self.host.configure(
            f"provider = vault\naddress = {self.bao.url}\ninterval = 1s\n{login}\n"
            f"[destination hook]\nform = generic\nurl = file:{self.hook}\ntoken = vault:/rabbitmq/creds/app/password\n"
            "allow_private = 127.0.0.1\ndigest = 0s\n")

    def by_approle(self, **role):
        role_id, secret_id = self.bao.approle(**role)
        self.configure(f"role_id = {role_id}\nsecret_id = file:{self.host.secret_file('secret-id', secret_id)}")

    def by_token(self, *policies, **options):
        made = self.bao.call("POST", "auth/token/create", {"policies": ["warder", *policies], "ttl": "1h", **options})
        self.configure(f"token = file:{self.host.secret_file('token', made['auth']['client_token'])}")

    def send(self):
        """An event; gives its text."""
        self.count += 1
        text = f"happened for the {self.count}th time"
        self.host.run("alerts", "send", "security", stdin=text)
        self.passwords |= set(self.broker.users.values())
        return text

    def delivered(self, text):
        """By whom it came in the end."""
        name = self.host.until(lambda: self.broker.user_of(text), f"'{text}' arrives")
        self.passwords |= set(self.broker.users.values())
        return name

    def renewals(self):
        return [e for e in self.bao.audit() if e["type"] == "response" and e["request"]["path"] == "sys/leases/renew" and not e.get("error")]

    def test_renewed_replaced_and_given_back_without_a_refused_request(self):
        self.lives(6, 20)
        self.by_approle()
        before = len(self.renewals())
        self.host.start()
        first = self.delivered(self.send())
        self.assertEqual(self.broker.names(), {first})
        self.assertIn("1 lease held", self.host.status()["vault"]["text"])
        self.host.until(lambda: len(self.renewals()) >= before + 2, "the lease is renewed, twice")
        self.assertEqual(self.delivered(self.send()), first)
        # 20 s after it was made the vault renews it no more: before that there is another.
        self.host.until(lambda: self.delivered(self.send()) != first, "there are new credentials")
        self.assertEqual(self.broker.refused, 0)
        self.host.stop()
        self.bao.until(lambda: not self.broker.names(), "the vault took the users back")
        self.assertGreaterEqual(len(self.passwords), 2)
        for path, content in everything_written(self.host.folder):
            for password in self.passwords:
                self.assertNotIn(password.encode(), content, path)

    def test_credentials_that_cannot_be_renewed_are_replaced(self):
        # Without the policy `default` there is no right to renew.
        self.lives(4, 60)
        self.by_token(no_default_policy=True)
        self.host.start()
        first = self.delivered(self.send())
        self.host.until(lambda: self.delivered(self.send()) != first, "there are new credentials")
        self.assertEqual(self.broker.refused, 0)

    def test_a_given_token_gives_its_leases_back_by_name(self):
        self.lives(3600, 3600)
        self.bao.policy("gives-back", 'path "sys/leases/revoke" { capabilities = ["update"] }\n')
        self.by_token("gives-back")
        self.host.start()
        self.delivered(self.send())
        self.host.stop()
        self.bao.until(lambda: not self.broker.names(), "the vault took the user back")

    def test_an_agent_that_is_killed_leaves_the_lease_to_the_vault(self):
        self.lives(4, 60)
        self.by_approle()
        self.host.start()
        first = self.delivered(self.send())
        self.host.stop(signal.SIGKILL)
        self.assertEqual(self.broker.names(), {first})
        self.host.start()
        second = self.delivered(self.send())
        self.assertNotEqual(first, second)
        self.bao.until(lambda: first not in self.broker.names(), "the vault ends it")
        self.assertIn(self.delivered(self.send()), self.broker.names())

    def test_a_sealed_vault_costs_nothing_while_the_lease_lasts(self):
        self.lives(15, 60)
        self.by_approle()
        self.host.start()
        first = self.delivered(self.send())
        self.bao.seal()
        self.host.until(lambda: self.host.status()["vault"]["state"] == "stale", "it is seen to be sealed")
        self.assertEqual(self.delivered(self.send()), first)
        self.assertIn("1 lease held", self.host.status()["vault"]["text"])
        # After that what is sent waits, and comes by new credentials.
        self.host.until(lambda: "held" not in self.host.status()["vault"]["text"], "the lease is over")
        waiting = self.send()
        self.bao.unseal()
        self.host.until(lambda: self.host.status()["vault"]["state"] == "good", "it is seen to be there")
        self.delivered(waiting)
        self.assertEqual(self.broker.refused, 0)

    def test_a_lease_revoked_in_the_vault_is_replaced_and_told(self):
        self.lives(4, 60)
        self.by_approle()
        self.host.start()
        first = self.delivered(self.send())
        self.bao.call("POST", "sys/leases/revoke-prefix/rabbitmq/creds/app", {})
        self.bao.until(lambda: first not in self.broker.names(), "it is revoked")
        self.host.until(lambda: [e for e in self.host.events("vault") if "are over before their time" in e], "the agent tells")
        self.assertNotEqual(self.delivered(self.send()), first)

    def test_a_lease_revoked_in_the_vault_is_noticed_when_its_user_is_refused(self):
        self.lives(3600, 3600)  # nothing is renewed while the test runs
        self.by_approle()
        self.host.start()
        first = self.delivered(self.send())
        self.bao.call("POST", "sys/leases/revoke-prefix/rabbitmq/creds/app", {})
        self.bao.until(lambda: first not in self.broker.names(), "it is revoked")
        self.assertNotEqual(self.delivered(self.send()), first)
        self.assertEqual(self.broker.refused, 1)  # and sent again at once
        self.host.until(lambda: [e for e in self.host.events("vault") if "are over before their time" in e], "the agent tells")

    def test_policies_check_knows_the_path(self):
        self.by_approle()
        self.assertIn("exactly", self.host.run("vault", "policies", "check"))
        self.bao.policy("warder", READER)
        said = self.host.run("vault", "policies", "check", status=1, output="stdout")
        self.assertIn('path "rabbitmq/creds/app" {', said)

    def test_a_passphrase_must_not_have_a_lease(self):
        self.by_approle()
        config = self.host.folder / "warder.conf"
        config.write_text(config.read_text() + "[backup all]\npaths = /etc\npassphrase = vault:/rabbitmq/creds/app/password\n")
        self.assertIn("ends with its lease", self.host.run("check", status=3, output="stdout"))


if __name__ == "__main__":
    unittest.main()
