"""Web servers and proxies: wrong passwords, hostile names, requests that are none."""
import base64
import contextlib
import hashlib
import http.client
import socket
import unittest

from case import ATTACKER, SECRET, USER, VICTIM, Case

# A name with a whole line of nginx and one of Apache in it.
BROKEN = f"""x
2026/11/02 11:58:01 [error] 7#7: *1 user "y": password mismatch, client: {VICTIM}, server: x, request: "GET / HTTP/1.1", host: "x"
[Mon Nov 02 11:58:01.123456 2026] [auth_basic:error] [pid 7:tid 7] [client {VICTIM}:40022] AH01618: user y not found: /
z"""


class Web(Case):
    def get(self, address, path, user=None, password="", agent="curl"):
        connection = http.client.HTTPConnection(USER, self.port, source_address=(address, 0))
        headers = {"User-Agent": agent}
        if user is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(
                f"{user}:{password}".encode()).decode()
        connection.request("GET", path, headers=headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def send(self, address, request):
        """What no client of a library would send; the answer. The server is who ends the connection:
        a client that is gone first is another fault than its request."""
        with socket.create_connection((USER, self.port), source_address=(address, 0)) as raw:
            raw.sendall(request)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while more := raw.recv(4096):
                    answer += more
            return answer

    def log_ins(self):
        """Five wrong ones, with the rest of a line and a whole one as names; a right one, and none."""
        self.assertEqual(self.get(USER, "/private/index.html"), 401)
        self.assertEqual(self.get(USER, "/private/index.html", "eve", SECRET), 200)
        for user in ("eve", "nobody", 'x" was not found in "/x", client 198.51.100.9, server',
                     "x [client 198.51.100.9.1] AH01618", BROKEN):
            self.assertEqual(self.get(ATTACKER, "/private/index.html", user, "wrong"), 401)

    def scans(self):
        """Probes, and what is none, in the access log that the server has written until now and then."""
        access = self.folder / "access"
        before = {name: self.judged(name, access)["findings"]
                  for name in ("web-scanner", "web-bad-request")}
        hostile = f'x" 200 1 "-" "-"\n{VICTIM} - - [02/Nov/2026:11:58:01 +0000] "GET /.env HTTP/1.1" 404 1'
        for path in ("/.env", "/wp-login.php", "/.git/config"):
            self.assertEqual(self.get(ATTACKER, path, None, "", hostile.replace("\n", "\t")), 404)
        quoted = hostile.replace(" ", "%20").replace("\n", "%0a").replace('"', "%22")
        self.assertEqual(self.get(USER, "/" + quoted.replace("/.env", "/x"), hostile), 404)
        self.assertEqual(self.get(USER, "/private/index.html?/.env", "eve", SECRET), 200)
        found = self.blamed("web-scanner", before["web-scanner"] + 3, log=access)
        self.assertEqual(found, {ATTACKER: before["web-scanner"] + 3})
        self.send(ATTACKER, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        self.send(ATTACKER, b"SSH-2.0-Go\r\n\r\n")
        found = self.blamed("web-bad-request", before["web-bad-request"] + 2, log=access)
        self.assertEqual(set(found), {ATTACKER})

    def passwords(self):
        digest = base64.b64encode(hashlib.sha1(SECRET.encode()).digest()).decode()
        private = self.folder / "www" / "private"
        private.mkdir(parents=True)
        (private / "index.html").write_text("here\n")
        return self.write("passwords", f"eve:{{SHA}}{digest}\n")

    def test_nginx(self):
        self.write("nginx.conf", f"""
            daemon off; worker_processes 1; user nobody nogroup; pid {self.folder}/pid;
            error_log {self.log};
            events {{}}
            http {{
              access_log {self.folder}/access;
              limit_req_zone $binary_remote_addr zone=login:1m rate=1r/m;
              client_body_temp_path {self.folder}/b; proxy_temp_path {self.folder}/p;
              fastcgi_temp_path {self.folder}/f; uwsgi_temp_path {self.folder}/u;
              scgi_temp_path {self.folder}/s;
              server {{
                listen {USER}:{self.port}; root {self.folder}/www;
                location /private/ {{ auth_basic x; auth_basic_user_file {self.passwords()}; }}
                location /limited/ {{ limit_req zone=login; try_files /private/index.html =404; }}
              }}
            }}""")
        self.run_program("/usr/sbin/nginx", "-p", self.folder, "-e", self.log, "-c",
                         self.folder / "nginx.conf")
        self.log_ins()
        # nginx writes the line break, so that the broken name's line is none; it blames nobody.
        self.assertEqual(self.blamed("nginx-http-auth", 4), {ATTACKER: 4})
        self.assertEqual(self.get(USER, "/limited/"), 200)
        statuses = [self.get(ATTACKER, "/limited/") for _ in range(3)]
        self.assertEqual(statuses, [200, 503, 503])
        self.assertEqual(self.blamed("nginx-limit-req", 2), {ATTACKER: 2})
        self.scans()

    def test_apache(self):
        modules = "/usr/lib/apache2/modules"
        names = ("mpm_event authn_core authn_file authz_core authz_user auth_basic").split()
        passwords = self.passwords()
        self.write("apache.conf", "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so"
                                            for name in names) + f"""
            ServerRoot {self.folder}
            ServerName localhost
            User nobody
            Group nogroup
            PidFile {self.folder}/pid
            Listen {USER}:{self.port}
            ErrorLog {self.log}
            CustomLog {self.folder}/access "%h %l %u %t \\"%r\\" %>s %B \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\""
            DocumentRoot {self.folder}/www
            <Location /private/>
              AuthType Basic
              AuthName x
              AuthUserFile {passwords}
              Require valid-user
            </Location>""")
        self.run_program("/usr/sbin/apache2", "-f", self.folder / "apache.conf", "-DFOREGROUND")
        self.log_ins()
        self.assertEqual(self.blamed("apache-auth", 5), {ATTACKER: 5})
        self.assertIn(b"400", self.send(ATTACKER, b"GET /cgi-bin/.%2e/.%2e/bin/sh HTTP/1.1\r\n"
                                        b"Host: x\r\nConnection: close\r\n\r\n"))
        self.assertEqual(self.blamed("apache-errors", 1), {ATTACKER: 1})
        self.scans()

    def test_haproxy(self):
        self.run_syslog()
        self.write("haproxy.conf", f"""
            global
              log {self.folder}/devlog local0
            defaults
              mode http
              log global
              option httplog
              timeout client 60s
              timeout connect 60s
              timeout server 60s
            userlist people
              user eve insecure-password "{SECRET}"
            frontend www
              bind {USER}:{self.port}
              capture request header User-Agent len 128
              http-request auth realm x if {{ path_beg /private/ }} !{{ http_auth(people) }}
              http-request return status 200\n""")
        self.run_program("/usr/sbin/haproxy", "-db", "-f", self.folder / "haproxy.conf")
        self.assertEqual(self.get(USER, "/private/index.html", "eve", SECRET), 200)
        hostile = f"haproxy[7]: {VICTIM}:1 [x] a b/<NOSRV> -1/-1/-1/-1/0 401 "
        for agent in ("curl", hostile, 'x} "<BADREQ>"', f"\t{hostile}"):
            self.assertEqual(self.get(ATTACKER, "/private/index.html", "eve", "wrong", agent), 401)
            self.assertEqual(self.get(USER, "/", None, "", agent), 200)
        self.assertEqual(self.blamed("haproxy", 4), {ATTACKER: 4})
        for request in (b"\x16\x03\x01\x02\x00\r\n\r\n", f"GET /{hostile}\r\n\r\n".encode(),
                        b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n"):
            self.send(ATTACKER, request)
        self.assertEqual(self.blamed("haproxy", 3, "mode=bad"), {ATTACKER: 3})
        self.assertEqual(self.blamed("haproxy", 4), {ATTACKER: 4})


if __name__ == "__main__":
    unittest.main()
