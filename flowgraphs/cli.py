"""The command line `gvc`.

The table below is all that `gvc --help` reads. A command's module is imported when the command is called: it holds a
function (or, for a group, a `typer.Typer`) of the command's name, and imports torch, sionna and gnuradio inside it.
"""

import contextvars
import importlib
import os
import signal
import sys
import traceback
import warnings
from dataclasses import dataclass
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import Abort, TyperException

from flowgraphs import output, surroundings
from gvc import __version__
from gvc.errors import GvcError


@dataclass(frozen=True)
class Entry:
    """One command: what `--help` says of it in a line, and examples that run as they stand."""

    summary: str
    examples: tuple[str, ...]
    target: str  # module:attribute


ENTRIES = {
    "demo": Entry(
        "Send the demo clip over the default radio and write a report.",
        ("gvc demo", "gvc demo --frames 100 --out runs/first"),
        "flowgraphs.commands.demo:demo",
    ),
    "link": Entry(
        "Run the whole chain, camera to evaluator, in one flowgraph.",
        (
            "gvc link --clip bikes.mp4 --frames 50",
            "gvc link --clip bikes.mp4 --radio sim-awgn --set channel.snr_db=5 --set video.size=256x256 --json -",
        ),
        "flowgraphs.commands.link:link",
    ),
    "report": Entry(
        "Write the report of a run.",
        ("gvc report runs/first",),
        "flowgraphs.commands.report:report",
    ),
    "tx": Entry(
        "Encode a clip and write the samples that the antenna sends.",
        ("gvc tx bikes.mp4 --radio sim-awgn -o clip.cf32 --frames 25",),
        "flowgraphs.commands.tx:tx",
    ),
    "rx": Entry(
        "Receive frames from recorded samples.",
        ("gvc rx clip.cf32 --radio sim-awgn -o received",),
        "flowgraphs.commands.rx:rx",
    ),
    "score": Entry(
        "Measure the networks alone on a folder of pictures, at symbol level.",
        ("gvc score --images photos --channel rayleigh --snr-db 0,5,10 --cbr 1/48 --arms A,A+,control,C,D",),
        "flowgraphs.commands.score:score",
    ),
    "sweep": Entry(
        "Compute many points over clips, channels, SNR, rates, arms and seeds; resumable.",
        ("gvc sweep benchmarks/sweeps/smoke.yaml --out runs/smoke",),
        "flowgraphs.commands.sweep:sweep",
    ),
    "bank": Entry(
        "Record noise maps and errors of the real receiver, for training.",
        ("gvc bank --radio sim-tdl-c-900ns -o bank.safetensors",),
        "flowgraphs.commands.bank:bank",
    ),
    "models": Entry(
        "List, verify or train the neural networks.",
        ("gvc models list", "gvc models verify", "gvc models train jscc --help"),
        "flowgraphs.commands.models:models",
    ),
    "radios": Entry(
        "List the radio files, or check one.",
        ("gvc radios list", "gvc radios check sim-awgn"),
        "flowgraphs.commands.radios:radios",
    ),
    "content": Entry(
        "List or fetch clips, weights of metrics, and pretrained networks.",
        ("gvc content list", "gvc content fetch judges"),
        "flowgraphs.commands.content:content",
    ),
    "bench": Entry(
        "Say where the time goes.",
        ("gvc bench link",),
        "flowgraphs.commands.bench:bench",
    ),
}


class DeferredCommand(TyperCommand):
    """Stands for a command in the listing and becomes the real one when its arguments are parsed."""

    def __init__(self, name: str, entry: Entry):
        super().__init__(name, help=entry.summary, short_help=entry.summary)
        self.entry = entry

    def load(self):
        """The real command, its module imported, its examples appended to its help."""
        module_name, _, attribute = self.entry.target.partition(":")
        loaded = getattr(importlib.import_module(module_name), attribute)
        command: Any
        if isinstance(loaded, typer.Typer):
            command = typer.main.get_group(loaded)
        else:
            single = typer.Typer(add_completion=False, rich_markup_mode="rich")
            single.command(self.name)(loaded)
            command = typer.main.get_command(single)
        command.name = self.name
        command.help = command.help or self.entry.summary
        command.epilog = "[bold]Examples[/bold]\n\n" + "\n\n".join(self.entry.examples)
        return command

    def make_context(self, info_name, args, parent=None, **extra):
        return self.load().make_context(info_name, args, parent=parent, **extra)


class DeferredGroup(TyperGroup):
    """The commands of `ENTRIES`."""

    def __init__(self, **options):
        super().__init__(**options)
        self.commands = {name: DeferredCommand(name, entry) for name, entry in ENTRIES.items()}


INTERRUPTED = 130
app = typer.Typer(cls=DeferredGroup, name="gvc", rich_markup_mode="rich", no_args_is_help=True)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"gvc {__version__}")
        raise typer.Exit()


@app.callback(epilog="Exit codes: 0 done, 1 failed while running, 2 bad arguments or input, 130 interrupted.")
def gvc(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback when something fails."),
) -> None:
    """Send real video over a real waveform, a simulated or real channel and a neural receiver.

    Results go to stdout, progress to stderr; with [bold]--json -[/bold] stdout holds exactly one JSON object.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit the process: 0, 1 (failed), 2 (bad input) or 130 (interrupted)."""
    try:
        surroundings.prepare()
    except GvcError as error:
        sys.exit(_fail(str(error), error.exit_code, False))
    # A limit set later, by torch.set_num_threads, does not reach GNU Radio's block threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    signal.signal(signal.SIGTERM, _interrupt)
    warnings.formatwarning = lambda message, *_: f"gvc: {message}\n"
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def _interrupt(number: int, frame: object) -> None:
    """Ask to end as Ctrl-C does, so that helpers are stopped and drafts removed."""
    raise KeyboardInterrupt


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; every failure is told on stderr in a line or two.

    A reader of stdout that has gone, such as `head`, ends it with 1 and without a word.
    """
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    # What a command allows, as --allow-code does, holds for this call.
    code = contextvars.copy_context().run(_call, arguments, debug)
    lost = output.lost()
    if lost is None:
        return code
    return _fail(lost, 1, debug) if lost else 1


def _call(arguments: list[str], debug: bool) -> int:
    try:
        if output.wants_json(arguments):
            output.reserve_stdout()
        code = app(arguments, prog_name="gvc", standalone_mode=False)
        # typer turns an interrupt into this code, without a word
        if code == INTERRUPTED:
            return _fail("interrupted", INTERRUPTED, debug)
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, Abort):
        return _fail("interrupted", INTERRUPTED, debug)
    except GvcError as error:
        return _fail(str(error), error.exit_code, debug)
    except TyperException as error:
        from typer.rich_utils import rich_format_error

        rich_format_error(cast(Any, error))  # typed with a private base class of the same
        return error.exit_code
    except SystemExit as error:  # rich's answer to a reader that has gone
        return error.code if isinstance(error.code, int) else 1
    except OSError as error:
        # One of stdout is told by `run`.
        return 1 if output.is_lost() else _fail(surroundings.explain(error), 1, debug)
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        return _fail(f"unexpected {told}\nrun again as `gvc --debug ...` for the traceback", 1, debug)


def _fail(message: str, code: int, debug: bool) -> int:
    if debug and sys.exc_info()[0]:
        traceback.print_exc()
    print(f"gvc: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
