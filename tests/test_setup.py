"""The launcher with stand-ins for Python, pip, apt-get and sudo."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.test_content import archive, digest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = "bash awk cat chmod cp cut dirname env flock grep mkdir mktemp mv readlink rm sed sha256sum sleep sort tail tr"

# Plays the system's Python and, copied into .venv, the environment's. $STAGE holds what it knows and writes.
PYTHON = r"""#!/usr/bin/env bash
echo "$*" >>"$STAGE/calls"
case "$*" in
    *'sys.version_info < (3, 11)'*) [[ ! -e $STAGE/old-python ]] ;;
    --version) echo "Python 3.9.2" ;;
    *'import numpy; from gnuradio'*)
        if [[ -e $STAGE/other-numpy ]]; then echo "ImportError: numpy.core.multiarray failed to import"; exit 1; fi
        if [[ -e $STAGE/numpy-2 ]]; then echo "numpy 2.2.4"; else echo "numpy 1.24.2"; fi ;;
    *'import gnuradio'*) [[ -e $STAGE/gnuradio ]] ;;
    *'import ensurepip'*) exit 0 ;;
    *base_prefix* | *sys.prefix*) echo "/usr 3 11" ;;
    '-c import pip') exit 0 ;;
    *'-m venv'*)
        for folder; do :; done
        mkdir -p "$folder/bin" && cp "$0" "$folder/bin/python"
        echo 'include-system-site-packages = true' >"$folder/pyvenv.cfg" ;;
    *'-m pip install'*) [[ ! -e $STAGE/pip ]] || . "$STAGE/pip" ;;
    *gvc.content*) mkdir -p .content && echo '{}' >.content/manifest.json ;;
    *Gtk*) [[ -e $STAGE/gtk ]] ;;
    *m.requires*) [[ -e $STAGE/cuda ]] ;;
    *m.version*) exit 1 ;;
    *'import click'*) [[ ! -e $STAGE/bare ]] ;;
    *'-m ruff'* | *'-m mypy'*) echo "ran $*"; [[ ! -e $STAGE/faulty || $* != *"$(<"$STAGE/faulty")"* ]] ;;
    *flowgraphs.cli* | *pytest* | *grcc* | *companion*)
        echo "ran $* threads=$OMP_NUM_THREADS blocks=$GRC_BLOCKS_PATH in=$PWD" ;;
