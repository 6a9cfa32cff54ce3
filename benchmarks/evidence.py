"""Which command printed the figures of each section: `docs/evidence.md` beside README, pages and cards.

Prints what is wrong: a section with figures and no row, a row whose section or command is gone, figures that are not
those that the row was written for, weights that have changed since. With `--write`, rows are given the figures that
their sections have now and the weights that are shipped now: run their commands first.

A figure is a number with a unit of measurement, or with a decimal point in a table, outside code.
"""

import argparse
import dataclasses
import hashlib
import importlib.util
import re
import shlex
import sys
from pathlib import Path

from flowgraphs import cli
from models import weights

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/evidence.md"
SETTINGS = "(settings)"
"""Stands for a command where a section's numbers are chosen, not measured."""
_HEAD = "| figures of | command | configuration | commit | weights | figures |"
_UNITS = r"dB|%|s|ms|µs|us|Msps|fps|frames/s|Mbit/s|MB|MiB|GB|GMAC|hours|minutes"
_MEASURED = re.compile(rf"[-+]?\d[\d,]*(?:\.\d+)?(?:\s?(?:{_UNITS})(?![\w/]))")
_DECIMAL = re.compile(r"[-+]?\d+\.\d+")


@dataclasses.dataclass
class EvidenceRow:
    """`section`: page#anchor; weights: folder@digest, in order; figures: 'number digest' of a section's figures."""

    section: str
    commands: list[str]
    configuration: str
    commit: str
    weights: str
    figures: str

    def line(self) -> str:
        """The row in the page's table."""
        page, _, anchor = self.section.partition("#")
        link = page.removeprefix("docs/") if page.startswith("docs/") else f"../{page}"
        commands = "; ".join(word if word == SETTINGS else f"`{word}`" for word in self.commands)
        about = f"{self.configuration} | {self.commit} | {self.weights} | {self.figures}"
        return f"| [{self.section}]({link}#{anchor}) | {commands} | {about} |"


def pages() -> list[Path]:
    """What is held: README, docs and model cards."""
    cards = sorted(ROOT.glob("models/*/CARD.md"))
    return [ROOT / "README.md", *sorted(p for p in ROOT.glob("docs/**/*.md") if p != PAGE), *cards]


def sections() -> dict[str, str]:
    """page#anchor -> 'number digest' of its figures, of every section that has any; anchors as GitHub makes them."""
    found = {}
    for page in pages():
        for anchor, text in _split(page.read_text()).items():
            figures = _figures(text)
            if figures:
                digest = hashlib.sha256("\n".join(figures).encode()).hexdigest()
                found[f"{page.relative_to(ROOT)}#{anchor}"] = f"{len(figures)} {digest[:8]}"
    return found


def rows() -> list[EvidenceRow]:
    """The table of the page. Raises ValueError for a line of it that is none."""
    lines = PAGE.read_text().splitlines()
    found = []
    for line in lines[lines.index(_HEAD) + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        link = re.match(r"\[(.*?)\]\(.*?\)$", cells[0])
        if len(cells) != 6 or link is None:
            raise ValueError(f"{PAGE.name}: a row has six cells, the first a link: {line}")
        commands = re.findall(r"`([^`]+)`", cells[1]) or [cells[1]]
        found.append(EvidenceRow(link[1], commands, *cells[2:]))
    return found


def digest(folder: str) -> str:
    """Eight digits of the hash of the weights in network/preset, such as jscc/default."""
    network, _, preset = folder.partition("/")
    return weights.digest(weights.folder(network, preset).glob("*.safetensors"))[:8]


def faults(found: list[EvidenceRow]) -> list[str]:
    """What does not hold, a sentence each."""
    now = sections()
    named = {row.section for row in found}
    wrong = [f"{name}: {figures.split()[0]} figures and no row" for name, figures in now.items() if name not in named]
    for row in found:
        if row.section not in now:
            wrong.append(f"{row.section}: no such section with figures")
        elif row.figures != now[row.section]:
            wrong.append(f"{row.section}: its figures changed; run its command again, then benchmarks.evidence --write")
        if row.commands != [SETTINGS]:
            wrong += [f"{row.section}: {word}: no such command" for word in row.commands if not _runs(word)]
            if not re.fullmatch(r"[0-9a-f]{7}( and before)?", row.commit):
                wrong.append(f"{row.section}: the commit is seven digits, perhaps with 'and before': {row.commit}")
        for used in re.findall(r"(?<!before )(?<!\S)(\S+/\S+)@(\w+)", row.weights):
            if digest(used[0]) != used[1]:
                wrong.append(f"{row.section}: weights {used[0]} have changed: measure anew, or say 'before' there")
    return wrong


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true", help="the page's rows with figures and weights as they are")
    found = rows()
    if options.parse_args().write:
        now = sections()
        for row in found:
            row.figures = now.get(row.section, row.figures)
            row.weights = re.sub(r"(?<!before )(?<!\S)(\S+/\S+)@\w+", lambda m: f"{m[1]}@{digest(m[1])}", row.weights)
        lines = PAGE.read_text().splitlines()
        start = lines.index(_HEAD) + 2
        PAGE.write_text("\n".join(lines[:start] + [row.line() for row in found] + lines[start + len(found) :]) + "\n")
    wrong = faults(found)
    print("\n".join(wrong) or f"{len(found)} rows hold the figures of {len(sections())} sections")
    sys.exit(bool(wrong))


def _split(text: str) -> dict[str, str]:
    """Anchor -> text up to the next heading, of a Markdown page; code blocks are left out."""
    text = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    parts = re.split(r"^#+ +(.*)$", text, flags=re.MULTILINE)
    names = [re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in parts[1::2]]
    return dict(zip(names, parts[2::2], strict=True))


def _figures(text: str) -> list[str]:
    text = re.sub(r"`[^`]*`", "", text)
    found = []
    for line in text.splitlines():
        found += _MEASURED.findall(line) + (_DECIMAL.findall(line) if line.lstrip().startswith("|") else [])
    return found


def _runs(command: str) -> bool:
    words = shlex.split(command)
    if words[:2] == ["python", "-m"]:
        return importlib.util.find_spec(words[2]) is not None
    return words[0] in ("gvc", "./testbed") and words[1] in [*cli.ENTRIES, "setup"]


if __name__ == "__main__":
    main()
