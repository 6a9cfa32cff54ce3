"""A process that runs one shown command after the other, so that torch and GNU Radio are imported once.

Reads requests from stdin and answers each on stdout, a line of JSON each: `words`, `folder`, `environment`, `log`; then
`code`. What a command prints goes to the file `log`. Between two commands everything that one may leave is put back:
folder, environment, path, modules of its folder.
"""

import gc
import importlib
import json
import os
import runpy
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def execute(words: list[str]) -> int:
    """Run one command in this process and return its exit code."""
    from flowgraphs import cli

    try:
        match words:
            case ["gvc", *arguments]:
                cli.main(arguments)
            case ["python", "-m", module, *arguments]:
                sys.argv = [module, *arguments]
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            case ["python", script, *arguments]:
                sys.argv = [script, *arguments]
                sys.path.insert(0, str(Path(script).resolve().parent))
                runpy.run_path(script, run_name="__main__")
            case _:
                raise ValueError(f"{words[0]} is no Python program")
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
            return 1
        return ended.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


@contextmanager
def as_called(folder: Path, environment: dict[str, str], log: Path) -> Iterator[None]:
    """The folder, environment, path and output of a process of its own."""
    import torch

    from flowgraphs import output

    before = dict(os.environ), list(sys.path), list(sys.argv), torch.get_num_threads()
    os.chdir(folder)
    os.environ.update(environment)
    sys.path[:0] = [str((folder / part).resolve()) for part in environment.get("PYTHONPATH", "").split(":") if part]
    importlib.invalidate_caches()
    streams = [os.dup(1), os.dup(2)]
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, kept in enumerate(streams, start=1):
            os.dup2(kept, number)
            os.close(kept)
        output._reserved = None
        os.environ.clear()
        os.environ.update(before[0])
        sys.path[:], sys.argv[:] = before[1], before[2]
        torch.set_num_threads(before[3])
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}"):
                del sys.modules[name]
        gc.collect()


def main() -> None:
    """Serve until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        with as_called(Path(request["folder"]), request["environment"], Path(request["log"])):
            code = execute(request["words"])
        print(json.dumps({"code": code}), file=answers, flush=True)


if __name__ == "__main__":
    main()
