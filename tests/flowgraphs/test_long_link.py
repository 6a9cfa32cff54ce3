"""2,000 frames: memory of the link and of its evaluator stays flat, and so does the disk."""

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np

from gvc.paths import ROOT

FRAMES = 2000


def test_2000_frames_grow_nothing(tmp_path: Path) -> None:
    clip = tmp_path / "long.mkv"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "bgr0"
        for number in range(FRAMES):
            picture = np.full((32, 32, 3), 20 + 16 * (number % 12), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    command = [sys.executable, "-m", "tests.flowgraphs.long_link", str(clip), str(tmp_path / "run")]
    # One heap: what each of its threads keeps in a heap of its own grows by megabytes, and not with the frames.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["sent"], seen["lost"], seen["kept"]) == (FRAMES, 0, 100) and seen["psnr_db"] > 30
    # What was made before the tracing began is replaced bit by bit, and counted then.
    points = [point for point in seen["points"] if point["frames"] >= 900]
    frames = np.array([point["frames"] for point in points])
    assert len(frames) >= 4 and frames[-1] - frames[0] > 600

    def growth(name: str) -> float:
        """Bytes a frame: the median slope between the first and the second half of the points."""
        values = np.array([point[name] for point in points], float)
        half = len(points) // 2
        slopes = (values[half:, None] - values[None, :half]) / (frames[half:, None] - frames[None, :half])
        return float(np.median(slopes))

    print({name: growth(name) for name in ("traced", "link", "evaluator", "disk")})
    assert growth("traced") < 100
    assert growth("evaluator") < 100
    # Pages of a heap that several threads share; 36 over 8,000 frames.
    assert growth("link") < 1000
    assert growth("disk") < 1000
    shown = {path.name for path in (tmp_path / "run" / "frames" / "jscc").iterdir()}
    assert shown == {f"{number:05d}.png" for number in range(100)}
    with np.load(tmp_path / "run" / "symbols.npz") as symbols:
        assert symbols["frame_id"].tolist() == list(range(100)) and len(symbols["equalised"]) == 100 * 4 * 16
    with np.load(tmp_path / "run" / "bursts.npz") as bursts:
        assert len(bursts["snr_db"]) == len(bursts["channel"]) == 100
