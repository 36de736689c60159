"""A vault's audit log read by warder, jq and CrowdSec: the same file, whole processes, by processor time.

    python3 tests/bench/audit/peers.py build/release/tests/bench/audit/bench_audit [--rounds N]

warder judges with all its filters for that log at once. jq takes four fields out of each line, CrowdSec five and compares them with five
scenarios: both do less. CrowdSec is Debian's package, not installed but unpacked into a temporary folder; it gets a configuration,
a database and an API on loopback of its own, no account of its makers', and reads the file once (-dsn). What it takes for its start,
with an empty file, is taken off."""
import argparse
import json
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys
import tempfile

JQ = 'select(.type == "response") | [.request.operation, .request.path, .request.remote_address, .error] | @tsv'

PARSER = """onsuccess: next_stage
filter: "evt.Line.Labels.type == 'vault-audit'"
name: bench/vault-audit
statics:
  - meta: log_type
    value: vault-audit
  - meta: source_ip
    expression: JsonExtract(evt.Line.Raw, "request.remote_address")
  - meta: path
    expression: JsonExtract(evt.Line.Raw, "request.path")
  - meta: operation
    expression: JsonExtract(evt.Line.Raw, "request.operation")
  - meta: policies
    expression: JsonExtract(evt.Line.Raw, "auth.policies")
  - target: evt.StrTime
    expression: JsonExtract(evt.Line.Raw, "time")
"""
DATES = """filter: "evt.StrTime != ''"
name: bench/dates
statics:
  - method: ParseDate
    expression: evt.StrTime
  - target: MarshaledTime
    expression: evt.Enriched.MarshaledTime
"""
CONDITIONS = {
    "root": 'evt.Meta.policies contains "root"',
    "policies": 'evt.Meta.path startsWith "sys/policies/" && evt.Meta.operation in ["update", "delete", "create"]',
    "audit-devices": 'evt.Meta.path startsWith "sys/audit/" && evt.Meta.operation in ["update", "delete"]',
    "seal": 'evt.Meta.path == "sys/seal"',
    "raw": 'evt.Meta.path startsWith "sys/raw"',
}


def processor_time(words, **how):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{words[0]}: status {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout + done.stderr


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class CrowdSec:
    def __init__(self, folder):
        self.folder = folder
        self.program = shutil.which("crowdsec")
        self.tool = shutil.which("cscli")
        self.share = pathlib.Path("/usr/share/crowdsec")
        if self.program is None:
            subprocess.run(["apt-get", "download", "crowdsec"], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            subprocess.run(["dpkg", "-x", next(folder.glob("crowdsec_*.deb")), folder / "root"], check=True)
            self.program, self.tool = folder / "root/usr/bin/crowdsec", folder / "root/usr/bin/cscli"
        self.configure()

    def configure(self):
        folder, port = self.folder, free_port()
        for name in ("parsers/s00-raw", "parsers/s01-parse", "parsers/s02-enrich", "scenarios", "postoverflows", "data", "hub",
                     "notifications", "plugins", "patterns", "collections"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "parsers/s00-raw/vault.yaml").write_text(PARSER)
        (folder / "parsers/s02-enrich/dates.yaml").write_text(DATES)
        for name, condition in CONDITIONS.items():
            (folder / f"scenarios/{name}.yaml").write_text(
                f"type: trigger\nname: bench/{name}\ndescription: {name}\nfilter: '{condition}'\ngroupby: evt.Meta.source_ip\nlabels:\n"
                "  remediation: false\n")
        (folder / "hub/.index.json").write_text(json.dumps({kind: {} for kind in ("parsers", "scenarios", "postoverflows", "collections")}))
        (folder / "simulation.yaml").write_text("simulation: false\n")
        (folder / "profiles.yaml").write_text("name: none\nfilters:\n - 'false'\ndecisions:\n - type: ban\n   duration: 1h\non_success: break\n")
        (folder / "acquis.yaml").write_text("")
        (folder / "client.yaml").write_text(f"url: http://127.0.0.1:{port}\nlogin: bench\npassword: bench-password\n")
        (folder / "config.yaml").write_text(json.dumps({
            "common": {"daemonize": False, "log_media": "stdout", "log_level": "info", "working_dir": str(folder)},
            "config_paths": {"config_dir": str(folder), "data_dir": str(folder / "data"), "simulation_path": str(folder / "simulation.yaml"),
                             "hub_dir": str(folder / "hub"), "index_path": str(folder / "hub/.index.json"),
                             "notification_dir": str(folder / "notifications"), "plugin_dir": str(folder / "plugins")},
            "crowdsec_service": {"acquisition_path": str(folder / "acquis.yaml"), "parser_routines": 1},
            "cscli": {"output": "raw"},
            "db_config": {"type": "sqlite", "db_path": str(folder / "data/crowdsec.db"), "log_level": "error"},
            "api": {"client": {"credentials_path": str(folder / "client.yaml")},
                    "server": {"listen_uri": f"127.0.0.1:{port}", "profiles_path": str(folder / "profiles.yaml"), "log_level": "error"}},
            "prometheus": {"enabled": False}}))
        subprocess.run([self.tool, "-c", folder / "config.yaml", "machines", "add", "bench", "--password", "bench-password", "--force",
                        "-f", folder / "client.yaml", "-u", f"http://127.0.0.1:{port}"], check=True, stdout=subprocess.DEVNULL)

    def read(self, file):
        return processor_time([self.program, "-c", self.folder / "config.yaml", "-dsn", f"file://{file}", "-type", "vault-audit"],
                              cwd=self.folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="warder-audit-bench-") as name:
        folder = pathlib.Path(name)
        log, none = folder / "audit.log", folder / "none.log"
        subprocess.run([words.bench, "--write", log], check=True)
        none.write_text("")
        # One that each must find, at the very end: CrowdSec has read all of it if it tells of that.
        with open(log, "r+") as file:
            usual = file.readline()
            file.seek(0, os.SEEK_END)
            file.write(usual.replace("secret/data/web/0", "sys/seal"))
        with open(log, "rb") as file:
            lines = sum(1 for _ in file)
        print(f"{lines} lines, {os.path.getsize(log) / lines:.0f} bytes each; lines/s by processor time, best of {words.rounds}")
        ours = max((float(processor_time([words.bench, log])[1].split(" lines/s")[0].split()[-1]) for _ in range(words.rounds)))
        print(f"warder    {ours:12,.0f}")
        jq = min(processor_time(["jq", "-r", JQ, log])[0] for _ in range(words.rounds))
        print(f"jq        {lines / jq:12,.0f}")
        crowdsec = CrowdSec(folder)
        start = min(crowdsec.read(none)[0] for _ in range(words.rounds))
        runs = [crowdsec.read(log) for _ in range(words.rounds)]
        for _, said in runs:
            if said.count("performed 'bench/seal'") != 1:
                sys.exit(f"CrowdSec has not read the file to its end:\n{said[-3000:]}")
        spent = min(time for time, _ in runs) - start
        print(f"CrowdSec  {lines / spent:12,.0f}    (its start, {start:.2f} s, taken off)")


if __name__ == "__main__":
    main()
