"""vaultwarden_database.py FILE MEBIBYTES: a database with the tables of Vaultwarden (its names, keys and kinds of values;
everything in it is invented) of about that size, the same for the same size."""
import base64
import hashlib
import pathlib
import random
import sqlite3
import sys

SCHEMA = """
CREATE TABLE users(uuid TEXT NOT NULL PRIMARY KEY, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL, password_hash BLOB NOT NULL, salt BLOB NOT NULL, password_iterations INTEGER NOT NULL, akey TEXT NOT NULL,
  private_key TEXT, public_key TEXT, security_stamp TEXT NOT NULL, enabled BOOLEAN NOT NULL DEFAULT 1);
CREATE TABLE organizations(uuid TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, billing_email TEXT NOT NULL);
CREATE TABLE users_organizations(uuid TEXT NOT NULL PRIMARY KEY, user_uuid TEXT NOT NULL REFERENCES users(uuid),
  org_uuid TEXT NOT NULL REFERENCES organizations(uuid), akey TEXT NOT NULL, status INTEGER NOT NULL, atype INTEGER NOT NULL,
  UNIQUE(user_uuid, org_uuid));
CREATE TABLE folders(uuid TEXT NOT NULL PRIMARY KEY, user_uuid TEXT NOT NULL REFERENCES users(uuid), name TEXT NOT NULL);
CREATE TABLE ciphers(uuid TEXT NOT NULL PRIMARY KEY, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL,
  user_uuid TEXT REFERENCES users(uuid), organization_uuid TEXT REFERENCES organizations(uuid), atype INTEGER NOT NULL,
  name TEXT NOT NULL, notes TEXT, fields TEXT, data TEXT NOT NULL, password_history TEXT, deleted_at DATETIME);
CREATE TABLE folders_ciphers(cipher_uuid TEXT NOT NULL REFERENCES ciphers(uuid), folder_uuid TEXT NOT NULL REFERENCES folders(uuid),
  PRIMARY KEY(cipher_uuid, folder_uuid));
CREATE TABLE attachments(id TEXT NOT NULL PRIMARY KEY, cipher_uuid TEXT NOT NULL REFERENCES ciphers(uuid), file_name TEXT NOT NULL,
  file_size INTEGER NOT NULL);
CREATE TABLE event(uuid TEXT NOT NULL PRIMARY KEY, event_type INTEGER NOT NULL, user_uuid TEXT, event_date DATETIME NOT NULL, ip_address TEXT);
CREATE TABLE __diesel_schema_migrations(version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX ciphers_of_user ON ciphers(user_uuid);
"""


def make(path, mebibytes):
    source = random.Random(mebibytes)

    def uuid():
        h = f"{source.getrandbits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"

    def sealed(size):  # "2.iv|data|mac", as Bitwarden's clients send it
        def text(n):
            return base64.b64encode(source.randbytes(n)).decode()[:n]

        return f"2.{text(22)}==|{text(size)}|{text(43)}="

    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=OFF")
    database.execute("PRAGMA synchronous=OFF")
    database.execute(f"PRAGMA cache_size=-{min(mebibytes * 512, 1_000_000)}")
    database.executescript(SCHEMA)
    when = "2026-11-25 12:00:00.000000"
    database.execute("BEGIN")
    users = [uuid() for _ in range(20)]
    for i, user in enumerate(users):
        database.execute("INSERT INTO users VALUES(?,?,?,?,?,?,?,?,?,?,?,?,1)",
                         (user, when, when, f"user{i}@example.org", f"User {i} 'O''Neil'", hashlib.sha256(bytes(i)).digest(),
                          source.randbytes(64), 600000, sealed(107), sealed(1600), sealed(390), uuid()))
    organisation = uuid()
    database.execute("INSERT INTO organizations VALUES(?,?,?)", (organisation, "Müller & Søn", "bill@example.org"))
    for user in users[:5]:
        database.execute("INSERT INTO users_organizations VALUES(?,?,?,?,2,2)", (uuid(), user, organisation, sealed(300)))
    folders = [uuid() for _ in users]
    for user, folder in zip(users, folders):
        database.execute("INSERT INTO folders VALUES(?,?,?)", (folder, user, sealed(22)))
    database.execute("INSERT INTO __diesel_schema_migrations(version) VALUES('20180114171611')")
    written = 0
    while written < mebibytes * 1024 * 1024:
        cipher = uuid()
        which = source.randrange(len(users))
        data = f'{{"autofillOnPageLoad":null,"password":"{sealed(44)}","totp":null,"uris":[{{"match":null,"uri":"{sealed(44)}"}}],"username":"{sealed(24)}"}}'
        notes = sealed(source.randrange(2000)) if source.random() < 0.3 else None
        database.execute("INSERT INTO ciphers VALUES(?,?,?,?,NULL,1,?,?,NULL,?,NULL,NULL)",
                         (cipher, when, when, users[which], sealed(44), notes, data))
        database.execute("INSERT INTO folders_ciphers VALUES(?,?)", (cipher, folders[which]))
        database.execute("INSERT INTO event VALUES(?,1107,?,?,?)", (uuid(), users[which], when, "192.0.2.7"))
        written += len(data) + len(notes or "") + 560
    database.execute("COMMIT")
    database.execute("PRAGMA journal_mode=WAL")
    database.close()


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
