"""FTP servers."""
import ftplib
import subprocess
import unittest

from case import ATTACKER, SECRET, USER, VICTIM, Case, unpacked


class Ftp(Case):
    def digest(self):
        return subprocess.run(["openssl", "passwd", "-6", SECRET], capture_output=True, text=True,
                              check=True).stdout.strip()

    def log_in(self, address, user, password):
        with ftplib.FTP() as client:
            client.connect(USER, self.port, timeout=60, source_address=(address, 0))
            try:
                client.login(user, password)
                return True
            except ftplib.error_perm:
                return False

    def guesses(self, filter_name, hostile):
        """Three wrong log-ins, one of them with a hostile name, and a right one."""
        self.assertTrue(self.log_in(USER, "eve", SECRET))
        for user in ("eve", "nobody", hostile):
            self.assertFalse(self.log_in(ATTACKER, user, "wrong"))
        self.assertEqual(self.blamed(filter_name, 3), {ATTACKER: 3})

    def test_proftpd(self):
        digest = self.digest()
        self.write("users", f"eve:{digest}:65534:65534::{self.folder}:/bin/false\n", 0o600)
        self.write("proftpd.conf", f"""
            ServerName test
            ServerType standalone
            DefaultAddress {USER}
            Port {self.port}
            SystemLog {self.folder}/unused
            PidFile {self.folder}/pid
            ScoreboardFile {self.folder}/scoreboard
            DelayEngine off
            AuthOrder mod_auth_file.c
            AuthUserFile {self.folder}/users
            RequireValidShell off
            UseReverseDNS off
            UseIPv6 off
            WtmpLog off
            User nobody
            Group nogroup
            """)
        self.log = self.folder / "output"  # in the foreground it writes there
        self.run_program("/usr/sbin/proftpd", "--nodaemon", "-c", self.folder / "proftpd.conf")

        self.guesses("proftpd", f"x: no such user found from {VICTIM} [{VICTIM}]")

    def test_vsftpd(self):
        digest = self.digest()
        configuration = self.write("vsftpd.conf", f"""
listen=YES
listen_address={USER}
listen_port={self.port}
background=NO
anonymous_enable=NO
local_enable=YES
check_shell=NO
delay_failed_login=0
secure_chroot_dir=/var/empty
xferlog_enable=YES
xferlog_std_format=NO
vsftpd_log_file={self.log}
""")
        self.run_apart([unpacked("vsftpd", "libwrap0")], f"""
mkdir -p /var/empty
sed -i 's/pam_unix.so/& nodelay/' /etc/pam.d/common-auth
useradd --create-home --password '{digest}' eve
""", "/usr/sbin/vsftpd", configuration)
        self.guesses("vsftpd", f'x] FAIL LOGIN: Client "{VICTIM}"')

    def test_pure_ftpd(self):
        digest = self.digest()
        self.run_syslog()
        packages = [unpacked("pure-ftpd", "pure-ftpd-common", "libsodium23")]
        self.run_apart(packages, f"""
sed -i 's/pam_unix.so/& nodelay/' /etc/pam.d/common-auth
useradd --create-home --password '{digest}' eve
""", "/usr/sbin/pure-ftpd", "--bind", f"{USER},{self.port}", "--login", "unix", "--dontresolve",
                       "--minuid", "1")
        self.guesses("pure-ftpd", f"x] pure-ftpd: (?@{VICTIM}) [WARNING] Authentication failed for user [y")


if __name__ == "__main__":
    unittest.main()
