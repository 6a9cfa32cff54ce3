"""What a run's report says first: one sentence, the cards, the table of metrics."""

import math
from pathlib import Path
from typing import Any

from gvc.report.reported_run import ReportedRun
from gvc.report.style import title
from gvc.report.wording import count, decibels, number, ratio

CONTROL = "control"
"""The fair arm: the decoder alone, trained as long as the one behind the denoiser, and as wide as both."""
NAMED = {CONTROL: " (equal training, equal multiplications)", "jscc": " (fewer training steps)"}
QUEUE_MS = 500.0
"""A latency above this, of a link slower than real time, is a queue that grows with the run."""


def gains_db(means: dict[str, float | None]) -> dict[str, float]:
    """How far the last arm's mean is above each other one's, in dB: over the control first, where there is one."""
    arms = [arm for arm, mean in means.items() if mean is not None]
    if not arms:
        return {}
    others = sorted(arms[:-1], key=lambda arm: arm != CONTROL)
    return {arm: float(means[arms[-1]] or 0) - float(means[arm] or 0) for arm in others}


def queue_grew(result: dict[str, Any]) -> bool:
    """Whether the paced run's latency only says how long frames queued, because the link is slower than the source."""
    p99 = (result.get("latency_ms") or {}).get("p99")
    factor = result.get("realtime_factor")
    if not isinstance(p99, (int, float)):
        return False
    return p99 > QUEUE_MS and factor < 1 if isinstance(factor, (int, float)) else p99 > 4 * QUEUE_MS


def sentence(run: ReportedRun) -> str:
    """What was sent over what, in one sentence of the parts that are known."""
    result = run.run
    words = [f"{result['frames_sent']} frames" if "frames_sent" in result else "Video"]
    words.append(f"of {Path(str(result['clip'])).name}" if "clip" in result else "")
    sides = result.get("size")
    sides = "×".join(map(str, sides)) if isinstance(sides, list) else str(sides or "").replace("x", "×")
    size = [f"{sides} pixels" if sides else ""]
    size.append(f"{number(result['fps_source'])} frames a second" if result.get("fps_source") else "")
    words.append(f"({', '.join(filter(None, size))})" if any(size) else "")
    words.append(f"over the radio {result['radio']}" if isinstance(result.get("radio"), str) else "")
    if isinstance(result.get("snr_set_db"), (int, float)):
        words.append(f"at {number(result['snr_set_db'])} dB SNR")
    if isinstance(result.get("cbr"), (int, float)) and result["cbr"] > 0:
        words.append(f"at a channel bandwidth ratio of {ratio(result['cbr'])}")
        if isinstance(result.get("overhead"), (int, float)):
            words.append(f"(preambles, pilots, prefixes and gaps: {100 * result['overhead']:.0f} % on top)")
    return " ".join(filter(None, words)) + "."


def cards(run: ReportedRun) -> list[dict[str, str]]:
    """The headline: quality of the last arm against the fair one, delivery, speed, latency."""
    result, cards = run.run, []
    if run.arms:
        means = {arm: run.metrics(arm).get("psnr_db") for arm in run.arms}
        best = run.arms[-1]
        if means[best] is not None:
            over = gains_db(means)
            told = [f"{decibels(gain)} against {title(arm)}{NAMED.get(arm, '')}" for arm, gain in over.items()]
            note = " · ".join([title(best), *told[:1]])
            card = {"title": "PSNR", "value": f"{means[best]:.2f}", "unit": "dB", "note": note}
            cards.append({**card, "aside": "; ".join(told[1:])})
        similarity = run.metrics(best).get("ms_ssim")
        if similarity is not None:
            cards.append({"title": "MS-SSIM", "value": f"{similarity:.4f}", "unit": "", "note": title(best)})
    if {"frames_sent", "frames_received"} <= set(result):
        lost = [count(result[f"{word}s_lost"], word) for word in ("frame", "burst") if f"{word}s_lost" in result]
        note = f"{' and '.join(lost)} lost" if lost else "losses were not counted"
        value = f"{result['frames_received']}/{result['frames_sent']}"
        cards.append({"title": "Frames received", "value": value, "unit": "", "note": note})
    if isinstance(result.get("realtime_factor"), (int, float)):
        fps = (result.get("fps_source") or 0) * result["realtime_factor"]
        note = f"real time, unpaced: {fps:.0f} frames a second" if fps else "real time, unpaced"
        cards.append({"title": "Speed", "value": f"{result['realtime_factor']:.2f}", "unit": "×", "note": note})
    latency = result.get("latency_ms")
    if queue_grew(result):
        note = "not real time: the queue grew, and latency with it, for as long as the run lasted"
        cards.append({"title": "Latency", "value": "–", "unit": "", "note": note})
    elif isinstance(latency, dict) and latency.get("p99") is not None:
        note = f"99th percentile, median {latency.get('p50') or math.nan:.0f} ms, paced at the source's rate"
        cards.append({"title": "Latency", "value": f"{latency['p99']:.0f}", "unit": "ms", "note": note})
    if isinstance(result.get("snr_est_db"), (int, float)):
        evm = (
            f"median over bursts, EVM {result['evm_db']:.1f} dB".replace("-", "−")
            if result.get("evm_db") is not None
            else "estimated by the receiver"
        )
        cards.append({"title": "SNR at receiver", "value": f"{result['snr_est_db']:.1f}", "unit": "dB", "note": evm})
    return cards


def quality(run: ReportedRun) -> list[dict[str, Any]]:
    """One row a metric: means over all frames sent and over received ones, by arm; the best arm is marked."""
    described = run.described()
    wanted = [name for name in described if any(name in run.metrics(arm) for arm in run.arms)]
    known = wanted + [name for name in described if name in run.not_measured() and name not in wanted]
    rows = []
    for name in known:
        metric = described[name]
        means = [run.metrics(arm).get(name) for arm in run.arms]
        received = [(run.metrics(arm).get("received") or {}).get(name) for arm in run.arms]
        measured = [v for v in means if isinstance(v, (int, float))]
        best = (max if metric.higher_is_better else min)(measured) if len(measured) > 1 else None
        cells = [
            {
                "mean": "–" if mean is None else f"{mean:.{metric.digits}f}",
                "received": "" if got is None else f"{got:.{metric.digits}f}",
                "best": mean is not None and mean == best,
            }
            for mean, got in zip(means, received, strict=True)
        ]
        arrow = "↑" if metric.higher_is_better else "↓"
        rows.append({"title": metric.heading, "unit": metric.unit, "arrow": arrow, "cells": cells})
    return rows + _block_errors(run)


def _block_errors(run: ReportedRun) -> list[dict[str, Any]]:
    """The row of block error rates, where an arm sent transport blocks."""
    cells = []
    for arm in run.arms:
        blocks, errors = (run.metrics(arm).get(key) for key in ("blocks", "block_errors"))
        told = {}
        if isinstance(blocks, (int, float)) and isinstance(errors, (int, float)) and blocks > 0:
            told = {"mean": f"{errors / blocks:.4f}", "received": f"{errors:,.0f} of {blocks:,.0f}"}
        cells.append({"mean": "–", "received": "", "best": False, **told})
    found = any(cell["received"] for cell in cells)
    return [{"title": "Block error rate", "unit": "", "arrow": "↓", "cells": cells}] if found else []
