"""Write the SHA-256 of every wheel that set-up may install behind the versions in the files beside this one.

    python requirements/pin.py            # all files
    python requirements/pin.py common.txt # these alone

Change a version in a file, then call this. Names, comments and order stay; the hashes are those that the index gives
for each Python and machine in `TARGETS`. Needs the network, and pip 24 or newer, which reads no whole wheel for this.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
# Python -> glibc 2.x of the distribution that has it; wheels for an older one are among those that pip may choose.
TARGETS = {"3.11": 36, "3.12": 39, "3.13": 41}
MACHINES = ("x86_64", "aarch64")
# numpy 1 has no wheels for Python 3.13, and no distribution has both.
PYTHONS = {"numpy-1.txt": ("3.11", "3.12")}
# Beside those of the index, by name.
ALSO = {"torch": {"6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"}}  # 2.13.0+cpu, cp311, x86_64
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[\w.]+) *\\?$")


def main(names: list[str]) -> int:
    """Rewrite the files named, all of them by default; returns the exit code."""
    for path in [FOLDER / name for name in names] or sorted(FOLDER.glob("*.txt")):
        lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("--hash=")]
        pins = [match for match in map(PIN.match, lines) if match]
        hashes = published([(pin["name"], pin["version"]) for pin in pins], PYTHONS.get(path.name, tuple(TARGETS)))
        path.write_text("\n".join(part for line in lines for part in hashed(line, hashes)) + "\n")
        print(f"{path.name}: {len(pins)} packages, {sum(map(len, hashes.values()))} files")
    return 0


def hashed(line: str, hashes: dict[str, set[str]]) -> list[str]:
    """A line of a requirements file and, behind a pin, the lines of its hashes."""
    pin = PIN.match(line)
    if not pin:
        return [line]
    options = [f"    --hash=sha256:{digest}" for digest in sorted(hashes[canonical(pin["name"])])]
    return " \\\n".join([line.rstrip(" \\"), *options]).splitlines()


def published(pins: list[tuple[str, str]], pythons: tuple[str, ...]) -> dict[str, set[str]]:
    """SHA-256 of the wheels that pip would install of each (name, version), by canonical name."""
    found = {canonical(name): set(ALSO.get(canonical(name), ())) for name, _ in pins}
    for python in pythons:
        for machine in MACHINES:
            for name, digest in chosen(pins, python, machine):
                found[canonical(name)].add(digest)
    return found


def chosen(pins: list[tuple[str, str]], python: str, machine: str) -> list[tuple[str, str]]:
    """(name, SHA-256) of what pip would install for a Python on a machine, by its own report."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(TARGETS[python], 4, -1)]
    platforms += [f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}", f"linux_{machine}"]
    with tempfile.TemporaryDirectory() as folder:
        wanted, report = Path(folder, "wanted.txt"), Path(folder, "report.json")
        wanted.write_text("".join(f"{name}=={version}\n" for name, version in pins))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
        command += ["--only-binary=:all:", "--target", folder, "--report", str(report), "--requirement", str(wanted)]
        command += ["--python-version", python, *(f"--platform={platform}" for platform in platforms)]
        # The index alone: no other folder or index that this machine's settings name.
        foreign = ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT")
        settings = {key: value for key, value in os.environ.items() if key not in foreign}
        subprocess.run(command, check=True, env={**settings, "PIP_CONFIG_FILE": os.devnull})
        installed = json.loads(report.read_text())["install"]
    return [(one["metadata"]["name"], one["download_info"]["archive_info"]["hashes"]["sha256"]) for one in installed]


def canonical(name: str) -> str:
    """A package's name as the index writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
