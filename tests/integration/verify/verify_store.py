#!/usr/bin/env python3
"""Checks a warder history without any of warder's code.

    verify_store.py DATABASE [--key VERIFIER-KEY] [--against FILE]

FILE holds a checkpoint, or the JSON lines of a destination that keeps them.

Standard library only; the openssl program checks Ed25519 signatures. Written from src/store/README.md.
Exit status 0: as it was written, 1: not, 2: the check could not be made.
"""
import argparse
import base64
import hashlib
import json
import os
import sqlite3
import struct
import subprocess
import sys
import tempfile


def sha256(data):
    return hashlib.sha256(data).digest()


def node(left, right):
    return sha256(b"\x01" + left + right)


class Tree:
    """A growing RFC 9162 tree: (level, hash) of its complete subtrees, from the left."""

    def __init__(self):
        self.size = 0
        self.peaks = []

    def add(self, level, digest):
        self.size += 1 << level
        self.peaks.append((level, digest))
        while len(self.peaks) > 1 and self.peaks[-1][0] == self.peaks[-2][0]:
            (level, left), (_, right) = self.peaks[-2:]
            self.peaks[-2:] = [(level + 1, node(left, right))]

    def root(self):
        if not self.peaks:
            return sha256(b"")
        digest = self.peaks[-1][1]
        for _, left in reversed(self.peaks[:-1]):
            digest = node(left, digest)
        return digest


def entry(row):
    (sequence, event_id, time, kind, severity, jail, address, message, detail,
     log, at, pattern, attempts, user) = row
    text = lambda value: (value or "").encode("utf-8", "surrogateescape")
    out = struct.pack(">BQ", 1 if log is None else 2, sequence) + event_id + struct.pack(">qBB", time, kind, severity)
    out += struct.pack(">H", len(text(jail))) + text(jail)
    if address is None:
        out += b"\x00"
    else:
        size = 4 if len(address) < 6 else 16
        length = address[size] if len(address) > size else size * 8
        out += bytes([size]) + address[:size] + bytes([length])
    for part in (text(message), text(detail)):
        out += struct.pack(">I", len(part)) + part
    if log is not None:
        out += struct.pack(">H", len(text(log))) + text(log) + struct.pack(">QII", at, pattern, attempts)
        out += struct.pack(">H", len(text(user))) + text(user)
    return out


def parse_note(note):
    body, _, signatures = note.rpartition("\n\n")
    lines = body.split("\n")
    return body + "\n", lines[0], int(lines[1]), base64.b64decode(lines[2]), signatures


def signature_is_right(note, vkey, own=True):
    """Did this key sign? The log's own is named as its origin, a witness's is not."""
    name, key_id, blob = vkey.split("+", 2)
    key = base64.b64decode(blob)
    assert sha256(name.encode() + b"\n" + key)[:4].hex() == key_id, "the verifier key is damaged"
    body, origin, _, _, signatures = parse_note(note)
    for line in signatures.splitlines():
        _, signer, signature = line.split(" ")
        raw = base64.b64decode(signature)
        if signer != name or (own and origin != name) or raw[:4].hex() != key_id:
            continue
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, part) for part in ("key", "signature", "body")]
            # SubjectPublicKeyInfo of an Ed25519 key: a fixed head (RFC 8410) and 32 bytes.
            spki = bytes.fromhex("302a300506032b6570032100") + key[1:]
            for path, data in zip(paths, (spki, raw[4:], body.encode())):
                with open(path, "wb") as out:
                    out.write(data)
            return subprocess.run(
                ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", paths[0],
                 "-rawin", "-sigfile", paths[1], "-in", paths[2]],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
    return False


def witnesses(text):
    """The notes of a file: one as it is, or those in the JSON lines of a destination."""
    if not text.startswith("{"):
        return [text]
    details = [json.loads(line).get("detail") for line in text.splitlines()]
    return [d["checkpoint"] for d in details if isinstance(d, dict) and "checkpoint" in d]


def check(path, vkey, against=()):
    faults = []
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    size, peaks, pruned = db.execute("SELECT size, peaks, pruned FROM tree").fetchone()
    notes = [note for (note,) in db.execute("SELECT note FROM checkpoint ORDER BY size")]
    notes.extend(against)
    wanted = {}
    for note in notes:
        _, _, note_size, root, _ = parse_note(note)
        if vkey is not None and not signature_is_right(note, vkey):
            faults.append(f"checkpoint at {note_size}: the signature is wrong")
        elif note_size > size:
            faults.append(f"the history ends at {size}, a checkpoint is at {note_size}")
        else:
            wanted.setdefault(note_size, []).append(root)
    tree = Tree()

    def add(level, digest):
        tree.add(level, digest)
        for root in wanted.pop(tree.size, []):
            if root != tree.root():
                faults.append(f"the root at {tree.size} differs from the checkpoint")

    for first, level, digest in db.execute("SELECT first, level, hash FROM pruned ORDER BY first"):
        if first != tree.size:
            faults.append(f"pruned hashes: {first} where {tree.size} belongs")
            return faults
        add(level, digest)
    if tree.size != pruned:
        faults.append(f"pruned hashes end at {tree.size}, not {pruned}")
        return faults
    for row in db.execute(
            "SELECT e.sequence, e.id, e.time, e.kind, e.severity, j.name, e.address, e.message, "
            "e.detail, l.name, e.at, e.pattern, e.attempts, e.user, e.leaf FROM event e "
            "LEFT JOIN jail j ON j.number = e.jail LEFT JOIN log l ON l.number = e.log "
            "ORDER BY e.sequence"):
        if row[0] != tree.size:
            faults.append(f"event {row[0]} where {tree.size} belongs")
            return faults
        leaf = sha256(b"\x00" + entry(row[:-1]))
        if leaf[:8] != row[-1]:
            faults.append(f"event {row[0]} was changed")
        add(0, leaf)
    if tree.size != size:
        faults.append(f"events end at {tree.size}, not {size}")
    if b"".join(digest for _, digest in tree.peaks) != peaks:
        faults.append("the stored tree differs from the events")
    for note_size in wanted:
        faults.append(f"the checkpoint at {note_size} could not be compared")
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("--key")
    parser.add_argument("--against")
    parser.add_argument("--witness", help="verifier key of somebody else who must have signed all of --against")
    arguments = parser.parse_args()
    against = []
    if arguments.against:
        with open(arguments.against, encoding="utf-8") as file:
            against = witnesses(file.read())
    try:
        faults = check(arguments.database, arguments.key, against)
    except (sqlite3.Error, ValueError, AssertionError) as error:
        print(f"verify_store: {error}", file=sys.stderr)
        return 2
    if arguments.witness and not (against and all(signature_is_right(n, arguments.witness, own=False) for n in against)):
        faults.append("a checkpoint lacks the signature of the witness")
    for fault in faults:
        print(fault)
    print("NOT as it was written" if faults else "as it was written")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
