"""The report of a run: one HTML file with everything in it, its figures as PNG files, and a side-by-side video."""

import base64
import io
import math
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from PIL import Image

from gvc.errors import InputError, LinkError
from gvc.evaluation import comparison, plots
from gvc.evaluation.run_folder import REFERENCE, RunFolder
from gvc.evaluation.style import DPI, THEMES, applied, title

TEMPLATE = Path(__file__).with_name("report.html")
WIDE_ASPECT = 1.5
"""Wider pictures stand one above the other, with their difference maps beside them."""
INLINE_VIDEO_BYTES = 24 * 2**20
"""A larger video stays a file beside the page."""

# name: (title, unit, digits, higher is better)
METRICS: dict[str, tuple[str, str, int, bool]] = {
    "psnr_db": ("PSNR", "dB", 2, True),
    "ssim": ("SSIM", "", 4, True),
    "ms_ssim": ("MS-SSIM", "", 4, True),
    "lpips": ("LPIPS (AlexNet)", "", 4, False),
    "dists": ("DISTS", "", 4, False),
    "vmaf": ("VMAF v0.6.1", "", 1, True),
    "vmaf_neg": ("VMAF NEG v0.6.1", "", 1, True),
}
FIGURES: dict[str, tuple[str, str]] = {
    "psnr_over_time": (
        "Quality over time",
        "PSNR of each frame as displayed, above the SNR that the receiver estimated from the frame's bursts.",
    ),
    "psnr_over_snr": ("Quality over SNR", "{psnr_over_snr}"),
    "symbol_error": (
        "Noise map and denoiser",
        "Squared error of the symbols in ten equal groups by predicted noise. On the thin line the noise map tells the "
        "truth; the distance between the curves is what the denoiser gains.",
    ),
    "recovery": ("Online training", "{recovery}"),
    "constellation": (
        "Constellation",
        "Density of the analogue symbols, in units of the transmitted ones (the receiver's input is normalised to unit "
        "power). The denoiser sees only what the equaliser gives and its noise map.",
    ),
    "channel_response": (
        "Channel over time",
        "Magnitude of the estimated response of every burst that arrived. Empty columns are times without one.",
    ),
    "stage_times": (
        "Where the time goes",
        "Process CPU time of each stage, in the unpaced run. Metrics computed after the run are not part of it.",
    ),
}
MODES = {0: "analogue joint source-channel coding: received information, nothing generated"}


def write_report(run_dir: Path | str) -> Path:
    """Write `run_dir`/report/ (index.html, PNG files, comparison.mp4) in one step; the path of index.html.

    An earlier report is replaced. Parts of the run that are absent are named in the page.
    Raises InputError when `run_dir` is not the folder of a run, LinkError when the report cannot be written.
    """
    folder = Path(run_dir)
    target, partial = folder / "report", folder / "report.partial"
    try:
        run = RunFolder(folder)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        (partial / "index.html").write_text(_page(run, partial), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        os.replace(partial, target)
    except OSError as error:
        raise LinkError(f"the report cannot be written into {folder}: {error}") from error
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise InputError(f"a file in {folder} is not as a run writes it ({error!r}); run it again") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target / "index.html"


def _page(run: RunFolder, folder: Path) -> str:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["number"] = _number
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        run=run.run,
        created=_when(run.run.get("created")),
        sentence=_sentence(run),
        cards=_cards(run),
        arms=[(arm, title(arm)) for arm in run.arms],
        quality=_quality(run),
        not_measured=run.not_measured(),
        stills=_stills(run, folder),
        full_scale=comparison.FULL_SCALE,
        difference_bar=_data_uri(_png(_difference_bar()), "image/png"),
        video=_video(run, folder),
        figures=_figures(run, folder),
        counters=_counters(run),
        modes=_modes(run),
        weights=_weights(run),
        settings=_tree(run.run.get("config")),
        versions=_tree({"machine": run.run.get("machine"), "versions": run.run.get("versions")}),
        problems=run.problems,
    )


def _sentence(run: RunFolder) -> str:
    """What was sent over what, in one sentence of the parts that are known."""
    result = run.run
    words = [f"{result['frames_sent']} frames" if "frames_sent" in result else "Video"]
    words.append(f"of {Path(str(result['clip'])).name}" if "clip" in result else "")
    sides = result.get("size")
    sides = "×".join(map(str, sides)) if isinstance(sides, list) else str(sides or "").replace("x", "×")
    size = [f"{sides} pixels" if sides else ""]
    size.append(f"{_number(result['fps_source'])} frames a second" if result.get("fps_source") else "")
    words.append(f"({', '.join(filter(None, size))})" if any(size) else "")
    words.append(f"over the radio {result['radio']}" if isinstance(result.get("radio"), str) else "")
    if isinstance(result.get("snr_set_db"), (int, float)):
        words.append(f"at {_number(result['snr_set_db'])} dB SNR")
    if isinstance(result.get("cbr"), (int, float)) and result["cbr"] > 0:
        words.append(f"at a channel bandwidth ratio of {_ratio(result['cbr'])}")
        if isinstance(result.get("overhead"), (int, float)):
            words.append(f"(preambles, pilots, prefixes and gaps: {100 * result['overhead']:.0f} % on top)")
    return " ".join(filter(None, words)) + "."


