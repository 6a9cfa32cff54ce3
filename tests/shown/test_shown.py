"""Every command that a page shows runs, in its small form; a command that no rule covers fails."""

import importlib.util
import re
from collections.abc import Callable, Iterator

import pytest

from flowgraphs import cli
from tests.shown import commands
from tests.shown.commands import HELP, Command, Page, of_docstring, of_markdown
from tests.shown.place import Place, Server, writes
from tests.shown.small import RULES, essence, rule, runs, small

OF_LAUNCHER = ("setup", "test", "check", "gnuradio-companion", "grcc")
PAGES = {page.name: page for page in commands.pages()}
SHOWN = [command for page in PAGES.values() for command in page.commands]


def distinct() -> list[Command]:
    """Commands to run: one of those that come to the same in their small form, rather one whose output others read."""
    alike: dict[tuple, Command] = {}
    for command in (command for command in SHOWN if runs(command) and rule(command)):
        # a file of the reader's own makes two pages' commands differ
        own = [PAGES[command.page].files[word] for word in named(command) if word in PAGES[command.page].files]
        key = (essence(command), *own)
        alike[key] = max(alike.get(key, command), command, key=lambda one: bool(writes(one)))
    return list(alike.values())


def named(command: Command) -> list[str]:
    """Files that the words of a command name, a module as its file."""
    parts = [part for word in command.words for part in (word, word.partition("=")[2])]
    return [*(part.removeprefix("./") for part in parts), *(f"{part.partition(':')[0]}.py" for part in parts)]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.close()


@pytest.fixture(scope="session")
def place(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Page], Place]:
    """The folder of a page."""
    places: dict[str, Place] = {}

    def of(page: Page) -> Place:
        if page.name not in places:
            places[page.name] = Place(page, tmp_path_factory.mktemp("page"), server)
        return places[page.name]

    return of


@pytest.mark.gr
@pytest.mark.parametrize(
    "command",
    [pytest.param(command, id=f"{command.page}: {command.text[:70]}") for command in distinct()],
)
def test_runs(command: Command, place: Callable[[Page], Place]) -> None:
    where = place(PAGES[command.page])
    done = where.result(command)
    assert done.code == 0, f"{' '.join(small(command))}\n{done.told}"
    assert "Traceback" not in done.told, done.told
    assert re.search(rule(command)[1].tells, done.told)
    written = [where.folder / name for name in writes(command) if not name.startswith("/")]
    assert all(path.exists() for path in written), written


def test_every_command_has_a_rule() -> None:
    without = [f"{c.page}: {c.text}" for c in SHOWN if runs(c) and rule(c) is None]
    assert without == [], "add a small form to tests/shown/small.py"


def test_every_rule_is_of_a_command() -> None:
    used = {found[0] for command in SHOWN if (found := rule(command))}
    known = {"--help", *cli.ENTRIES}
    assert [key for key in RULES if key not in used and (key.split()[0] != "gvc" or key.split()[1] in known)] == []


@pytest.mark.parametrize("name", cli.ENTRIES)
def test_every_command_of_gvc_has_an_example_that_runs(name: str) -> None:
    of_help = [command for command in PAGES[HELP].commands if command.words[1] == name]
    assert any(map(runs, of_help))


def test_what_is_mentioned_exists() -> None:
    for command in SHOWN:
        if not command.mention or "..." in command.words:
            continue
        program, first, *rest = command.words
        if program == "python":
            assert rest[0] == "benchmarks.NAME" or importlib.util.find_spec(rest[0]), command.text
        else:
            assert first in {*cli.ENTRIES, "COMMAND", *OF_LAUNCHER}, command.text


PAGE = """
Text with `gvc demo` and `gvc link --frames 3`, broken `python -m
benchmarks.link --frames 100`, and `--preset small`.

`mine.py`:

```python
import gvc
```

```sh
A=1 gvc tx a.mp4 -o x  # says why
unheard --of
gvc rx x \\
  -o y
```

```
noise -> channel
python -m benchmarks.new --draws 3
```
"""


def test_commands_are_found_on_a_page() -> None:
    page = of_markdown("page", PAGE)
    assert [(command.text, command.mention) for command in page.commands] == [
        ("A=1 gvc tx a.mp4 -o x", False),
        ("unheard --of", False),
        ("gvc rx x -o y", False),
        ("python -m benchmarks.new --draws 3", False),
        ("gvc demo", True),
        ("gvc link --frames 3", False),
        ("python -m benchmarks.link --frames 100", False),
    ]
    assert page.files == {"mine.py": "import gvc\n\n\n"}
    assert [command.text for command in page.commands if not command.mention and rule(command) is None] == [
        "unheard --of",
        "python -m benchmarks.new --draws 3",
    ]


def test_commands_are_found_in_a_docstring() -> None:
    text = "Draws.\n\n    python -m benchmarks.draw [--size 3]\n\nSee `python -m benchmarks.link --paced`."
    assert [command.text for command in of_docstring("d", text).commands] == [
        "python -m benchmarks.draw --size 3",
        "python -m benchmarks.link --paced",
    ]


def test_the_same_small_form_runs_once() -> None:
    page = of_markdown(
        "p", "`gvc link --frames 9 --out a` `gvc link --frames 8 --set video.size=8x8` `gvc link --report`"
    )
    first, second, third = map(essence, page.commands)
    assert first == second != third