esac
"""


class Stage:
    """A copy of the launcher in a folder of its own, with a PATH that holds stand-ins only."""

    def __init__(self, folder: Path):
        self.tree, self.bin = folder / "tree", folder / "bin"
        (self.tree / "gvc/content").mkdir(parents=True)
        self.bin.mkdir()
        for name in TOOLS.split():
            (self.bin / name).symlink_to(shutil.which(name))
        self.tool("python3", PYTHON)
        self.tool("df", "#!/usr/bin/env bash\necho header; echo x x x ${FREE_KIB:-99000000} x x")
        self.tool("id", "#!/usr/bin/env bash\necho ${FAKE_UID:-0}")
        for name in ("pyproject.toml", "gvc/content/catalogue.py"):
            shutil.copy(ROOT / name, self.tree / name)
        shutil.copytree(ROOT / "requirements", self.tree / "requirements")
        launcher = (ROOT / "testbed").read_text().replace("/usr/bin/python3", str(self.bin / "python3"))
        (self.tree / "testbed").write_text(launcher)
        (self.tree / "testbed").chmod(0o755)
        self.know("gnuradio")

    def tool(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def know(self, name: str, text: str = "") -> None:
        (self.tree.parent / name).write_text(text)

    def forget(self, name: str) -> None:
        (self.tree.parent / name).unlink()

    def environment(self, **extra: str) -> dict[str, str]:
        return {"PATH": str(self.bin), "STAGE": str(self.tree.parent), "HOME": "/nowhere", **extra}

    def run(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """The launcher, called from the folder above its own."""
        command = [str(self.tree / "testbed"), *arguments]
        given = {"env": self.environment(**extra), "cwd": self.tree.parent, "stdin": subprocess.DEVNULL}
        return subprocess.run(command, **given, capture_output=True, text=True, timeout=60)

    def calls(self, word: str) -> list[str]:
        log = self.tree.parent / "calls"
        return [line for line in log.read_text().splitlines() if word in line] if log.exists() else []

    @property
    def complete(self) -> bool:
        return (self.tree / ".venv/gvc-setup.stamp").exists()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_first_call_sets_up_and_the_second_starts_at_once(stage: Stage) -> None:
    first = stage.run("link", "--clip", "a b.mp4")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("ran -P -m flowgraphs.cli link --clip a b.mp4 threads=1")
    assert f"blocks={stage.tree}/gvc_blocks/grc" in first.stdout
    assert first.stdout.endswith(f"in={stage.tree.parent}\n"), "where the command was given"
    installs = stage.calls("pip install")
    assert [sorted(Path(word).stem for word in call.split() if word.endswith(".txt")) for call in installs] == [
        ["common", "numpy-1", "sionna"], ["torch"], [],
    ]  # fmt: skip
    assert all("--require-hashes --only-binary=:all: --no-deps" in call for call in installs[:-1])
    assert installs[-1].endswith("--no-deps --no-build-isolation --editable .")
    began = time.monotonic()
    second = stage.run("link", OMP_NUM_THREADS="3")
    assert time.monotonic() - began < 3
    assert (second.returncode, second.stderr) == (0, "")
    assert "threads=3" in second.stdout
    assert stage.calls("pip install") == installs


def test_a_changed_pin_sets_up_again(stage: Stage) -> None:
    stage.run("setup")
    installs = len(stage.calls("pip install"))
    with (stage.tree / "requirements/sionna.txt").open("a") as file:
        file.write("\nsomething==1.0\n")
    assert stage.run("setup").returncode == 0
    assert len(stage.calls("pip install")) == 2 * installs
    assert len(stage.calls("-m venv")) == 1


def test_lost_content_is_fetched_again(stage: Stage) -> None:
    stage.run("setup")
    shutil.rmtree(stage.tree / ".content")
    assert stage.run("setup").returncode == 0
    assert len(stage.calls("gvc.content")) == 2


def test_no_network_is_said_and_the_next_call_goes_on(stage: Stage) -> None:
    stage.know("pip", "echo 'NewConnectionError: Temporary failure in name resolution' >&2; exit 1")
    failed = stage.run("demo")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "no network" in failed.stderr and "call again" in failed.stderr
    assert not stage.complete
    stage.forget("pip")
    assert "ran -P -m flowgraphs.cli demo" in stage.run("demo").stdout
    assert len(stage.calls("-m venv")) == 1


@pytest.mark.parametrize(
    ("pip_says", "told"),
    [
        ("Max retries exceeded: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "PIP_CERT"),
        ("ERROR: No matching distribution found for torch==2.13.0", "https://example.org/cpu"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("error: something else", "| error: something else"),
    ],
)
def test_why_pip_failed_is_said(stage: Stage, pip_says: str, told: str) -> None:
    stage.know("pip", f"echo '{pip_says}' >&2; exit 1")
    failed = stage.run("setup", GVC_TORCH_INDEX="https://example.org/cpu")
    assert failed.returncode == 1 and told in failed.stderr


def test_too_little_disk_is_said_before_anything_is_done(stage: Stage) -> None:
    failed = stage.run("setup", FREE_KIB="900000")
    assert failed.returncode == 1 and "878 MiB free" in failed.stderr


def test_an_old_python_is_refused(stage: Stage) -> None:
    stage.know("old-python")
    failed = stage.run("setup")
    assert failed.returncode == 1
    assert "older than Python 3.11" in failed.stderr and "Debian 12" in failed.stderr


def test_a_gnuradio_of_the_other_numpy_is_named(stage: Stage) -> None:
    stage.know("other-numpy")
    failed = stage.run("setup")
    assert failed.returncode == 1
    assert "built for another numpy" in failed.stderr


def test_numpy_is_that_of_gnuradio(stage: Stage) -> None:
    stage.know("numpy-2")
    stage.run("setup")
    assert any("requirements/numpy-2.txt" in call for call in stage.calls("pip install"))
    assert not stage.calls("numpy-1.txt")


def test_cuda_is_installed_for_a_torch_that_asks_for_it(stage: Stage) -> None:
    stage.know("cuda")
    stage.run("setup")
    assert len(stage.calls("requirements/cuda.txt")) == 1


def test_what_a_bare_gnuradio_has_not_brought_is_installed(stage: Stage) -> None:
    stage.know("bare")
    stage.run("setup")
    assert "requirements/system.txt" in stage.calls("pip install")[0]


@pytest.mark.parametrize("altered", [False, True])
def test_an_altered_package_is_refused(stage: Stage, tmp_path: Path, altered: bool) -> None:
    """Real pip, with an index in a folder; what it serves under the right name and version is another file."""
    wheel = tmp_path / "shelf/thing-1.0-py3-none-any.whl"
    about = {
        "thing-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
        "thing-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\n",
        "thing-1.0.dist-info/RECORD": b"",
    }
    archive(wheel.parent, {"thing.py": b"", **about}, wheel.name)
    for name in ("numpy-1", "sionna"):
        (stage.tree / f"requirements/{name}.txt").write_text("")
    (stage.tree / "requirements/common.txt").write_text(f"thing==1.0 --hash=sha256:{digest(wheel.read_bytes())}\n")
    if altered:
        with zipfile.ZipFile(wheel, "a") as file:
            file.writestr("more.py", "")
    options = f"--isolated --no-index --find-links {wheel.parent} --target {tmp_path}/there"
    stage.know("pip", f'[[ $* != *common.txt* ]] || exec {sys.executable} "$@" {options}')
    done = stage.run("setup")
    came = (tmp_path / "there/thing.py").exists()
    assert (done.returncode, came) == ((1, False) if altered else (0, True)), done.stderr
    assert not altered or "thing==1.0 is not the published file (SHA-256)" in done.stderr


def test_only_missing_debian_packages_are_installed(stage: Stage) -> None:
    stage.forget("gnuradio")
    stage.tool(
        "apt-get",
        '#!/usr/bin/env bash\necho "apt-get $*" >>"$STAGE/calls"\n[[ $* != *install* ]] || : >"$STAGE/gnuradio"',
    )
    done = stage.run("setup")
    assert done.returncode == 0, done.stderr
    install = stage.calls("apt-get")[-1]
    assert "install -y --no-install-recommends gnuradio" in install
    assert "python3-venv" not in install


def test_packages_come_with_sudo_when_not_root(stage: Stage) -> None:
    stage.forget("gnuradio")
    stage.tool("apt-get", '#!/usr/bin/env bash\n[[ $* != *install* ]] || : >"$STAGE/gnuradio"')
    stage.tool("sudo", '#!/usr/bin/env bash\necho "sudo $*" >>"$STAGE/calls"\n[[ $1 == -n ]] || "$@"')
    assert stage.run("setup", FAKE_UID="1000").returncode == 0
    assert any("apt-get" in call for call in stage.calls("sudo"))


@pytest.mark.parametrize("sudo", [None, "#!/usr/bin/env bash\nexit 1"])
def test_neither_root_nor_sudo_says_what_an_administrator_runs(stage: Stage, sudo: str | None) -> None:
    stage.forget("gnuradio")
    stage.tool("apt-get", "#!/usr/bin/env bash\nexit 0")
    if sudo:
        stage.tool("sudo", sudo)
    failed = stage.run("setup", FAKE_UID="1000")
    assert failed.returncode == 1
    assert "apt-get install --no-install-recommends gnuradio" in failed.stderr


def test_apt_without_network(stage: Stage) -> None:
    stage.forget("gnuradio")
    stage.tool("apt-get", "#!/usr/bin/env bash\necho 'E: Could not resolve deb.debian.org'; exit 100")
    failed = stage.run("setup")
    assert failed.returncode == 1 and "no network" in failed.stderr


def test_another_system_without_gnuradio(stage: Stage) -> None:
    stage.forget("gnuradio")
    failed = stage.run("setup")
    assert failed.returncode == 1 and "no Debian or Ubuntu" in failed.stderr


def test_the_torch_index_serves_torch_alone(stage: Stage) -> None:
    stage.run("setup", GVC_TORCH_INDEX="https://example.org/cpu")
    assert [call.split()[-1] for call in stage.calls("--index-url https://example.org/cpu")] == ["torch==2.13.0"]
    assert not stage.calls("requirements/torch.txt") and not stage.calls("requirements/cuda.txt")


def test_half_unpacked_packages_are_installed_again(stage: Stage) -> None:
    stage.know("pip", "exit 1")
    stage.run("setup")
    packages = stage.tree / ".venv/lib/python3.11/site-packages"
    for name, whole in (("half-1.0.dist-info", False), ("whole-1.0.dist-info", True)):
        (packages / name).mkdir(parents=True)
        if whole:
            (packages / name / "RECORD").touch()
    stage.forget("pip")
    assert stage.run("setup").returncode == 0
    assert [path.name for path in packages.iterdir()] == ["whole-1.0.dist-info"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_pip_too_and_the_next_call_goes_on(stage: Stage, number: signal.Signals) -> None:
    stage.know("pip", 'echo $$ >"$STAGE/pid"; exec sleep 50')
    # As from a script's background job, which ignores SIGINT and can be stopped by SIGTERM all the same.
    background = (lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) if number == signal.SIGTERM else None
    command = [str(stage.tree / "testbed"), "setup"]
    launcher = subprocess.Popen(
        command, env=stage.environment(), stderr=subprocess.PIPE, text=True, preexec_fn=background
    )
    pid = stage.tree.parent / "pid"
    deadline = time.monotonic() + 20
    while not (pid.exists() and pid.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.05)
    launcher.send_signal(number)
    _, told = launcher.communicate(timeout=20)
    assert launcher.returncode == 130 and "set-up goes on" in told
    time.sleep(0.3)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert not stage.complete
    stage.forget("pip")
    assert stage.run("setup").returncode == 0


def test_test_runs_pytest_and_slow_lifts_the_filter(stage: Stage) -> None:
    two = "ran -m pytest -n 2 --no-loadscope-reorder"
    assert f"{two} -k word" in stage.run("test", "-k", "word").stdout
    assert f"{two} -m  tests/phy" in stage.run("test", "--slow", "tests/phy").stdout


def test_check_runs_all_its_tools_and_fails_when_one_does(stage: Stage) -> None:
    told = ["ran -m ruff check", "ran -m ruff format --check", "ran -m mypy"]
    good = stage.run("check")
    assert (good.returncode, good.stdout.splitlines()) == (0, told)
    stage.know("faulty", "ruff check")
    bad = stage.run("check")
    assert (bad.returncode, bad.stdout.splitlines()) == (1, told)


def test_gnuradios_programs_run_in_the_environment(stage: Stage) -> None:
    missing = stage.run("grcc", "--help")
    assert missing.returncode == 1 and "no grcc here" in missing.stderr
    stage.tool("grcc", "")
    done = stage.run("grcc", "-o", "a b")
    assert done.stdout.startswith(f"ran {stage.bin}/grcc -o a b threads=1 blocks={stage.tree}/gvc_blocks/grc")
    stage.tool("gnuradio-companion", "")
    assert "apt-get install gir1.2-gtk-3.0" in stage.run("gnuradio-companion").stderr
    stage.know("gtk")
    assert stage.run("gnuradio-companion", "x.grc").stdout.startswith(f"ran {stage.bin}/gnuradio-companion x.grc")


def test_help_sets_nothing_up(stage: Stage) -> None:
    for arguments in ([], ["--help"]):
        done = stage.run(*arguments)
        assert done.returncode == 0 and "./testbed demo" in done.stdout
    assert not (stage.tree / ".venv").exists()
