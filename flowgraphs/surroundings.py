"""What a process finds around itself when it starts: open files, standard streams, a home."""

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
    _find_home()


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


def _find_home() -> None:
    """GNU Radio, numba and matplotlib keep settings and compiled code in the home folder; GNU Radio insists on it."""
    try:
        home = Path.home()
    except RuntimeError:
        home = Path("/nonexistent")
    if _writable(home):
        return
    folder = tempfile.mkdtemp(prefix="gvc-home-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["HOME"] = folder
    told = f"gvc: the home folder {home} cannot be written: {folder} stands in for it until this call ends (see HOME)"
    print(told, file=sys.stderr)


def _writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself can."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
