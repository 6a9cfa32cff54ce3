"""What a person wants to see of a run first; the rest is in run.json."""

from typing import Any

from gvc.registry import names
from gvc.report.headline import gains_db, queue_grew

SINGLES = ("clip", "radio", "frames_sent", "frames_lost", "bursts_sent", "bursts_lost", "snr_set_db", "snr_est_db")


def headline(result: dict[str, Any]) -> dict[str, Any]:
    """Each arm's means in a row, the gain of the last arm, losses, speed; `result` is what `run_link` gives."""
    known = names("metric")
    arms = [
        {"arm": name, **{metric: value for metric, value in arm.items() if metric in known}}
        for name, arm in result["arms"].items()
    ]
    over = gains_db({name: arm.get("psnr_db") for name, arm in result["arms"].items()})
    gains = [f"{gain:+.2f} dB over {arm}" for arm, gain in over.items()]
    latency = result["latency_ms"]
    return {
        "arms": arms,
        **({f"PSNR of {list(result['arms'])[-1]}": ", ".join(gains)} if gains else {}),
        **{name: result[name] for name in SINGLES},
        "size": "x".join(map(str, result["size"])),
        "realtime_factor": result["realtime_factor"],
        "latency_ms": "not real time: the queue grew" if queue_grew(result) else latency,
        "not_measured": result["not_measured"],
    }
