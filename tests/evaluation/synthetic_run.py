"""A run folder as a run over a fading channel leaves it, made from a clip without running one."""

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from gvc.evaluation.metrics import measure
from gvc.phy.signal_probe import SignalProbe

CARRIERS = np.array([k for k in range(-26, 27) if k != 0])
BURSTS_PER_FRAME = 9
SYMBOLS_PER_FRAME = 2048
LOST_FRAMES = (17,)


def write(
    folder: Path, clip: np.ndarray, metrics: tuple[str, ...] = ("psnr_db", "ssim"), sweep: bool = True, seed: int = 0
) -> Path:
    """Write run.json, metrics.json, frames/, bursts.npz, symbols.npz and sweep.json for `clip` [frames, h, w, 3]."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    bursts = _bursts(rng, len(clip))
    frame_snr_db = bursts["snr_db"].reshape(len(clip), BURSTS_PER_FRAME).mean(1)
    lost = [i for i in LOST_FRAMES if i < len(clip)]
    shown = {"reference": clip}
    for arm, strength in (("jscc", 1.0), ("jscc+cddm", 0.55)):
        shown[arm] = _degrade(rng, clip, frame_snr_db, strength, lost)
    for name, pictures in shown.items():
        (folder / "frames" / name).mkdir(parents=True, exist_ok=True)
        for i, picture in enumerate(pictures):
            Image.fromarray(picture).save(folder / "frames" / name / f"{i:05d}.png", compress_level=1)
    evaluation = _evaluation(shown, metrics, lost)
    (folder / "metrics.json").write_text(json.dumps(evaluation))
    keep = rng.random(bursts["snr_db"].size) > 0.01
    np.savez(folder / "bursts.npz", **{k: v[keep] if k in PER_BURST else v for k, v in bursts.items()})
    np.savez(folder / "symbols.npz", **_symbols(rng, frame_snr_db))
    np.savez(folder / "signal.npz", **_signal(rng))
    if sweep:
        rows = [
            {"snr_db": snr, "arm": arm, "psnr_db": top - 8 * np.exp(-(snr + 4) / 9), "psnr_db_ci95": [-1.0, 1.0]}
            for arm, top in (("jscc", 28.2), ("jscc+cddm", 29.0))
            for snr in range(-2, 23, 3)
        ]
        for row in rows:
            row["psnr_db_ci95"] = [row["psnr_db"] - 0.4, row["psnr_db"] + 0.4]
        (folder / "sweep.json").write_text(json.dumps(rows))
    (folder / "run.json").write_text(json.dumps(_run(clip, evaluation, keep, frame_snr_db), indent=1))
    return folder


PER_BURST = ("frame_id", "burst_index", "start_sample", "snr_db", "evm_db", "cfo_hz", "channel")


def _bursts(rng: np.random.Generator, frames: int) -> dict[str, np.ndarray]:
    """Six paths of Jakes fading within 3 us, seen on the carriers of a 1 MHz OFDM signal at each burst."""
    count = frames * BURSTS_PER_FRAME
    start = np.arange(count) * 820 + 400
    time_s = start / 1e6
    delays_s, gains = np.array([0, 0.2, 0.6, 1.1, 2.0, 3.1]) * 1e-6, 10 ** (-np.array([0, 1, 3, 5, 7, 10]) / 20)
    channel = np.zeros((count, CARRIERS.size), complex)
    for delay, gain in zip(delays_s, gains / np.linalg.norm(gains), strict=True):
        angles, phases = rng.uniform(0, 2 * np.pi, (2, 16))
        tap = np.exp(1j * (2 * np.pi * 24 * np.cos(angles) * time_s[:, None] + phases)).sum(1) / 4
        channel += gain * tap[:, None] * np.exp(-2j * np.pi * CARRIERS * 15625 * delay)
    snr_db = 12 + 10 * np.log10((abs(channel) ** 2).mean(1))
    return {
        "frame_id": np.repeat(np.arange(frames), BURSTS_PER_FRAME),
        "burst_index": np.tile(np.arange(BURSTS_PER_FRAME), frames),
        "start_sample": start,
        "snr_db": snr_db,
        "evm_db": -snr_db + rng.normal(0.8, 0.3, count),
        "cfo_hz": 1200 + rng.normal(0, 15, count),
        "channel": channel.astype(np.complex64),
        "carriers": CARRIERS,
        "sample_rate_hz": np.float64(1e6),
        "carrier_spacing_hz": np.float64(15625),
    }


def _symbols(rng: np.random.Generator, frame_snr_db: np.ndarray) -> dict[str, np.ndarray]:
    def gaussian(*shape: int) -> np.ndarray:
        return (rng.normal(size=(*shape, 2)) @ np.array([1, 1j])) / np.sqrt(2)

    frames = len(frame_snr_db)
    true = gaussian(frames, SYMBOLS_PER_FRAME) * rng.choice([0.4, 1.0, 1.6], (frames, SYMBOLS_PER_FRAME))
    true /= np.sqrt((abs(true) ** 2).mean())
    fading = rng.exponential(1, (frames, SYMBOLS_PER_FRAME))
    noise_map = np.clip(10 ** (-frame_snr_db[:, None] / 10) / fading, 1e-3, 31.6)
    equalised = true + np.sqrt(noise_map) * gaussian(frames, SYMBOLS_PER_FRAME)
    denoised = equalised / (1 + noise_map)
    received = np.sqrt(fading) * np.exp(2j * np.pi * rng.random(true.shape)) * true + 0.2 * gaussian(*true.shape)
    return {
        "frame_id": np.arange(frames),
        "equalised": equalised.astype(np.complex64).ravel(),
        "noise_map": noise_map.astype(np.float32).ravel(),
        "true": true.astype(np.complex64).ravel(),
        "denoised": denoised.astype(np.complex64).ravel(),
        "offsets": np.arange(frames + 1) * SYMBOLS_PER_FRAME,
        "received": received.astype(np.complex64).ravel()[:20_000],
    }


def _signal(rng: np.random.Generator) -> dict[str, np.ndarray]:
    seen = {}
    for name, level in (("sent", 0.0), ("received", 0.3)):
        probe = SignalProbe()
        probe.add(rng.normal(size=(40_000, 2)) @ np.array([1, 1j]) + level)
        seen |= {f"{name}_{key}": value for key, value in probe.record().items()}
    return seen


def _degrade(
    rng: np.random.Generator, clip: np.ndarray, snr_db: np.ndarray, strength: float, lost: list[int]
) -> np.ndarray:
    shown = []
    for i, picture in enumerate(clip):
        if i in lost:
            shown.append(shown[-1] if shown else np.full_like(picture, 128))
            continue
        level = float(strength * 10 ** (-(snr_db[i] - 14) / 40))
        blurred = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(1.1 * level)), float)
        height, width = picture.shape[:2]
        coarse = rng.normal(0, 13 * level, (height // 8 + 1, width // 8 + 1, 3)).repeat(8, 0).repeat(8, 1)
        texture = coarse[:height, :width] + rng.normal(0, 4 * level, picture.shape)
        shown.append(np.clip(np.rint(blurred + texture), 0, 255).astype(np.uint8))
    return np.stack(shown)


def _evaluation(shown: dict[str, np.ndarray], metrics: tuple[str, ...], lost: list[int]) -> dict:
    arms, not_measured = {}, {}
    frames = len(shown["reference"])
    for arm in ("jscc", "jscc+cddm"):
        columns = {}
        for name in metrics:
            values, reason = measure(name, shown["reference"], shown[arm])
            columns[name] = None if values is None else values.tolist()
            if reason:
                not_measured[name] = reason
        received = [i for i in range(frames) if i not in lost]
        arms[arm] = {
            "frames_received": len(received),
            "frames_lost": len(lost),
            **{name: None if column is None else float(np.mean(column)) for name, column in columns.items()},
            "received": {
                n: None if c is None else float(np.mean([c[i] for i in received])) for n, c in columns.items()
            },
            "per_frame": {
                "frame_id": list(range(frames)),
                "lost": [i in lost for i in range(frames)],
                "mode": [0] * frames,
                **columns,
            },
        }
    height, width = shown["reference"].shape[1:3]
    return {
        "complete": True,
        "frames_sent": frames,
        "size": f"{width}x{height}",
        "arms": arms,
        "not_measured": not_measured,
        "messages_sent": 3 * frames + 1,
        "messages_received": 3 * frames + 1,
        "messages_lost": 0,
        "malformed": 0,
    }


def _run(clip: np.ndarray, evaluation: dict, keep: np.ndarray, snr_db: np.ndarray) -> dict:
    frames, height, width = clip.shape[:3]
    return {
        "clip": "bikes.mp4",
        "size": f"{width}x{height}",
        "fps_source": 25.0,
        "frames_sent": frames,
        "frames_received": evaluation["arms"]["jscc"]["frames_received"],
        "frames_lost": evaluation["arms"]["jscc"]["frames_lost"],
        "bursts_sent": int(keep.size),
        "bursts_lost": int((~keep).sum()),
        "cbr": 1 / 48,
        "overhead": 0.346,
        "snr_set_db": 12.0,
        "snr_est_db": float(snr_db.mean()),
        "evm_db": -11.2,
        "seconds": frames / 41.0,
        "realtime_factor": 1.64,
        "latency_ms": {"p50": 58.1, "p95": 74.9, "p99": 88.2},
        "denoiser_active_fraction": 0.93,
        "arms": {
            name: {"channel_uses": 4096 * frames, "energy": 4096.0 * frames, **arm}
            for name, arm in evaluation["arms"].items()
        },
        "not_measured": evaluation["not_measured"],
        "radio": "sim-tdl-c-900ns",
        "seed": 1,
        "created": "2026-01-01T12:00:00+00:00",
        "command": "./testbed link --clip bikes.mp4 --radio sim-tdl-c-900ns --set channel.snr_db=12",
        "adaptation": {
            "swaps": 2,
            "rollbacks": 1,
            "restarts": 0,
            "frames_dropped": 3,
            "cpu_share": 0.243,
            "cpu_share_limit": 0.25,
            "failure": "",
            "judgements": [
                {"decision": decision, "from_frame": frame}
                for decision, frame in (("swap", 4), ("keep", 7), ("swap", 9), ("rollback", 13))
            ],
            "curve": {
                "frame_id": list(range(frames)),
                "linear_db": [-7.0 + 0.3 * np.sin(i) for i in range(frames)],
                "shipped_db": [-8.6 if i < frames // 3 else -6.9 for i in range(frames)],
                "trained_db": [-8.6 if i < frames // 3 else -6.9 - 2 * i / frames for i in range(frames)],
            },
        },
        "stages": [
            {"stage": "source", "cpu_seconds_per_frame": 0.0011},
            {"stage": "encoder", "cpu_seconds_per_frame": 0.0098},
            {"stage": "transmitter", "cpu_seconds_per_frame": 0.0017},
            {"stage": "channel", "cpu_seconds_per_frame": 0.0041},
            {"stage": "receiver", "cpu_seconds_per_frame": 0.0026},
            {"stage": "denoiser", "cpu_seconds_per_frame": 0.0064},
            {"stage": "decoder", "cpu_seconds_per_frame": 0.0131},
            {"stage": "sink", "cpu_seconds_per_frame": 0.0004},
        ],
        "counters": {
            "assembler": {"bursts_received": int(keep.sum()), "bursts_lost": int((~keep).sum()), "frames_partial": 5},
            "evaluator": {"messages_sent": 3 * frames + 1, "messages_lost": 0},
        },
        "config": {
            "video": {"size": f"{width}x{height}", "frames": frames},
            "model": {"preset": "default", "cbr": "1/48", "design_snr_db": 10, "dtype": "bfloat16"},
            "phy": {"numerology": "ofdm64", "synchroniser": "schmidl-cox", "equaliser": "mmse", "rx_antennas": 1},
            "channel": {"name": "tdl-c", "snr_db": 12, "cfo_hz": 1200, "delay_spread_s": 9e-7, "speed_mps": 3},
            "driver": "simulation",
            "sample_rate_hz": 1e6,
            "center_frequency_hz": 2.4e9,
        },
        "versions": {"gvc": "0.1.0", "python": "3.11.2", "gnuradio": "3.10.5.1", "torch": "2.13.0", "numpy": "1.26.4"},
        "machine": {"cpu": "a CPU", "cores": 2},
        "weights": {"encoder": {"sha256": "ab" * 32, "label": "trained"}, "denoiser": {"sha256": "cd" * 32}},
    }
