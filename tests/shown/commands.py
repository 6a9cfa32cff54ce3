"""Every command that a page shows: Markdown, examples of `--help`, docstrings, and each benchmark by its name.

A fenced block in `sh` or `bash` holds commands, line by line; elsewhere a line or a `code span` is one where it starts
with a program of ours. A span that names a command and no more, or has an ellipsis, mentions it: that it exists is all
there is to check.
"""

import ast
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import evidence
from flowgraphs import cli

ROOT = Path(__file__).resolve().parents[2]
HELP, BENCHMARKS = "gvc --help", "benchmarks"
OURS = re.compile(r"(?:[A-Z_]+=\S+ )*(?:gvc|python -m|\./testbed) ")
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"`([\w.-]+\.(?:py|yaml))`:\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)
TITLED = re.compile(r"^```(?:python|yaml)\n# ([\w.-]+\.(?:py|yaml))\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """One command as a page shows it."""

    page: str
    words: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    mention: bool = False

    @property
    def text(self) -> str:
        """The command in one line."""
        return " ".join([*(f"{name}={value}" for name, value in self.environment), *self.words])


@dataclass
class Page:
    """One page: its commands in their order, and the files that it has the reader write."""

    name: str
    commands: list[Command] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def parse(page: str, text: str, span: bool = False) -> Command | None:
    """The command in `text`; None for an empty line or a comment. `span`: it stands within a sentence."""
    words = shlex.split(re.sub(r"\[(-[^]]*)]", r"\1", " ".join(text.split())), comments=True)
    environment = []
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name, _, value = words.pop(0).partition("=")
        environment.append((name, value))
    if not words:
        return None
    bare = all(re.fullmatch(r"[a-z_][a-z_-]*", word) for word in words[1:])
    of_models = words[:2] == ["python", "-m"] and len(words) == 3 and not words[2].startswith("benchmarks.")
    open_ended = {"...", "COMMAND", "benchmarks.NAME"} & set(words)
    mention = bool(open_ended) or (span and (bare or of_models))
    return Command(page, tuple(words), tuple(environment), mention)


def of_markdown(name: str, text: str) -> Page:
    """The commands and files of a page in Markdown."""
    page = Page(name)
    for language, block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if language in ("sh", "bash") or (not language and OURS.match(line.strip())):
                page.commands.append(parse(name, line))
    page.commands += _spans(name, FENCE.sub("", text))
    page.commands = [command for command in page.commands if command]
    for file, content in [*NAMED.findall(text), *TITLED.findall(text)]:
        page.files[file] = page.files.get(file, "") + content + "\n\n"
    return page


def _spans(name: str, text: str) -> list[Command]:
    spans = (" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text))
    return [parse(name, span, span=True) for span in spans if OURS.match(span)]


def of_docstring(name: str, text: str) -> Page:
    """The commands of a module's docstring: in lines of their own, and in spans."""
    lines = [line for line in text.replace("\\\n", " ").splitlines() if OURS.match(line.strip())]
    return Page(name, [*(parse(name, line) for line in lines), *_spans(name, text)])


def pages() -> list[Page]:
    """Every page that shows a command."""
    found = [Page(HELP, [parse(HELP, text) for entry in cli.ENTRIES.values() for text in entry.examples])]
    for pattern in ("*.md", "docs/*.md", "docs/results/README.md", "hw_configs/README.md", "models/*/CARD.md"):
        # The page of evidence repeats what the others show.
        for path in sorted(set(ROOT.glob(pattern)) - {evidence.PAGE}):
            found.append(of_markdown(str(path.relative_to(ROOT)), path.read_text()))
    for folder in ("flowgraphs", "benchmarks", "models"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = ast.get_docstring(ast.parse(path.read_text())) or ""
            found.append(of_docstring(str(path.relative_to(ROOT)), text))
    shown = {word for page in found for command in page.commands if not command.mention for word in command.words}
    modules = [f"benchmarks.{path.stem}" for path in sorted((ROOT / "benchmarks").glob("*.py")) if runs(path)]
    found.append(Page(BENCHMARKS, [Command(BENCHMARKS, ("python", "-m", m)) for m in modules if m not in shown]))
    return [page for page in found if page.commands]


def runs(path: Path) -> bool:
    """Whether a module is a program."""
    return "\ndef main()" in path.read_text()
