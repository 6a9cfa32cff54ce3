"""Where shown commands run: a folder with what the pages name, and the process that runs one after the other."""

import json
import os
import re
import selectors
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from pyarrow import compute, parquet

from gvc import seeds
from gvc.content.clips import find_clip
from tests.shown.commands import ROOT, Command, Page, parse
from tests.shown.small import rule, runs, small

OUTPUTS = {"-o": "out", "--out": "out", "--json": "json"}


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code and everything that it printed."""

    code: int
    told: str


class Server:
    """The process of tests/shown/server.py, started anew after a command that hung."""

    def __init__(self) -> None:
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.shown.server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def run(self, words: list[str], folder: Path, environment: dict[str, str], deadline_s: float) -> Done:
        """Run a Python program in the process; past the deadline the process is killed, and the code is 124."""
        process, log = self.process, folder / ".told"
        asked = {"words": words, "folder": str(folder), "environment": environment, "log": str(log)}
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            answer = process.stdout.readline() if ready.select(deadline_s) else ""
        told = log.read_text(errors="replace") if log.exists() else ""
        if not answer:
            code = 124 if process.poll() is None else process.returncode
            self.close()
            self.process = self._start()
            return Done(code, told)
        return Done(json.loads(answer)["code"], told)

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


@dataclass
class Place:
    """The folder of one page: each command runs here once, in its small form, after those whose output it reads."""

    page: Page
    folder: Path
    server: Server
    done: dict[Command, Done] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, content in self.page.files.items():
            (self.folder / name).write_text(content)

    def result(self, command: Command) -> Done:
        """The outcome of a command of the page."""
        if command not in self.done:
            reads = self._reads(command)
            for earlier in self.page.commands[: self.page.commands.index(command)]:
                if runs(earlier) and writes(earlier) & reads:
                    self.result(earlier)
            self._provide(command)
            self.done[command] = self._run(command)
        return self.done[command]

    def _reads(self, command: Command) -> set[str]:
        """Every word that may name a file, those of the page's own scripts included."""
        words = set(small(command)) - writes(command)
        for word in command.words:
            words |= set(re.findall(r'"([\w./-]+)"', self.page.files.get(word, "")))
        return words | {word.replace(".sigmf-meta", ".sigmf-data") for word in words}

    def _provide(self, command: Command) -> None:
        """Make what the command reads and no command of the page has written."""
        for name in sorted(self._reads(command) - writes(command)):
            path = self.folder / name
            if name.startswith(("-", "/", ".")) or path.exists():
                continue
            if name in MADE:
                MADE[name](self, path)
            elif "/" in name and (ROOT / name).exists():
                copy(ROOT / name, path)
        for name in writes(command):
            if (ROOT / name).parent.is_dir():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        if "--resume" in command.words:
            network = next(word for word in NETWORKS if word in " ".join(command.words))
            if not (self.folder / "trained" / network).exists():
                copy(ROOT / "models" / network / "weights" / "small", self.folder / "trained" / network)
        if command.words[:2] == ("gvc", "report") and not (self.folder / command.words[2]).exists():
            self.help(f"gvc link --clip bikes.mp4 --out {command.words[2]}")

    def help(self, text: str) -> None:
        """Run another command for its output."""
        helper = parse(self.page.name, text)
        done = self._run(helper)
        assert done.code == 0, done.told

    def _run(self, command: Command) -> Done:
        words = [self._expand(word) for word in small(command)]
        environment = self._environment(command)
        if rule(command)[1].apart:
            return apart(words, self.folder, environment)
        return self.server.run(words, self.folder, environment, deadline_s=100)

    def _environment(self, command: Command) -> dict[str, str]:
        """What the page has exported before the command, and what is before it on its line."""
        commands = self.page.commands
        before = commands[: commands.index(command)] if command in commands else []
        exported = [word.partition("=") for line in before if line.words[0] == "export" for word in line.words[1:]]
        environment = {name: self._expand(value) for name, _, value in exported} | dict(command.environment)
        path = environment.get("PYTHONPATH", "")
        # `python -m benchmarks.NAME` is for the repository's folder
        return environment | {"PYTHONPATH": f"{path}:{ROOT}" if path else str(ROOT)}

    def _expand(self, word: str) -> str:
        word = word.replace("REPOSITORY", str(ROOT)).replace("$PWD", str(self.folder))
        return word.removeprefix("/shared/")


def writes(command: Command) -> set[str]:
    """The files and folders that a command's small form is told to write."""
    words = small(command)
    named = {OUTPUTS[option]: word for option, word in zip(words, words[1:], strict=False) if option in OUTPUTS}
    dumps = {word.partition("=")[2] for word in words if word.startswith("dump.")}
    # what grcc writes is named in the file
    return (set(named.values()) | dumps | ({"link.py"} if words[0] == "grcc" else set())) - {"-"}


