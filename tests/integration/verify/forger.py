"""What somebody with root on the host can do to a history: change it and make everything inside agree again. The leaves, the
tree and the stored checkpoints are made anew, the last with the agent's own key. Only a checkpoint kept elsewhere shows it.

Shares no code with warder, as verify_store.py, whose reading of the database it turns round."""
import base64
import os
import sqlite3
import subprocess
import tempfile

import verify_store

COLUMNS = "id, time, kind, severity, jail, address, log, at, pattern, attempts, user, message, detail"


def read(path):
    """The events, oldest first, as lists of COLUMNS."""
    db = sqlite3.connect(path)
    rows = [list(row) for row in db.execute(f"SELECT {COLUMNS} FROM event ORDER BY sequence")]
    db.close()
    return rows


def sign(body, name, seed):
    """A signed note (c2sp.org/signed-note) by a 32-byte Ed25519 seed."""
    with tempfile.TemporaryDirectory() as folder:
        key, text = os.path.join(folder, "key"), os.path.join(folder, "text")
        with open(key, "wb") as out:  # PKCS #8 of RFC 8410
            out.write(bytes.fromhex("302e020100300506032b657004220420") + seed)
        with open(text, "wb") as out:
            out.write(body.encode())
        run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True).stdout
        public = run("pkey", "-inform", "DER", "-in", key, "-pubout", "-outform", "DER")[-32:]
        signature = run("pkeyutl", "-sign", "-keyform", "DER", "-inkey", key, "-rawin", "-in", text)
    key_id = verify_store.sha256(name.encode() + b"\n\x01" + public)[:4]
    return f"{body}\n\u2014 {name} {base64.b64encode(key_id + signature).decode()}\n"


def write(path, rows, seed):
    """Makes `rows` the whole history, sound in itself."""
    db = sqlite3.connect(path)
    db.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    origin = db.execute("SELECT value FROM meta WHERE name = 'origin'").fetchone()[0]
    jails = dict(db.execute("SELECT number, name FROM jail"))
    logs = dict(db.execute("SELECT number, name FROM log"))
    sizes = [size for (size,) in db.execute("SELECT size FROM checkpoint ORDER BY size") if size <= len(rows)]
    db.execute("DELETE FROM event")
    db.execute("DELETE FROM checkpoint")
    tree = verify_store.Tree()
    for sequence, row in enumerate(rows):
        (event_id, time, kind, severity, jail, address, log, at, pattern, attempts, user, message, detail) = row
        leaf = verify_store.sha256(b"\x00" + verify_store.entry(
            (sequence, event_id, time, kind, severity, jails.get(jail), address, message, detail, logs.get(log), at,
             pattern, attempts, user)))
        db.execute(f"INSERT INTO event(sequence, {COLUMNS}, leaf) VALUES({','.join('?' * 15)})",
                   (sequence, *row, leaf[:8]))
        tree.add(0, leaf)
        if tree.size in sizes:
            body = f"{origin}\n{tree.size}\n{base64.b64encode(tree.root()).decode()}\n"
            db.execute("INSERT INTO checkpoint VALUES(?, ?, ?)", (tree.size, time, sign(body, origin, seed)))
    db.execute("DELETE FROM event_span")
    db.execute("INSERT INTO event_span SELECT sequence / 1024 * 1024, min(time), max(time) FROM event GROUP BY 1")
    db.execute("UPDATE tree SET size = ?, peaks = ?", (tree.size, b"".join(d for _, d in tree.peaks)))
    db.commit()
    db.close()