def _cards(run: RunFolder) -> list[dict[str, str]]:
    """The headline: quality of the last arm against the first, delivery, speed, latency."""
    result, cards = run.run, []
    if run.arms:
        means = {arm: run.metrics(arm).get("psnr_db") for arm in run.arms}
        best, base = run.arms[-1], run.arms[0]
        if (reached := means[best]) is not None:
            note = title(best)
            if best != base and (least := means[base]) is not None:
                gain = f"{reached - least:+.2f}".replace("-", "−")
                note += f" · {gain} dB against {title(base)}"
            cards.append({"title": "PSNR", "value": f"{reached:.2f}", "unit": "dB", "note": note})
        similarity = run.metrics(best).get("ms_ssim")
        if similarity is not None:
            cards.append({"title": "MS-SSIM", "value": f"{similarity:.4f}", "unit": "", "note": title(best)})
    if {"frames_sent", "frames_received"} <= set(result):
        lost = [_count(result[f"{word}s_lost"], word) for word in ("frame", "burst") if f"{word}s_lost" in result]
        note = f"{' and '.join(lost)} lost" if lost else "losses were not counted"
        value = f"{result['frames_received']}/{result['frames_sent']}"
        cards.append({"title": "Frames received", "value": value, "unit": "", "note": note})
    if isinstance(result.get("realtime_factor"), (int, float)):
        fps = (result.get("fps_source") or 0) * result["realtime_factor"]
        note = f"real time, unpaced: {fps:.0f} frames a second" if fps else "real time, unpaced"
        cards.append({"title": "Speed", "value": f"{result['realtime_factor']:.2f}", "unit": "×", "note": note})
    latency = result.get("latency_ms")
    if isinstance(latency, dict) and latency.get("p99") is not None:
        note = f"99th percentile, median {latency.get('p50') or math.nan:.0f} ms, paced at the source's rate"
        cards.append({"title": "Latency", "value": f"{latency['p99']:.0f}", "unit": "ms", "note": note})
    if isinstance(result.get("snr_est_db"), (int, float)):
        evm = (
            f"EVM {result['evm_db']:.1f} dB".replace("-", "−")
            if result.get("evm_db") is not None
            else "estimated by the receiver"
        )
        cards.append({"title": "SNR at receiver", "value": f"{result['snr_est_db']:.1f}", "unit": "dB", "note": evm})
    return cards


def _quality(run: RunFolder) -> list[dict[str, Any]]:
    """One row a metric: means over all frames sent and over received ones, by arm; the best arm is marked."""
    known = [name for name in METRICS if any(name in run.metrics(arm) for arm in run.arms)]
    known += [name for name in METRICS if name in run.not_measured() and name not in known]
    rows = []
    for name in known:
        heading, unit, digits, higher = METRICS.get(name, (name, "", 4, True))
        means = [run.metrics(arm).get(name) for arm in run.arms]
        received = [(run.metrics(arm).get("received") or {}).get(name) for arm in run.arms]
        measured = [v for v in means if isinstance(v, (int, float))]
        best = (max if higher else min)(measured) if len(measured) > 1 else None
        cells = [
            {
                "mean": "–" if mean is None else f"{mean:.{digits}f}",
                "received": "" if got is None else f"{got:.{digits}f}",
                "best": mean is not None and mean == best,
            }
            for mean, got in zip(means, received, strict=True)
        ]
        rows.append({"title": heading, "unit": unit, "arrow": "↑" if higher else "↓", "cells": cells})
    return rows


def _stills(run: RunFolder, folder: Path) -> list[dict[str, Any]]:
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


def _frame_note(run: RunFolder, arm: str, frame_id: int) -> str:
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


def _video(run: RunFolder, folder: Path) -> dict[str, Any] | None:
    path = comparison.write_video(run, folder / "comparison.mp4")
    if path is None:
        return None
    data = path.read_bytes()
    source = _data_uri(data, "video/mp4") if len(data) <= INLINE_VIDEO_BYTES else path.name
    return {"source": source, "inline": source != path.name, "megabytes": len(data) / 1e6}


