"""Original and arms side by side: difference maps, which frames to show, and a video."""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont

from gvc.errors import LinkError
from gvc.evaluation.metrics.psnr import psnr_db
from gvc.report.reported_run import REFERENCE, ReportedRun
from gvc.report.style import DIFFERENCE, title
from gvc.storage import files

FULL_SCALE = 64
"""Absolute difference, mean of R, G and B, at which a difference map saturates (of 255)."""
PANEL_LIMIT = 960
_PAPER, _INK, _MUTED, _WARNING = (18, 20, 24), (236, 238, 241), (150, 158, 168), (255, 138, 128)
_PIXEL_FORMAT = "yuv420p"


def difference_map(reference: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Colours uint8 [height, width, 3] of the absolute difference of two pictures; saturates at FULL_SCALE."""
    error = np.abs(reference.astype(np.float32) - shown).mean(2) / FULL_SCALE
    return (colormaps[DIFFERENCE](np.minimum(error, 1.0))[..., :3] * 255).round().astype(np.uint8)


def chosen_frames(run: ReportedRun) -> list[tuple[str, int]]:
    """(why, frame id) of the frames worth looking at: typical, best and worst received, and the first lost one.

    By PSNR of the last arm; without it, the middle frame.
    """
    ids = run.frame_ids
    column = run.column(run.arms[-1], "psnr_db") if run.arms else None
    if not ids:
        return []
    if column is None:
        return [("Middle frame", ids[len(ids) // 2])]
    present = set(ids)
    rows = [(v, int(i), gone) for i, v, gone in zip(*column, strict=True) if i in present and np.isfinite(v)]
    received = sorted((v, i) for v, i, gone in rows if not gone)
    chosen = []
    if received:
        chosen.append(("Typical frame", received[len(received) // 2][1]))
        if len(received) > 2:
            chosen += [("Worst received frame", received[0][1]), ("Best frame", received[-1][1])]
    gone = [i for _, i, lost in rows if lost]
    return chosen + ([("Lost frame, previous one shown", gone[0])] if gone else [])


def write_video(run: ReportedRun, path: Path) -> Path | None:
    """Write original and arms side by side as H.264 to `path`; None when there are no pictures.

    Raises LinkError when the encoder or the disk refuses.
    """
    names = (
        [REFERENCE, *(arm for arm in run.arms if run.picture(arm, run.frame_ids[0]) is not None)]
        if run.frame_ids
        else []
    )
    first = run.picture(REFERENCE, run.frame_ids[0]) if run.frame_ids else None
    if len(names) < 2 or first is None:
        return None
    import av

    from gvc.video.clip import file_url

    rate = Fraction(run.run.get("fps_source") or 25).limit_denominator(1001)
    try:
        with (
            files.whole(path) as draft,
            av.open(file_url(draft), "w", "mp4", options={"movflags": "+faststart"}) as container,
        ):
            stream = container.add_stream("libx264", rate=rate)
            stream.pix_fmt = _PIXEL_FORMAT
            stream.options = {"crf": "18", "preset": "veryfast", "threads": "2"}
            for number, picture in enumerate(_sheets(run, names, first.shape)):
                if number == 0:
                    stream.height, stream.width = picture.shape[:2]
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
    except (av.FFmpegError, OSError) as error:
        raise LinkError(f"the comparison video cannot be written: {error}") from error
    return path


def _sheets(run: ReportedRun, names: list[str], shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Every frame as uint8 [height, width, 3]: a strip of titles above the pictures, sides even."""
    scale = min(1.0, PANEL_LIMIT / shape[1])
    if shape[1] < 320:
        scale = 2.0
    width, height = (max(2, round(side * scale)) for side in (shape[1], shape[0]))
    gap = 8
    total = (len(names) * width + (len(names) - 1) * gap + 1) // 2 * 2
    # Letters of one size on the screen, where a player scales the whole sheet.
    letters = max(9, total // 72)
    strip = 2 * letters
    sheet_height = (height + strip + 1) // 2 * 2
    lost = {arm: _lost(run, arm) for arm in names[1:]}
    for frame_id in run.frame_ids:
        reference = run.picture(REFERENCE, frame_id)
        sheet = Image.new("RGB", (total, sheet_height), _PAPER)
        pen = ImageDraw.Draw(sheet)
        for column, name in enumerate(names):
            picture = run.picture(name, frame_id)
            left = column * (width + gap)
            if picture is None or reference is None:
                continue
            panel = Image.fromarray(picture)
            if panel.size != (width, height):
                panel = panel.resize(
                    (width, height), Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST
                )
            sheet.paste(panel, (left, strip))
            pen.text((left + 8, strip // 2), title(name), _INK, _font(letters), anchor="lm")
            if name != REFERENCE and picture.shape == reference.shape:
                gone = frame_id in lost[name]
                note = "lost" if gone else f"{psnr_db([reference], [picture])[0]:.1f} dB"
                pen.text(
                    (left + width - 8, strip // 2), note, _WARNING if gone else _MUTED, _font(letters), anchor="rm"
                )
        yield np.asarray(sheet)


def _lost(run: ReportedRun, arm: str) -> set[int]:
    column = run.column(arm, "psnr_db")
    return set() if column is None else {int(i) for i, _, gone in zip(*column, strict=True) if gone}


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
