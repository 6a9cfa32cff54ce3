"""The page of the results book: the template `results.md.j2` with what the findings say."""

import json
from pathlib import Path
from typing import Any

import jinja2

from benchmarks.book.analysis import (
    ADAPTIVE,
    BLOCKED,
    DELAY,
    MARGIN,
    NEURAL,
    OUTAGE_DB,
    REFINEMENT,
    SPEED,
    Findings,
    Row,
    cbr_name,
    curve,
    mean_and_tenth,
    outage,
    spread,
    values_of,
)
from benchmarks.book.figures import METRICS, TITLES
from benchmarks.book.wins import frames, wins
from gvc.evaluation.metrics.description import describe

_TEMPLATE = Path(__file__).with_name("results.md.j2")


def write(tables: dict[str, list[Row]], found: Findings, book: Path) -> str:
    """The page in Markdown; `book` is its folder, whose other files decide which chapters there are."""
    rows = tables["main"]
    narrow = [key for key in found.digital_above if key[1] == "1/48"]
    figures = [
        {"name": f"{metric}-cbr-{cbr_name(cbr).replace('/', '-')}", "title": f"{describe(metric).axis} at CBR {cbr}"}
        for metric in METRICS
        for cbr in values_of(rows, "cbr")
    ]
    blocks = _json(book / "blocks.json")
    decoder = _json(book / "decoder.json")
    values = {
        "digital_above": spread(found.digital_above[key] for key in narrow),
        "ahead_at_10": spread(_lead(rows, key, ADAPTIVE) for key in narrow),
        "softcast_ahead": spread(_lead(rows, key, "softcast") for key in narrow),
        "wins": wins(tables, found),
        "clips": ", ".join(f"`{clip}`" for clip in values_of(rows, "clip")),
        "seeds": len(values_of(rows, "seed")),
        "figures": [figure for figure in figures if (book / f"{figure['name']}.png").exists()],
        "cliffs": _cliffs(found),
        "steepest": spread(found.steepest.values()),
        "at_cliff": spread(found.at_cliff.values()),
        "gain_0_20": spread(found.gain_0_to_20_db.values()),
        "broadcast": _broadcast(found),
        "lowest": _lowest(rows),
        "outage": _outage(rows),
        "outage_db": f"{OUTAGE_DB:g}",
        "erasures": _erasures(tables.get("erasures", [])),
        "feedback": _feedback(tables.get("feedback", [])),
        "codecs": _codecs(tables.get("codecs", [])),
        "split": "split" in tables,
        "refinement": _refinement(tables.get("refinement", [])),
        "overhead": _overhead(rows),
        "waterfalls": (book / "waterfalls.png").exists(),
        "decoder": _records(decoder["rows"]) if decoder else "",
        "blocks": _records(blocks["rows"]) if blocks else "",
        "blocks_command": blocks["command"] if blocks else "",
        "blocks_machine": blocks["machine"]["cpu"] if blocks else "",
        "draws": ", ".join(f"{name} {len(values_of(part, 'seed'))}" for name, part in tables.items() if part),
    }
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)
    return environment.from_string(_TEMPLATE.read_text()).render(values).rstrip() + "\n"