def _figures(run: RunFolder, folder: Path) -> list[dict[str, str | None]]:
    over_snr = (
        "Mean over the pictures of a sweep, with 95 % intervals."
        if run.sweep
        else "Each point is a received frame of this run at the SNR that the receiver estimated from its bursts."
    )
    drawn = []
    for name, (heading, caption) in FIGURES.items():
        if name == "recovery" and "adaptation" not in run.run:
            continue
        told = caption.format(psnr_over_snr=over_snr, recovery=_recovery(run))
        entry: dict[str, str | None] = {"title": heading, "caption": told}
        entry |= {"reason": None, "span": "half" if name in plots.HALVES else "whole"}
        for theme in THEMES:
            with applied(theme):
                outcome = plots.FIGURES[name](run, theme)
                if isinstance(outcome, str):
                    entry["reason"] = outcome
                    break
                path = folder / f"{name}{'' if theme is THEMES[0] else '-' + theme.name}.png"
                outcome.savefig(path, dpi=DPI)
            entry[theme.name] = _data_uri(path.read_bytes(), "image/png")
        drawn.append(entry)
    return drawn


def _recovery(run: RunFolder) -> str:
    """What the online training did, in words."""
    told = run.run.get("adaptation") or {}
    share, limit = told.get("cpu_share"), told.get("cpu_share_limit")
    words = [
        "How much smaller the symbol error is than that of the linear estimate z / (1 + ν), mean over 8 frames. The "
        "symbols sent, which the training never sees, are known here because the link simulates.",
        f"{_count(told.get('swaps', 0), 'swap')}, {_count(told.get('rollbacks', 0), 'rollback')}, "
        f"{_count(told.get('restarts', 0), 'restart')}; {_count(told.get('frames_dropped', 0), 'frame')} left out.",
    ]
    if isinstance(share, (int, float)) and isinstance(limit, (int, float)):
        words.append(
            f"The training took {100 * share:.0f} % of one core; the configuration allows {100 * limit:.0f} %."
        )
    if told.get("failure"):
        words.append(f"It ended before its time: {told['failure']}.")
    return " ".join(words)


def _counters(run: RunFolder) -> list[tuple[str, list[tuple[str, str]]]]:
    """Groups of (name, count): the link's, each block's, the evaluator's."""
    keys = ("frames_sent", "frames_received", "frames_lost", "bursts_sent", "bursts_lost")
    groups: dict[str, dict[str, Any]] = {"link": {key: run.run[key] for key in keys if key in run.run}}
    for name, value in (run.run.get("counters") or {}).items():
        if isinstance(value, dict):
            groups[str(name)] = value
        else:
            groups.setdefault("blocks", {})[name] = value
    of_evaluator = (
        "messages_sent", "messages_received", "messages_lost", "malformed", "frames_without_reference", "complete",
    )  # fmt: skip
    found = {key: run.evaluation[key] for key in of_evaluator if key in run.evaluation}
    if found:
        groups["evaluator"] = {**groups.get("evaluator", {}), **found}
    return [(name, [(_words(k), _number(v)) for k, v in group.items()]) for name, group in groups.items() if group]


def _modes(run: RunFolder) -> list[tuple[str, int, str]]:
    """(arm, frames, meaning) for each coding mode that decoded frames were marked with."""
    rows = []
    for arm in run.arms:
        modes = (run.metrics(arm).get("per_frame") or {}).get("mode") or []
        for mode in sorted(set(modes)):
            rows.append((title(arm), modes.count(mode), f"mode {mode}: {MODES.get(mode, 'unknown')}"))
    return rows


def _weights(run: RunFolder) -> list[tuple[str, str, str]]:
    weights = run.run.get("weights")
    if not isinstance(weights, dict):
        return []
    rows = []
    for name, entry in weights.items():
        entry = entry if isinstance(entry, dict) else {"sha256": entry}
        rows.append((str(name), str(entry.get("sha256") or ""), str(entry.get("label") or "")))
    return rows


def _tree(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted key, value) rows; None is left out."""
    if isinstance(value, dict):
        return [row for key, item in value.items() for row in _tree(item, f"{prefix}.{key}" if prefix else str(key))]
    if value is None or prefix == "":
        return []
    if isinstance(value, list):
        return [(prefix, ", ".join(_number(item) for item in value))]
    return [(prefix, _number(value))]


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if value is None else str(value)


def _count(number: Any, word: str) -> str:
    return f"{_number(number)} {word}{'' if number == 1 else 's'}"


def _ratio(cbr: float) -> str:
    return f"1/{round(1 / cbr)}" if cbr < 0.5 and abs(1 / cbr - round(1 / cbr)) < 0.02 / cbr else f"{cbr:.4g}"


def _words(key: str) -> str:
    return str(key).replace("_", " ")


def _when(text: Any) -> str:
    try:
        return datetime.fromisoformat(str(text)).strftime("%-d %B %Y, %H:%M")
    except ValueError:
        return ""


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
