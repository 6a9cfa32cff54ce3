"""Received pictures against the clip that was sent, by frame number."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gvc.errors import LinkError
from gvc.evaluation.metrics import measure
from gvc.video.clip import open_clip

METRICS = ("psnr_db", "ssim")


def against_clip(shown: Iterable[tuple[int, Path]], clip: str) -> dict[str, Any]:
    """Metrics of received pictures against the frames of `clip` with their numbers.

    Args:
        shown: (frame number in the clip, PNG file) of each picture that was received; held and lost ones are not.
        clip: path or bare name; its frames are cropped and scaled to the pictures' size, as the transmitter does.

    Returns:
        {"clip", "frames" compared, "frames_without_reference" (beyond the clip's end, or of another size than the
        first), "psnr_db", "ssim" as means or None, "not_measured", "per_frame" [{"frame_id", "file", metrics}]}.

    Raises InputError for a clip that cannot be read, LinkError for a picture that cannot.
    """
    wanted: dict[int, list[Path]] = defaultdict(list)
    for number, path in shown:
        wanted[number].append(path)
    total = sum(map(len, wanted.values()))
    rows: list[dict[str, Any]] = []
    not_measured: dict[str, str] = {} if wanted else dict.fromkeys(METRICS, "no frame was received")
    if wanted:
        height, width = _picture(wanted[min(wanted)][0]).shape[:2]
        for number, reference in enumerate(open_clip(clip, size=(width, height), frames=max(wanted) + 1)):
            for path in wanted.get(number, ()):
                picture = _picture(path)
                if picture.shape != reference.shape:
                    continue
                row: dict[str, Any] = {"frame_id": number, "file": path.name}
                for metric in METRICS:
                    values, reason = measure(metric, [reference], [picture])
                    row[metric] = None if values is None else float(values[0])
                    if reason:
                        not_measured[metric] = reason
                rows.append(row)
        if not rows:
            not_measured = dict.fromkeys(METRICS, "no frame received is one of the clip")
    result: dict[str, Any] = {"clip": clip, "frames": len(rows), "frames_without_reference": total - len(rows)}
    for metric in METRICS:
        known = [row[metric] for row in rows if row[metric] is not None]
        result[metric] = float(np.mean(known)) if known else None
    return {**result, "not_measured": not_measured, "per_frame": rows}


def _picture(path: Path) -> np.ndarray:
    """uint8 [height, width, 3] of a PNG file."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise LinkError(f"{path} cannot be read: {error}") from error
