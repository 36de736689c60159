"""PAM's own words: pam_unix asked by pamtester in the place of a service, on the way to syslog."""
import unittest

from case import ATTACKER, USER, VICTIM, Case, unpacked


class Pam(Case):
    def test_pam_unix(self):
        self.run_syslog()
        self.write("cockpit", "auth required pam_unix.so\n")
        # Who asks, for whom, with what in ruser, which some services give PAM from outside.
        attempts = [(ATTACKER, "root", ""), (ATTACKER, "nobody-knows", ""), ("2001:db8::17", "root", ""),
                    (ATTACKER, f"x rhost={VICTIM}", ""), (ATTACKER, "root", f"x rhost={VICTIM}")]
        asked = "\n".join(f"echo wrong | pamtester -I 'rhost={host}' -I 'ruser={ruser}' cockpit '{user}' authenticate"
                          for host, user, ruser in attempts)
        script = self.write("ask", f"#!/bin/sh\n{asked}\nexec sleep 600\n", 0o755)
        self.run_apart([unpacked("pamtester")], f"cp {self.folder}/cockpit /etc/pam.d/cockpit", script,
                       ready=lambda: self.log.exists() and
                       self.log.read_text().count("authentication failure") >= len(attempts))
        self.assertEqual(self.blamed("pam", 4, "services=cockpit"), {ATTACKER: 3, "2001:db8::17": 1})
        # Another service's lines are for its own filter.
        self.assertEqual(self.blamed("pam", 0, "services=webmin"), {})
        self.assertNotIn(USER, self.log.read_text())


if __name__ == "__main__":
    unittest.main()
