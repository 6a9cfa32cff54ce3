"""A small clip, and the command line in a process of its own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from gvc.paths import ROOT

GVC = [sys.executable, "-m", "flowgraphs.cli"]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 lossless frames 64 x 48 at 25 fps, each of one grey: 20, 36, 52, ..."""
    path = tmp_path_factory.mktemp("clip") / "greys.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for level in range(20, 20 + 16 * 12, 16):
            frame = np.full((48, 64, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def gvc() -> Callable[..., subprocess.CompletedProcess]:
    """`gvc(*arguments)` runs one command with a deadline."""

    def run(*arguments: object, deadline_s: float = 100, **options: object) -> subprocess.CompletedProcess:
        command = [*GVC, *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=deadline_s, **options)

    return run
