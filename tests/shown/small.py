"""The small form of every shown command: what is added to its words, by the words that it begins with.

Of an option given twice the last counts, so what a page shows is parsed, and then runs on two frames of 64x64 pixels.
A command that no rule covers fails a test: add its rule here, or the reason why no machine can run it.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.shown.commands import Command

FRAMES = "--frames 2"
PICTURE = "--set video.size=64x64 --set model.preset=small"
CHEAP = "--metrics psnr_db"
PHOTOS = "--images photos --preset small"
TRAIN = (
    "--images photos --validation photos/validation.txt --preset small --minutes 0.02 --crop 32 --batch 2 --threads 1"
)

ENGINES = "tests/sweep/test_engines.py starts scheduler and workers by the dask command"
SHIPPED = "--shipped"  # no test writes over shipped weights


@dataclass(frozen=True)
class Rule:
    """`added` to the words of a command, `without` some; run `apart`, in a process of its own; or a `reason` not
    to run it.
    """

    added: str = ""
    without: str = ""
    apart: bool = False
    reason: str = ""
    tells: str = ""  # a pattern in what it prints


RULES = {
    "gvc --help": Rule(),
    "gvc demo": Rule(f"{FRAMES} {PICTURE} {CHEAP}", tells="report: .*index.html"),
    "gvc link": Rule(f"{FRAMES} {PICTURE} {CHEAP} --pace none"),
    "gvc tx": Rule(f"{FRAMES} {PICTURE}"),
    "gvc rx": Rule(PICTURE),
    "gvc report": Rule(),
    "gvc score": Rule(f"{PHOTOS} --channel awgn --snr-db 10 --cbr 1/48"),
    "gvc score --arms *,P": Rule("--images photos --only photos/validation.txt --channel awgn"),
    "gvc sweep": Rule("--workers 1"),
    "gvc sweep * --out * --engine slurm": Rule("--workers 1 --job cluster=local"),
    "gvc sweep * --out * --engine dask --scheduler": Rule(reason=f"needs other machines; {ENGINES}"),
    "gvc bank": Rule("--frames 2 --size 64x64"),
    "gvc content": Rule(),
    "gvc content fetch": Rule(reason="downloads; tests/test_content.py fetches made-up packages"),
    "gvc models train jscc": Rule(f"{TRAIN} --out trained/jscc", SHIPPED),
    "gvc models train cddm": Rule(f"{TRAIN} --out trained/cddm", SHIPPED),
    "gvc models train channel_estimator": Rule("--minutes 0.02 --out trained/channel_estimator", SHIPPED),
    "gvc models": Rule(),
    "gvc radios": Rule(),
    "gvc bench link": Rule("-- --frames 2 --size 64x64 --set model.preset=small"),
    "gvc bench link --": Rule("--frames 2 --size 64x64 --set model.preset=small"),
    "./testbed demo": Rule(f"{FRAMES} {PICTURE} {CHEAP}", apart=True, tells="report: .*index.html"),
    "./testbed test": Rule("-n 0 -q tests/phy/test_numerology.py", apart=True, tells="passed"),
    "./testbed setup": Rule(apart=True),
    "./testbed check": Rule(reason="CI's first step"),
    "python -m gvc.evaluation.service.evaluator": Rule(
        reason="runs until a stream ends; tests/evaluation/ starts it so"
    ),
    "python -m models.jscc.train": Rule(f"{TRAIN} --out trained/jscc", SHIPPED),
    "python -m models.cddm.train": Rule(f"{TRAIN} --out trained/cddm", SHIPPED),
    "python -m models.channel_estimator.train": Rule("--minutes 0.02 --out trained/channel_estimator", SHIPPED),
    "python -m models.restoration.train": Rule(f"{TRAIN} --out trained/restoration", SHIPPED),
    "python -m models.restoration.statistics": Rule(
        "--images photos --validation photos/validation.txt --out classes.safetensors"
    ),
    "python -m models.cddm.measure_gate": Rule("--preset small --frames 1 --draws 1 --out trained/cddm"),
    "python -m benchmarks.ablation_figure": Rule(),
    "python -m benchmarks.blocks": Rule("--repeats 1 --only LDPC"),
    "python -m benchmarks.burst_time": Rule("--bursts 2 --size 64x64 --radios sim-awgn"),
    "python -m benchmarks.book_cell": Rule("--seeds 1 --sweep main-analogue"),
    "python -m benchmarks.channel": Rule("--samples 10000 --repeats 1"),
    "python -m benchmarks.codecs": Rule("--clips carphone_pristine.mp4 --budgets 2000 --frames 2 --size 64"),
    "python -m benchmarks.evaluation": Rule("--size 64x64 --frames 1"),
    "python -m benchmarks.evidence": Rule(tells="rows hold the figures"),
    "python -m benchmarks.front_end": Rule("--bursts 2 --repeats 1 --rounds 1"),
    "python -m benchmarks.gaussian_sampling": Rule("--blocks 10"),
    "python -m benchmarks.genie_psnr": Rule("--draws 1 --preset small"),
    "python -m benchmarks.judges": Rule("--frames 2 --size 64 --budgets 400"),
    "python -m benchmarks.ldpc": Rule("--errors 2 --targets 0.1 --k 256 --mcs qpsk-1_2"),
    "python -m benchmarks.linear_ground": Rule(
        "--images photos --list photos/validation.txt --cbr 1/24 --channel awgn --snr-db 10 --restore small"
    ),
    "python -m benchmarks.link": Rule("--frames 2 --size 64x64 --set model.preset=small"),
    "python -m benchmarks.mcs_table": Rule("--snr-db 6:6:1 --draws 1 --slots 2 --out table.json"),
    "python -m benchmarks.message_transport": Rule("--repeats 1"),
    "python -m benchmarks.mismatch": Rule("--preset small --count 1"),
    "python -m benchmarks.online": Rule("--photos 2 --tests 1 --frames 4 --other small --changes none,encoder"),
    "python -m benchmarks.phy_ageing": Rule("--draws 1 --snr-db 10 --speeds-mps 3"),
    "python -m benchmarks.phy_bounds": Rule("--draws 1 --snr-db 10"),
    "python -m benchmarks.phy_calibration": Rule("--draws 1 --snr-db 10"),
    "python -m benchmarks.phy_disturbed": Rule("--draws 1 --snr-db 10 --channels awgn --only tone"),
    "python -m benchmarks.phy_detection": Rule("--bursts 2 --noise-samples 1e4"),
    "python -m benchmarks.phy_genie": Rule("--draws 1"),
    "python -m benchmarks.receiver_speed": Rule("--size 64x64 --preset small --frames 3"),
    "python -m benchmarks.results_book": Rule("--run --book book --shards runs/book --workers 1"),
    "python -m benchmarks.side_information": Rule("--draws 2"),
    "python -m benchmarks.softcast": Rule("--clips bikes.mp4 --snr-db 10 --frames 2 --size 64"),
    "python -m benchmarks.sweep": Rule("--points 4 --busy 2 --engines local --workers 1"),
    "python -m benchmarks.waterfalls": Rule("--mcs qpsk-1_2 --k 256 --errors 1 --most 4"),
    "python *.py": Rule(),
    "python link.py": Rule("--frames 1 --clip carphone_pristine.mp4", apart=True),
    "python with_eraser.py": Rule(tells="3 frames"),
    "grcc": Rule(apart=True),
    "dask": Rule(reason=f"needs other machines; {ENGINES}"),
}


def rule(command: Command) -> tuple[str, Rule] | None:
    """The rule that shares the most words with the start of `command`, and its key."""

    def fits(key: str) -> bool:
        patterns = key.split()
        words = command.words[: len(patterns)]
        return len(words) == len(patterns) and all(map(fnmatchcase, words, patterns))

    fitting = [key for key in RULES if fits(key)]
    best = max(fitting, key=len, default=None)
    return None if best is None else (best, RULES[best])


def runs(command: Command) -> bool:
    """Whether a test runs a command: not what is only mentioned, or sets a variable, or has a reason against it."""
    found = rule(command)
    return not command.mention and command.words[0] != "export" and not (found and found[1].reason)


def small(command: Command) -> tuple[str, ...]:
    """The words of a command's small form."""
    found = rule(command)
    if found is None:
        raise LookupError(f"no rule in tests/shown/small.py for `{command.text}` of {command.page}")
    if "--help" in command.words:
        return command.words
    kept = (word for word in command.words if word not in found[1].without.split())
    return (*kept, *found[1].added.split())


def essence(command: Command) -> tuple[str, ...]:
    """What tells a small form from another: options that the rule sets, and places of output, left out."""
    found = rule(command)
    added = found[1].added.split() if found else []
    pairs = zip(["", *added], added, strict=False)
    given = {word.partition("=")[0] if before == "--set" else word for before, word in pairs}
    kept: list[str] = []
    words = iter(command.words)
    for word in words:
        if word in ("-o", "--out", "--json") or (word.startswith("--") and word != "--set" and word in given):
            next(words, None)
        elif word == "--set":
            setting = next(words, "")
            kept += [] if setting.partition("=")[0] in given else [word, setting]
        else:
            kept.append(word)
    return (*(f"{name}={value}" for name, value in command.environment), *kept, *added)