def table(head: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def _lead(rows: list[Row], key: tuple, arm: str) -> float:
    radio, cbr, clip = key
    of = {"radio": radio, "cbr": cbr, "clip": clip}
    return curve(rows, "psnr_db", **of, arm=arm).at(10) - curve(rows, "psnr_db", **of, arm=NEURAL).at(10)


def _cliffs(found: Findings) -> str:
    lines = []
    for key, (low, high) in found.cliffs.items():
        above = found.digital_above[key]
        word = "never" if above is None else f"{above:.1f}" if above > -5 else "-5 or less"
        lines.append([*key, f"{low:g} to {high:g}", word])
    return table(["radio", "CBR", "clip", "cliff", "digital above from"], lines)


def _broadcast(found: Findings) -> str:
    arms = list(dict.fromkeys(arm for values in found.broadcast.values() for arm in values))
    lines = []
    for key, values in found.broadcast.items():
        lines.append(
            [*key, *(f"{values[arm][0]:.1f} ({values[arm][1]:.1f})" if arm in values else "-" for arm in arms)]
        )
    return table(["radio", "CBR", *(TITLES.get(arm, arm) for arm in arms)], lines)


def _lowest(rows: list[Row]) -> str:
    low = [row for row in rows if row["snr_db"] == -5]
    arms = values_of(low, "arm")
    lines = []
    for radio in values_of(low, "radio"):
        for cbr in values_of(low, "cbr"):
            for metric, digits in (("psnr_db", 1), ("lpips", 3)):
                means = [curve(low, metric, radio=radio, cbr=cbr, arm=arm).mean for arm in arms]
                cells = [f"{mean[0]:.{digits}f}" if mean else "-" for mean in means]
                lines.append([radio, cbr, metric, *cells])
    return table(["radio", "CBR", "metric", *(TITLES.get(arm, arm) for arm in arms)], lines)


def _outage(rows: list[Row]) -> str:
    arms = values_of(rows, "arm")
    lines = []
    for radio in values_of(rows, "radio"):
        for snr in (-5, 0, 5):
            shares = [outage(rows, radio=radio, snr_db=snr, cbr="1/48", arm=arm) for arm in arms]
            lines.append([radio, snr, *(f"{100 * share:.0f} %" for share in shares)])
    return table(["radio", "SNR", *(TITLES.get(arm, arm) for arm in arms)], lines)


def _erasures(rows: list[Row]) -> str:
    arms, lines = values_of(rows, "arm"), []
    for share in values_of(rows, BLOCKED):
        cells = [mean_and_tenth(rows, **{BLOCKED: share, "arm": arm}) for arm in arms]
        lines.append([f"{100 * share:.0f} %", *(f"{mean:.1f} ({tenth:.1f})" for mean, tenth in cells)])
    return table(["blocked", *(TITLES.get(arm, arm) for arm in arms)], lines) if rows else ""


def _feedback(rows: list[Row]) -> str:
    speeds, lines = values_of(rows, SPEED), []
    followed = [row for row in rows if row.get(DELAY) is not None]
    kinds = [
        (
            f"AV1 + LDPC, follows, {frames(delay)} late, margin {margin} dB",
            {DELAY: delay, MARGIN: margin},
        )
        for delay in values_of(followed, DELAY)
        for margin in values_of(followed, MARGIN)
    ]
    kinds += [
        (TITLES.get(arm, arm).replace("adaptive", "by mean SNR"), {DELAY: None, "arm": arm})
        for arm in values_of([row for row in rows if row.get(DELAY) is None], "arm")
    ]
    for name, where in kinds:
        cells = []
        for speed in speeds:
            mean, tenth = mean_and_tenth(rows, **where, **{SPEED: speed})
            cells.append(f"{mean:.1f} ({tenth:.1f}), {100 * outage(rows, **where, **{SPEED: speed}):.0f} %")
        lines.append([name, *cells])
    return table(["arm", *(f"{speed} m/s" for speed in speeds)], lines) if rows else ""


def _codecs(rows: list[Row]) -> str:
    arms = values_of(rows, "arm")
    lines = []
    for radio in values_of(rows, "radio"):
        curves = [curve(rows, "psnr_db", radio=radio, arm=arm) for arm in arms]
        lines += [[radio, snr, *(f"{found.at(snr):.1f}" for found in curves)] for snr in (0, 10, 20)]
    return table(["radio", "SNR", *(TITLES.get(arm, arm) for arm in arms)], lines) if rows else ""


def _refinement(rows: list[Row]) -> str:
    """PSNR and LPIPS of each arm that is in the tables, the base alone among them."""
    kinds = sorted({(row["arm"], row.get(REFINEMENT) or "") for row in rows}, key=lambda kind: (kind[1], kind[0]))
    lines = []
    for radio in values_of(rows, "radio"):
        for snr in values_of(rows, "snr_db"):
            cells = []
            for arm, refinement in kinds:
                where = {"radio": radio, "snr_db": snr, "arm": arm, REFINEMENT: refinement or None}
                means = [curve(rows, metric, **where).mean[0] for metric in ("psnr_db", "lpips")]
                cells.append("{:.1f} dB, {:.3f}".format(*means))
            lines.append([radio, snr, *cells])
    heads = [f"refined by {refinement}" if refinement else "the base alone" for _, refinement in kinds]
    return table(["radio", "SNR", *heads], lines) if rows else ""


def _overhead(rows: list[Row]) -> str:
    lines = []
    for cbr in values_of(rows, "cbr"):
        row = next(row for row in rows if row["cbr"] == cbr)
        lines.append([cbr, row["channel_uses"] // 16, f"{100 * row['overhead']:.0f} %"])
    return table(["CBR", "payload symbols a frame", "overhead"], lines)


def _records(rows: list[Row]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[f"{v:.4g}" if isinstance(v := row.get(key, ""), float) else v for key in columns] for row in rows]
    return table(columns, cells)


def _json(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text()) if path.exists() else None
