"""VMAF by Netflix's libvmaf, through the ffmpeg binary of the package imageio-ffmpeg.

The models are pinned: vmaf_v0.6.1, and vmaf_v0.6.1neg, which gives no credit for enhancement. Pictures are turned into
8-bit BT.709 4:4:4 with limited range. VMAF judges motion too, so a clip is given as a whole and in order; it was not
made for generated content and should never be the sole score.
"""

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from gvc.errors import InputError
from gvc.evaluation.metrics import NotMeasured, pairs
from gvc.video.ffmpeg import ffmpeg

LEAST_SIDE = 17
"""libvmaf crashes on less."""
STALL_S = 60.0
STALL_S_PER_MEGAPIXEL = 20.0
"""libvmaf may take no further picture for STALL_S, and so much longer for large ones: a limit on no progress."""


def vmaf(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0) -> np.ndarray:
    """VMAF of model vmaf_v0.6.1 per frame, float64[N], 0..100.

    Raises NotMeasured without the binary, for changing sizes, and when libvmaf refuses the clip.
    """
    return _score("vmaf_v0.6.1", reference, distorted, fps)


def vmaf_neg(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0) -> np.ndarray:
    """VMAF of model vmaf_v0.6.1neg ("no enhancement gain") per frame, float64[N], 0..100."""
    return _score("vmaf_v0.6.1neg", reference, distorted, fps)


def _score(model: str, reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float) -> np.ndarray:
    height, width = reference[0].shape[:2]
    if min(height, width) < LEAST_SIDE:
        raise NotMeasured(f"VMAF needs pictures of at least {LEAST_SIDE}x{LEAST_SIDE} pixels")
    if any(first.shape[:2] != (height, width) for first, _ in pairs(reference, distorted)):
        raise NotMeasured("VMAF needs one size for all frames")
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "vmaf.json"
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i"]
        to_yuv = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv444p"
        graph = (
            f"[0:v]{to_yuv}[distorted];[1:v]{to_yuv}[reference];[distorted][reference]"
            f"libvmaf=model='version={model}':log_fmt=json:log_path={report}:n_threads={_threads()}"
        )
        # Each picture sequence flows through a pipe of its own: no clip is ever whole in memory or on disk.
        inputs = [os.pipe(), os.pipe()]
        command = [_program(), "-nostdin", "-v", "error"]
        for read_end, _ in inputs:
            command += [*raw, f"pipe:{read_end}"]
        command += ["-lavfi", graph, "-f", "null", "-"]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=[read_end for read_end, _ in inputs]
        )
        feeders = []
        moved = [time.monotonic()]
        for (read_end, write_end), frames in zip(inputs, (distorted, reference), strict=True):
            os.close(read_end)
            feeders.append(threading.Thread(target=_feed, args=(write_end, frames, moved), daemon=True))
            feeders[-1].start()
        try:
            errors = _errors_at_end(process, moved, STALL_S + STALL_S_PER_MEGAPIXEL * height * width / 1e6)
        finally:
            for feeder in feeders:
                feeder.join(5.0)
        if process.returncode or not report.exists():
            last = errors.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise NotMeasured(f"libvmaf failed: {last[0] if last else f'code {process.returncode}'}")
        frames = json.loads(report.read_text(encoding="utf-8"))["frames"]
    return np.array([frame["metrics"]["vmaf"] for frame in frames], np.float64)


def _errors_at_end(process: subprocess.Popen, moved: list[float], stall_s: float) -> bytes:
    """What ffmpeg said, when it has ended; raises NotMeasured, ffmpeg killed, when nothing has moved for `stall_s`."""
    while True:
        try:
            return process.communicate(timeout=0.5)[1]
        except subprocess.TimeoutExpired as error:
            if time.monotonic() - moved[0] > stall_s:
                process.kill()
                process.communicate()
                raise NotMeasured(f"libvmaf made no progress for {stall_s:.0f} s") from error


def _feed(write_end: int, frames: Iterable[np.ndarray], moved: list[float]) -> None:
    """Write `frames` to a pipe, noting in `moved[0]` when the reader last took something."""
    with open(write_end, "wb", buffering=0) as pipe:
        try:
            for frame in frames:
                data = np.ascontiguousarray(frame).data.cast("B")
                while data:
                    data = data[pipe.write(data) :]
                    moved[0] = time.monotonic()
        except BrokenPipeError:
            # ffmpeg ended early; its exit code says why.
            return


def _program() -> str:
    try:
        return ffmpeg()
    except InputError as error:
        raise NotMeasured(f"no ffmpeg with libvmaf: {error}") from error


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or 0) or os.cpu_count() or 1
