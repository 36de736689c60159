"""The drop-ins that systemd/README.md shows, with the unit they change, judged by systemd: nothing in them is wrong, none opens more
than is said there, and the judge sees what they change. drop_ins_test.py UNITS"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

UNITS = pathlib.Path(sys.argv[1])
# By `systemd-analyze security`; the unit alone is 1.4.
EXPOSURE = {"caddy.conf": 1.4, "vaultwarden.conf": 1.4, "files.conf": 1.8, "processes.conf": 2.0, "fanotify.conf": 2.1}


def judge(folder, name, text):
    """What systemd-analyze says against the unit with this drop-in, and its exposure."""
    place = folder / name
    (place / "warder.service.d").mkdir(parents=True)
    (place / "warder.service.d" / name).write_text(text)
    # The program is not installed where the tests run.
    unit = (UNITS / "warder.service").read_text().replace("/usr/sbin/warder", "/bin/true")
    (place / "warder.service").write_text(unit)
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{place}:", "LC_ALL": "C.UTF-8"}

    def analyze(*words):
        return subprocess.run(["systemd-analyze", *words, place / "warder.service"], capture_output=True, text=True, env=environment)

    said = analyze("verify", "--man=no")
    against = [line for line in (said.stdout + said.stderr).splitlines() if str(place) in line]
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", analyze("security", "--offline=yes", "--no-pager").stdout)
    return against, float(found[1])


def main():
    shown = {name: "\n".join(line[4:] for line in body.splitlines()) + "\n" for name, body in re.findall(
        r"    # /etc/systemd/system/warder\.service\.d/(\S+)\n((?:    .*\n)+)", (UNITS / "README.md").read_text())}
    assert set(shown) == set(EXPOSURE), set(shown) ^ set(EXPOSURE)
    failed = False
    with tempfile.TemporaryDirectory(prefix="warder-drop-ins-") as folder:
        for name, text in shown.items():
            against, exposure = judge(pathlib.Path(folder), name, text)
            print(f"{name}: exposure {exposure}, {EXPOSURE[name]} is stated", *against, sep="\n  ")
            failed |= bool(against) or exposure != EXPOSURE[name]
        # The judge must be able to find something.
        against, exposure = judge(pathlib.Path(folder), "wrong.conf", "[Service]\nSupplementaryGroup=caddy\nNoNewPrivileges=no\n")
        assert any("SupplementaryGroup" in line for line in against) and exposure > 1.4, (against, exposure)
    return failed


if __name__ == "__main__":
    sys.exit(main())
