"""PSNR over SNR of a few frames through the real waveform, channel and receiver, without a running flowgraph."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gvc import registry, seeds
from gvc.bootstrap import mean_ci95
from gvc.config import LinkConfig
from gvc.evaluation.metrics import measure
from gvc.phy.frames import SymbolFrame
from gvc.phy.numerology import Numerology
from gvc.phy.offline import channel_of, receiver_of, send
from gvc.video.clip import open_clip

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
    """Rows {snr_db, arm, psnr_db, psnr_db_ci95, frames, frames_lost}; a lost frame counts as a grey picture.

    Every SNR sees the same `draws` channel realisations, `frames` frames each, and every arm the same received symbols.
    """
    model = config.model
    encoder = registry.create(
        "encoder",
        model.encoder,
        preset=model.preset,
        cbr=model.cbr,
        design_snr_db=model.design_snr_db,
        dtype=model.dtype,
    )
    denoiser = registry.create("denoiser", model.denoiser, preset=model.preset, dtype=model.dtype)
    decoders = {
        arm: registry.create("decoder", model.decoder, preset=model.preset, arm_name=arm, dtype=model.dtype)
        for arm in arms
    }
    pictures = list(open_clip(clip, size=config.video.size, frames=frames))
    height, width = pictures[0].shape[:2]
    sent = [
        SymbolFrame(i, encoder.encode(p), height, width, encoder.latents, last=i == len(pictures) - 1)
        for i, p in enumerate(pictures)
    ]
    numerology = Numerology.load(config.phy.numerology)
    rows = []
    for index, snr_db in enumerate(snrs_db):
        values: dict[str, list[float]] = {arm: [] for arm in arms}
        lost = 0
        for draw in range(draws):
            channel = channel_of(config, snr_db, seeds.integer(seed, f"sweep/{draw}"))
            received = {f.frame_id: f for f in send(numerology, sent, channel, receiver_of(config))}
            lost += len(sent) - len(received)
            for number, picture in enumerate(pictures):
                frame = received.get(number)
                for arm, decoder in decoders.items():
                    shown = np.full_like(picture, 128)
                    if frame is not None:
                        about = frame.noise_map, height, width, frame.latents
                        symbols = denoiser.denoise(frame.symbols, *about) if decoder.expects_denoised else frame.symbols
                        shown = decoder.decode(symbols, *about)
                    values[arm].append(float(measure("psnr_db", [picture], [shown])[0][0]))
            progress(index * draws + draw + 1, len(snrs_db) * draws)
        rows += [_row(snr_db, arm, values[arm], lost, seed) for arm in arms]
    return rows


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
