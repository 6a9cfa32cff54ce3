"""Where the analogue arms are ahead, with what it is worth, at CBR 1/48."""

from benchmarks.book.analysis import (
    ADAPTIVE,
    BLOCKED,
    DELAY,
    FIXED,
    HYBRID,
    MARGIN,
    NEURAL,
    OUTAGE_DB,
    SPEED,
    Findings,
    Row,
    curve,
    mean_and_tenth,
    outage,
    values_of,
)
from benchmarks.book.figures import TITLES

SHARE = 0.2
"""Of the time blocked, of which the page tells."""


def wins(tables: dict[str, list[Row]], found: Findings) -> str:
    """A list in Markdown; what has no table yet is left out."""
    main = [row for row in tables["main"] if row["cbr"] == "1/48"]
    faded = [row for row in main if row["radio"] != "sim-awgn"]
    lines = [_threshold(faded), _outage(faded), _broadcast(found), _hybrid(found), _looks(faded)]
    if "erasures" in tables:
        lines.append(_erasures(tables["erasures"]))
    if "feedback" in tables:
        lines.append(_feedback(tables["feedback"]))
    return "\n".join(f"- {line}" for line in lines)


def frames(number: int) -> str:
    """So many frames, in words."""
    return "1 frame" if number == 1 else f"{number} frames"


def _threshold(rows: list[Row]) -> str:
    fixed, neural, softcast = (curve(rows, "psnr_db", arm=arm).at(0) for arm in (FIXED, NEURAL, "softcast"))
    return (
        f"**below a fixed MCS's threshold**: at 0 dB in fading, {TITLES[FIXED]} shows grey ({fixed:.1f} dB), "
        f"{TITLES[NEURAL]} {neural:.1f} dB, softcast {softcast:.1f}."
    )


def _outage(rows: list[Row]) -> str:
    arms = ADAPTIVE, FIXED, "softcast", NEURAL
    shares = [100 * outage(rows, arm=arm, snr_db=0) for arm in arms]
    told = ", ".join(f"{TITLES[arm]} {share:.0f} %" for arm, share in zip(arms, shares, strict=True))
    return f"**outage**: of draws at 0 dB in fading, below {OUTAGE_DB:g} dB of PSNR are: {told}."


def _broadcast(found: Findings) -> str:
    arms = found.broadcast["sim-awgn", "1/48"]
    shown = ((TITLES[arm], *arms[arm]) for arm in (FIXED, NEURAL, "softcast"))
    told = ", ".join(f"{title} {tenth:.1f} dB (mean {mean:.1f})" for title, mean, tenth in shown)
    return f"**one broadcast** to receivers at 0 to 20 dB in white noise, tenth percentile: {told}."


def _hybrid(found: Findings) -> str:
    ahead = []
    for (radio, cbr), arms in found.broadcast.items():
        best = max(arms, key=lambda arm: arms[arm][0])
        if best == HYBRID:
            lead = arms[best][0] - max(mean for arm, (mean, _) in arms.items() if arm != best)
            ahead.append(f"{radio} at {cbr} ({lead:.1f} dB above the next)")
    told = ", ".join(ahead) or "no channel"
    return f"**a hybrid**, on QPSK 1/2, has the highest mean over those receivers on {told}."


def _looks(rows: list[Row]) -> str:
    neural, grey = (curve(rows, "lpips", arm=arm).at(-5) for arm in (NEURAL, ADAPTIVE))
    return f"**LPIPS at -5 dB** in fading: {TITLES[NEURAL]} {neural:.2f}, every other arm grey ({grey:.2f})."


def _erasures(rows: list[Row]) -> str:
    arms = ADAPTIVE, NEURAL, "softcast", FIXED
    told = ", ".join(f"{TITLES[arm]} {mean_and_tenth(rows, **{BLOCKED: SHARE, 'arm': arm})[0]:.1f} dB" for arm in arms)
    return (
        f"**erasures**: with {100 * SHARE:.0f} % of the time blocked, {told}. What fails is not the code but its "
        "choice: the fixed MCS has SNR to spare."
    )


def _feedback(rows: list[Row]) -> str:
    """In the slowest fades, with the best margin for each delay."""
    speed = min(values_of(rows, SPEED))
    margins = values_of(rows, MARGIN)
    best = {
        delay: max(mean_and_tenth(rows, **{SPEED: speed, DELAY: delay, MARGIN: margin})[0] for margin in margins)
        for delay in values_of(rows, DELAY)
    }
    told = ", ".join(f"{mean:.1f} dB {frames(delay)} late" for delay, mean in best.items())
    blind = {SPEED: speed, DELAY: None}
    softcast, neural = (mean_and_tenth(rows, **blind, arm=arm)[0] for arm in ("softcast", NEURAL))
    return (
        f"**late feedback**: AV1 + LDPC that follows fades of {speed} m/s, with its best margin, has {told}; without "
        f"any feedback softcast has {softcast:.1f} and {TITLES[NEURAL]} {neural:.1f}."
    )
