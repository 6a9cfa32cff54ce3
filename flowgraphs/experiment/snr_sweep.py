"""PSNR over SNR of a few frames through the real waveform, channel and receiver, without a running flowgraph."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gvc import seeds
from gvc.bootstrap import mean_ci95
from gvc.coding.arms import bind
from gvc.config import LinkConfig
from gvc.errors import LinkError
from gvc.evaluation.metrics import measure
from gvc.phy.shape import frame_symbols
from gvc.simulation.realisation import Realisation
from gvc.simulation.transmission import Sent, encode, receive, send
from gvc.video.clip import open_clip
from models.latents import latents_of

SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)


def sweep(
    config: LinkConfig,
    clip: str,
    arms: Sequence[str],
    snrs_db: Sequence[float] = SNRS_DB,
    frames: int = 4,
    draws: int = 4,
    seed: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict[str, Any]]:
    """Rows {snr_db, arm, psnr_db, psnr_db_ci95, frames, frames_lost}; a lost frame shows the last one, or grey.

    Every SNR sees the same `draws` channel realisations, `frames` frames each, and arms with one sender the same
    received symbols. Networks run in float32 unless the configuration says bfloat16.
    """
    if config.model.dtype == "auto":
        config = config.model_copy(update={"model": config.model.model_copy(update={"dtype": "float32"})})
    source = open_clip(clip, size=config.video.size, frames=frames)
    pictures = np.stack(list(source))
    (height, width), latents = pictures.shape[1:3], latents_of(config.model.cbr)
    bound = {arm: bind(arm, config, source.fps) for arm in arms}
    coded = {
        arm.sender: functools.cache(functools.partial(encode, arm, pictures, frame_symbols(height, width, latents)))
        for arm in bound.values()
    }
    feedback = config.digital.feedback_delay, config.digital.feedback_window
    rows = []
    for index, snr_db in enumerate(snrs_db):
        values: dict[str, list[float]] = {arm: [] for arm in arms}
        lost = 0
        for draw in range(draws):
            drawn = seeds.integer(seed, f"sweep/{draw}")
            air = Realisation(config, snr_db, drawn, height, width, latents, 1 / source.fps, warm_up=0)
            sent: dict[str, Sent] = {}
            for name, arm in bound.items():
                if arm.sender not in sent:
                    sent[arm.sender] = send(arm, air, pictures, *feedback, coded[arm.sender])
                shown = receive(arm, sent[arm.sender], air.count, height, width)
                values[name] += _psnr_db(list(pictures), list(shown.pictures))
            lost += shown.slots_lost
            progress(index * draws + draw + 1, len(snrs_db) * draws)
        rows += [_row(snr_db, arm, values[arm], lost, seed) for arm in arms]
    return rows


def _psnr_db(reference: list[np.ndarray], shown: list[np.ndarray]) -> list[float]:
    column, reason = measure("psnr_db", reference, shown)
    if column is None:
        raise LinkError(f"no PSNR of the sweep: {reason}")
    return column.tolist()


def _row(snr_db: float, arm: str, values: list[float], lost: int, seed: int) -> dict[str, Any]:
    sample = np.array(values)
    low, high = mean_ci95(sample, seed)
    return {
        "snr_db": snr_db,
        "arm": arm,
        "psnr_db": round(float(sample.mean()), 3),
        "psnr_db_ci95": [round(low, 3), round(high, 3)],
        "frames": len(sample),
        "frames_lost": lost,
    }
