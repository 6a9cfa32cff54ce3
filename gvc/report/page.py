"""The report of a run: one HTML file with everything in it, its figures as PNG files, and a side-by-side video."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jinja2 import Environment
from PIL import Image

from gvc.errors import InputError, LinkError
from gvc.report import comparison
from gvc.report.facts import counters, modes, tree, versions, weights
from gvc.report.figures import FIGURES
from gvc.report.headline import cards, quality, sentence
from gvc.report.reported_run import REFERENCE, ReportedRun
from gvc.report.style import DPI, THEMES, applied, title
from gvc.report.wording import number, when
from gvc.storage import files

TEMPLATE = Path(__file__).with_name("page.html")
WIDE_ASPECT = 1.5
"""Wider pictures stand one above the other, with their difference maps beside them."""
INLINE_VIDEO_BYTES = 24 * 2**20
"""A larger video stays a file beside the page."""
_Part = TypeVar("_Part")
_Other = TypeVar("_Other")


@dataclass(frozen=True)
class Report:
    """A report that was written.

    index: the page.
    left_out: figures, the video, pictures and tables that are not in it, by name, with the reason.
    failed: names of those among them that could not be made, rather than had nothing to show.
    """

    index: Path
    left_out: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def make(self, name: str, maker: Callable[[], _Part], otherwise: _Other) -> _Part | _Other:
        """What `maker` gives; when it fails, `otherwise`: that costs this part, not the page."""
        try:
            return maker()
        except Exception as error:
            self.left_out[name] = f"failed: {type(error).__name__}: {error}"
            self.failed.append(name)
            return otherwise


def write_report(run_dir: Path | str) -> Report:
    """Write `run_dir`/report/ (index.html, PNG files, comparison.mp4) in one step.

    An earlier report is replaced. Parts of the run that are absent are named in the page, and so are figures and tables
    that fail. Raises InputError when `run_dir` is not the folder of a run, LinkError when the report cannot be written.
    """
    folder = Path(run_dir)
    target = folder / "report"
    report = Report(target / "index.html")
    try:
        run = ReportedRun(folder)
        with files.whole(target) as draft:
            draft.mkdir()
            (draft / "index.html").write_text(_page(run, draft, report), encoding="utf-8")
    except OSError as error:
        raise LinkError(f"the report cannot be written into {folder}: {error}") from error
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise InputError(f"a file in {folder} is not as a run writes it ({error!r}); run it again") from error
    return report


def _page(run: ReportedRun, folder: Path, report: Report) -> str:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = number
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    figures = [_figure(name, run, folder, report) for name, figure in FIGURES.items() if figure.wanted(run)]
    parts: dict[str, Any] = {
        "sentence": report.make("sentence", lambda: sentence(run), ""),
        "cards": report.make("cards", lambda: cards(run), []),
        "quality": report.make("quality", lambda: quality(run), []),
        "stills": report.make("stills", lambda: _stills(run, folder), []),
        "video": report.make("video", lambda: _video(run, folder), None),
        "counters": report.make("counters", lambda: counters(run), []),
        "modes": report.make("modes", lambda: modes(run), []),
        "weights": report.make("weights", lambda: weights(run), []),
        "settings": report.make("settings", lambda: tree(run.run.get("config")), []),
        "versions": report.make("versions", lambda: versions(run), []),
    }
    for name, told in parts.items():
        if not told:
            report.left_out.setdefault(name, f"no {name} were recorded in this run")
    return template.render(
        run=run.run,
        created=when(run.run.get("created")),
        arms=[(arm, title(arm)) for arm in run.arms],
        not_measured=run.not_measured(),
        full_scale=comparison.FULL_SCALE,
        difference_bar=_data_uri(_png(_difference_bar()), "image/png"),
        figures=figures,
        failed=[(name, report.left_out[name]) for name in report.failed],
        problems=run.problems,
        **parts,
    )


def _stills(run: ReportedRun, folder: Path) -> list[dict[str, Any]]:
    """The chosen frames: pictures and difference maps, also written as PNG files."""
    sheets = []
    for why, frame_id in comparison.chosen_frames(run):
        reference = run.picture(REFERENCE, frame_id)
        if reference is None:
            continue
        panels = [_panel(folder, REFERENCE, frame_id, reference, None, "")]
        for arm in run.arms:
            picture = run.picture(arm, frame_id)
            if picture is None or picture.shape != reference.shape:
                continue
            panels.append(_panel(folder, arm, frame_id, picture, reference, _frame_note(run, arm, frame_id)))
        wide = reference.shape[1] > WIDE_ASPECT * reference.shape[0]
        sheets.append({"why": why, "frame_id": frame_id, "panels": panels, "wide": wide})
    return sheets


def _panel(
    folder: Path, name: str, frame_id: int, picture: np.ndarray, reference: np.ndarray | None, note: str
) -> dict[str, Any]:
    stem = f"frame-{frame_id:05d}-{name}"
    panel = {"title": title(name), "note": note, "width": picture.shape[1], "height": picture.shape[0]}
    panel["picture"] = _save(folder / f"{stem}.png", picture)
    panel["difference"] = None
    if reference is not None:
        panel["difference"] = _save(folder / f"{stem}-difference.png", comparison.difference_map(reference, picture))
    return panel


def _frame_note(run: ReportedRun, arm: str, frame_id: int) -> str:
    notes = []
    for metric, word in (("psnr_db", "dB"), ("ssim", "SSIM")):
        column = run.column(arm, metric)
        if column is None or frame_id not in column[0]:
            continue
        row = int(np.flatnonzero(column[0] == frame_id)[0])
        value = column[1][row]
        notes.append(f"{value:.2f} dB" if metric == "psnr_db" else f"{word} {value:.3f}")
        if column[2][row] and "lost" not in notes:
            notes.insert(0, "lost")
    return " · ".join(notes)


def _video(run: ReportedRun, folder: Path) -> dict[str, Any] | None:
    path = comparison.write_video(run, folder / "comparison.mp4")
    if path is None:
        return None
    data = path.read_bytes()
    source = _data_uri(data, "video/mp4") if len(data) <= INLINE_VIDEO_BYTES else path.name
    return {"source": source, "inline": source != path.name, "megabytes": len(data) / 1e6}


def _figure(name: str, run: ReportedRun, folder: Path, report: Report) -> dict[str, str | None]:
    """One figure in all themes, also as PNG files; `reason` where there is none."""
    figure = FIGURES[name]
    entry: dict[str, str | None] = {"title": figure.heading, "span": "half" if figure.half else "whole"}
    entry["caption"] = report.make(name, lambda: figure.told(run), "")
    drawn = report.make(name, lambda: _drawn(name, run, folder), report.left_out.get(name, "failed"))
    if isinstance(drawn, str):
        report.left_out.setdefault(name, drawn)
        return {**entry, "reason": report.left_out[name]}
    return {**entry, "reason": None, **drawn}


def _drawn(name: str, run: ReportedRun, folder: Path) -> dict[str, str] | str:
    uris = {}
    for theme in THEMES:
        with applied(theme):
            outcome = FIGURES[name].draw(run, theme)
            if isinstance(outcome, str):
                return outcome
            path = folder / f"{name}{'' if theme is THEMES[0] else '-' + theme.name}.png"
            outcome.savefig(path, dpi=DPI)
        uris[theme.name] = _data_uri(path.read_bytes(), "image/png")
    return uris


def _difference_bar() -> np.ndarray:
    ramp = np.linspace(0, comparison.FULL_SCALE, 256).astype(np.uint8)
    return comparison.difference_map(np.zeros((1, 256, 3), np.uint8), np.repeat(ramp[None, :, None], 3, axis=2))


def _save(path: Path, picture: np.ndarray) -> str:
    data = _png(picture)
    path.write_bytes(data)
    return _data_uri(data, "image/png")


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=picture.size < 2**20)
    return buffer.getvalue()


def _data_uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
