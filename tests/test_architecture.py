"""The laws of the house: imports go down only, no GNU Radio below the blocks, light training, short files."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("gvc", "models", "gvc_blocks", "flowgraphs")
RADIO = {"gnuradio", "pmt"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# import name -> name on PyPI, where they differ
DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "imageio_ffmpeg": "imageio-ffmpeg",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
# GNU Radio comes from the distribution; Sionna from `testbed`, against its declared numpy.
NOT_IN_PYPROJECT = RADIO | {"sionna"}
TRAINING_NEEDS = {"torch", "numpy", "PIL", "safetensors"}


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in files_below(folder) if path.suffix == ".py"]


def files_below(folder: str) -> list[Path]:
    files = sorted((ROOT / folder).rglob("*"))
    return [path for path in files if path.is_file() and "__pycache__" not in path.parts]


def imports(path: Path) -> Iterator[str]:
    """Top-level names of everything that a file imports, also inside functions and by `importlib.import_module`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            if node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value).split(".")[0]


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_go_down_only(floor: str) -> None:
    above = set(FLOORS[FLOORS.index(floor) + 1 :]) | {"tests", "benchmarks"}
    broken = [(str(path.relative_to(ROOT)), name) for path in sources(floor) for name in imports(path) if name in above]
    assert broken == []


def test_no_gnuradio_below_the_blocks() -> None:
    broken = [str(path.relative_to(ROOT)) for path in sources("gvc", "models") if RADIO & set(imports(path))]
    assert broken == []


def test_every_third_party_import_is_declared() -> None:
    declared = {re.split(r"[<>=!~ ]", line)[0].lower() for line in PROJECT["project"]["dependencies"]}
    own = {*FLOORS, "benchmarks"}
    used = {name for path in sources(*own) for name in imports(path)} - sys.stdlib_module_names - own - NOT_IN_PYPROJECT
    assert {DISTRIBUTIONS.get(name, name).lower() for name in used} - declared == set()


def pinned() -> dict[str, list[Requirement]]:
    """The requirements of each file, each a version and its hashes."""
    found = {}
    for path in (ROOT / "requirements").glob("*.txt"):
        text = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#"))
        entries = text.replace("\\\n", " ").split("\n")
        found[path.stem] = [Requirement(entry.split(" --hash")[0].strip()) for entry in entries if entry]
        assert all(re.fullmatch(r"\S+==[\w.]+ +(--hash=sha256:[0-9a-f]{64} *)+", entry) for entry in entries if entry)
    return found


def test_every_dependency_is_pinned_once_by_version_and_hash() -> None:
    files = pinned()
    versions = {file: {canonicalize_name(pin.name): pin for pin in pins} for file, pins in files.items()}
    once = [name for file, pins in versions.items() if file != "numpy-2" for name in pins]
    assert len(once) == len(set(once)) and versions["numpy-1"].keys() == versions["numpy-2"].keys()
    wanted = map(Requirement, PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"])
    for need in wanted:
        pins = [
            pins[canonicalize_name(need.name)] for pins in versions.values() if canonicalize_name(need.name) in pins
        ]
        assert pins and all(need.specifier.contains(str(pin.specifier).removeprefix("==")) for pin in pins), need


def test_what_pinned_packages_need_is_pinned() -> None:
    """As set-up lets pip resolve nothing."""
    pins = {canonicalize_name(pin.name) for pins in pinned().values() for pin in pins}
    for name in pins:
        try:
            needs = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:
            continue  # CUDA's, where torch is a CPU build
        needs = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
        assert {canonicalize_name(need.name) for need in needs} <= pins, name


def test_packages_are_complete() -> None:
    """setuptools takes folders with an __init__.py, and only the data that pyproject names."""
    without = {path.parent for path in sources(*FLOORS) if not (path.parent / "__init__.py").exists()}
    assert without == set()
    globs = PROJECT["tool"]["setuptools"]["package-data"]["*"] + ["*.py", "*.pyc"]
    files = [path for folder in (*FLOORS, "hw_configs") for path in files_below(folder)]
    left_out = [str(path.relative_to(ROOT)) for path in files if not any(fnmatch(path.name, glob) for glob in globs)]
    assert left_out == []


def test_nothing_is_unpickled_but_by_the_restricted_reader() -> None:
    unsafe = re.compile(r"\b(torch\.load|pickle\.loads?|yaml\.load|np\.load\(.*allow_pickle=True)\b")
    assert [str(path.relative_to(ROOT)) for path in sources(*FLOORS) if unsafe.search(path.read_text())] == []


def run_blocked(blocked: set[str], code: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a process where importing any of the top-level names `blocked` fails."""
    blocker = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"blocked: {{name}}", name=name)
sys.meta_path.insert(0, Blocker())
"""
    return subprocess.run([sys.executable, "-c", blocker + code], cwd=ROOT, capture_output=True, text=True, timeout=100)


def test_training_needs_torch_numpy_pillow_and_safetensors_alone() -> None:
    others = {name for path in sources(*FLOORS) for name in imports(path)} - sys.stdlib_module_names - set(FLOORS)
    evaluated = """
import torch, gvc, models.jscc.train, models.cddm.train
from models.arms import Places
from models.ablation.score import score_arms
rows = score_arms({"p": torch.zeros(3, 32, 32, dtype=torch.uint8)}, ["A+", "C"], Places("small"))
assert {row["arm"] for row in rows} == {"A+", "C"}
"""
    done = run_blocked(others - TRAINING_NEEDS, evaluated)
    assert done.returncode == 0, done.stderr


def test_commands_that_run_no_flowgraph_need_no_gnuradio(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), (90, 120, 40)).save(tmp_path / "one.png")
    score = ["score", "--images", str(tmp_path), "--channel", "awgn", "--snr-db", "10"]
    commands = [
        [*score, "--json", str(tmp_path / "score.json")],
        ["radios", "list"],
        ["radios", "check", "sim-tdl-c-900ns"],
        ["content", "list"],
        ["models", "list"],
        ["models", "verify"],
        ["bank", "--help"],
        ["bench", "--help"],
        ["link", "--help"],
    ]
    code = f"""
from flowgraphs.cli import run
for command in {commands!r}:
    assert run(command) == 0, command
assert not {RADIO!r} & set(sys.modules)
"""
    done = run_blocked(RADIO, code)
    assert done.returncode == 0, done.stderr