def apart(words: list[str], folder: Path, environment: dict[str, str]) -> Done:
    """Run a program in a process of its own, the launcher as a newcomer calls it."""
    if words[0] == "./testbed":
        words = [str(ROOT / "testbed"), *words[1:]]
        if not is_set_up():
            if words[1] == "setup":
                return Done(0, "not set up by the launcher")
            module = ["pytest"] if words[1] == "test" else ["flowgraphs.cli", words[1]]
            words, folder = [sys.executable, "-P", "-m", *module, *words[2:]], ROOT if words[1] == "test" else folder
    if words[0] == "python":
        words = [sys.executable, *words[1:]]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(words, cwd=folder, env={**os.environ, "PATH": path, **environment}, timeout=110, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)  # fmt: skip
    return Done(done.returncode, done.stdout)


def is_set_up() -> bool:
    """Whether ./testbed would start at once: its own question, asked of its own text."""
    head = (ROOT / "testbed").read_text().split("\ncase ")[0]
    head = re.sub(r"^root=.*$", f"root={shlex.quote(str(ROOT))}", head, flags=re.MULTILINE)
    return subprocess.run(["bash", "-c", f"{head}\nis_set_up"], check=False).returncode == 0


def photos(place: Place, folder: Path) -> None:
    """Three smooth pictures, one of them held out."""
    folder.mkdir()
    for name, side in (("a", 176), ("b", 256), ("held", 256)):
        picture(name, side).save(folder / f"{name}.png")
    (folder / "validation.txt").write_text("held.png\n")


def published(place: Place, folder: Path) -> None:
    """Pictures under the names of the published examples of LPIPS and DISTS."""
    folder.mkdir()
    for name in ("ex_ref", "ex_p0", "ex_p1", "dists_r0", "dists_r1"):
        picture(name).save(folder / f"{name}.png")


def picture(name: str, side: int = 176) -> Image.Image:
    """A smooth picture, another for each name."""
    coarse = seeds.stream(4, name).integers(0, 255, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def clips(place: Place, folder: Path) -> None:
    """Two of the demo clips."""
    folder.mkdir()
    for name in ("bikes.mp4", "carphone_pristine.mp4"):
        shutil.copy(find_clip(name), folder / name)


def book(place: Place, folder: Path) -> None:
    """The first seeds of the results book's tables, and a small sweep to compute."""
    for part in ("data", "sweeps"):
        (folder / part).mkdir(parents=True)
    for path in (ROOT / "docs" / "results" / "data").glob("*.parquet"):
        table = parquet.read_table(path)
        parquet.write_table(table.filter(compute.field("seed") <= 2), folder / "data" / path.name)
    sweep(place, folder / "sweeps" / "tiny.yaml")


def sweep(place: Place, path: Path) -> None:
    """A sweep of one point."""
    path.write_text(
        "name: tiny\npoint: link\ngrid: {snr_db: [10]}\nseeds: {min: 1}\n"
        "fixed: {clip: bikes.mp4, radio: sim-awgn, frames: 2, size: 64x64, cbr: 1/48, model.preset: small,\n"
        "        arms: [jscc]}\n"
    )


def copy(source: Path, target: Path) -> None:
    """Copy a file or folder of the repository; a sweep with one cell, one seed and few pictures."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
        return
    shutil.copy(source, target)
    if source.suffix == ".yaml" and "point: link" in source.read_text():
        content = yaml.safe_load(source.read_text())
        content["fixed"] |= {"frames": 2, "size": "64x64", "model.preset": "small", "segment.frames": 2}
        content["grid"] = {key: values[-1:] for key, values in content["grid"].items()}
        content["seeds"] = {"min": 1}
        target.write_text(yaml.safe_dump(content))


NETWORKS = ("jscc", "cddm", "channel_estimator")
MADE = {
    "photos": photos,
    "photos/": photos,
    "clips": clips,
    "clips/": clips,
    "PICTURES": published,
    "FOLDER": published,
    "book": book,
    "big.yaml": sweep,
    "bank.safetensors": lambda place, path: place.help("gvc bank -o bank.safetensors"),
    "clip.cf32": lambda place, path: place.help("gvc tx bikes.mp4 --radio sim-awgn -o clip.cf32"),
    "ablation.json": lambda place, path: place.help("gvc score --arms A+,control,D --snr-db 0,10 --json ablation.json"),
}
"""What the pages speak of and leave to the reader, by its name on them."""
