"""What a process finds around itself when it starts: open files, standard streams, a place for compiled code."""

import atexit
import errno
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

from flowgraphs import output
from gvc.errors import LinkError
from gvc.paths import ROOT

LEAST_FILES = 128
"""A link has some 60 files open, with those of its evaluator's sockets and of GNU Radio's threads."""
WANTED_FILES = 4096
ADVICE = {
    errno.EMFILE: "this process may open no more files: raise the limit, for example `ulimit -n 4096`",
    errno.ENFILE: "the machine may open no more files: close some programs, or raise fs.file-max",
    errno.ENOSPC: "the disk is full: free some, or write elsewhere (--out, TMPDIR)",
    errno.EDQUOT: "the disk quota is used up: free some, or write elsewhere (--out, TMPDIR)",
    errno.EROFS: "the disk is mounted for reading only: write elsewhere (--out, TMPDIR)",
}
"""What to do about errors that can come from anywhere."""


def prepare() -> None:
    """Make them fit for a command. Raises LinkError, saying what to do, where they cannot be."""
    _open_streams()
    _allow_files()
    _find_cache()


def explain(error: OSError) -> str:
    """An operating system's error as a sentence."""
    told = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    advice = ADVICE.get(error.errno or 0)
    return f"{told}\n{advice}" if advice else told


def _open_streams() -> None:
    """Closed standard streams would be the next files to be opened. They become such that give nothing and, for stdout,
    take nothing, so that an error shows where a result cannot be told.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    # Python has None for a stream that was closed when it started.
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    output.watch_stdout()


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft != resource.RLIM_INFINITY and soft < LEAST_FILES:
        raise LinkError(
            f"only {soft} files may be open at once, {LEAST_FILES} are needed: call `ulimit -n 4096` before"
        )


def _find_cache() -> None:
    """numba keeps what it compiles beside the source or in the home folder, and fails where it can write neither."""
    if os.environ.get("NUMBA_CACHE_DIR") or _writable(ROOT / "gvc") or _writable(_user_cache()):
        return
    folder = tempfile.mkdtemp(prefix="gvc-numba-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = folder
    print("gvc: no folder can be written for compiled code, so this call compiles it again; set NUMBA_CACHE_DIR to one "
          "that stays", file=sys.stderr)  # fmt: skip


def _user_cache() -> Path:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # there is no home
        return Path("/nonexistent")


def _writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself can."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
