"""A message broker on loopback, as far as the vault's RabbitMQ engine asks for one (RabbitMQ's management API: users and their
permissions), and a web service that lets in whoever is one of its users now, with his password as bearer token."""
import http.server
import json
import threading
import urllib.parse


class Broker:
    def __init__(self):
        self.lock = threading.Lock()
        self.users = {}      # name: password, of those that are there now
        self.delivered = []  # (body, user's name)
        self.refused = 0     # requests with the password of nobody who is there
        broker = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body=b""):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_PUT(self):
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
                parts = urllib.parse.unquote(self.path).strip("/").split("/")
                if parts[:2] == ["api", "users"]:
                    with broker.lock:
                        broker.users[parts[2]] = body["password"]
                self.answer(201)

            def do_DELETE(self):
                parts = urllib.parse.unquote(self.path).strip("/").split("/")
                with broker.lock:
                    there = broker.users.pop(parts[2], None) is not None
                self.answer(204 if there else 404)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                password = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                with broker.lock:
                    name = next((name for name, its in broker.users.items() if its == password), None)
                    if name is None:
                        broker.refused += 1
                    else:
                        broker.delivered.append((body, name))
                self.answer(401 if name is None else 200)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def names(self):
        with self.lock:
            return set(self.users)

    def user_of(self, text):
        """By whose password the request came whose body holds the text."""
        with self.lock:
            return next((name for body, name in self.delivered if text in body), None)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
