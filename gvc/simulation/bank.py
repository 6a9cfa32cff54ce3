"""Banks: the noise that the real receiver leaves on a frame, recorded for training.

A bank holds, for F frames of n symbols in the order of `SymbolFrame.symbols` (signs descrambled, deinterleaved), what
the decoder meets: symbols + error with its noise map. Training reshapes n to (latents / 2, height / 16, width / 16).
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from gvc import seeds
from gvc.errors import InputError, LinkError
from gvc.noise_map import NU_MAX
from gvc.phy.frames import ReceivedFrame, SymbolFrame
from gvc.phy.numerology import Numerology
from gvc.phy.receiver.receiver import BurstReceiver
from gvc.phy.shape import PictureShape
from gvc.simulation.offline import StreamChannel, channel_of, receiver_of, send


@dataclasses.dataclass
class Bank:
    """arrays: noise_map float16 [F, n]; error_re, error_im float16 [F, n], received less sent, 0 where erased; erased
    bool [F, n], symbols whose value is unknown (noise_map at NU_MAX); snr_db float32 [F], what the channel was set to.
    metadata: text for the file's header. `frames_lost` were sent beside the F that are recorded.
    """

    arrays: dict[str, np.ndarray]
    metadata: dict[str, str]
    frames_lost: int


def record_bank(
    numerology: Numerology,
    make_channel: Callable[[float, int], StreamChannel],
    make_receiver: Callable[[], BurstReceiver],
    *,
    frames: int,
    height: int = 256,
    width: int = 256,
    latents: int = 32,
    snr_db: tuple[float, float] = (-2.0, 22.0),
    seed: int = 0,
    frames_per_draw: int = 4,
    frame_interval_s: float = 0.04,
    progress: Callable[[int], None] | None = None,
) -> Bank:
    """Send `frames` frames of Gaussian symbols and keep what the receiver makes of them.

    Every `frames_per_draw` frames there is a new channel, `make_channel(snr_db, seed)`, with an SNR drawn uniformly in
    dB from the range; its frames lie `frame_interval_s` apart (start to start), so that fades differ. `progress` is
    called with the number of frames done.

    Raises InputError for a range or number that makes no sense, LinkError when no frame at all is received.
    """
    low, high = snr_db
    if frames < 1 or frames_per_draw < 1 or not low <= high:
        raise InputError(f"a bank needs at least one frame and a rising SNR range, not {frames} and {low} to {high} dB")
    random = seeds.stream(seed, "bank")
    picture = PictureShape(height, width, latents)
    n = picture.elements
    kept: list[tuple[np.ndarray, ReceivedFrame, float]] = []
    draw = done = 0
    while done < frames:
        count = min(frames_per_draw, frames - done)
        snr = float(random.uniform(low, high))
        channel = make_channel(snr, seeds.integer(seed, f"bank/channel/{draw}"))
        sent = random.standard_normal((count, 2 * n), np.float32).view(np.complex64)
        sent /= np.sqrt(np.mean(np.abs(sent) ** 2, axis=1, keepdims=True))
        frame_list = [SymbolFrame(i, s, picture, last=i == count - 1) for i, s in enumerate(sent)]
        for received in send(numerology, frame_list, channel, make_receiver(), frame_interval_s):
            kept.append((sent[received.frame_id], received, snr))
        done += count
        draw += 1
        if progress is not None:
            progress(done)
    if not kept:
        raise LinkError(f"none of {frames} frames was received between {low} and {high} dB: nothing to record")
    arrays = _arrays(kept)
    shape = {"height": height, "width": width, "latents": latents, "seed": seed}
    metadata = {
        "content": "gvc noise-map bank",
        "numerology": numerology.name,
        "snr_db": f"{low:g},{high:g}",
        "frames_lost": str(frames - len(kept)),
        **{key: str(value) for key, value in shape.items()},
    }
    return Bank(arrays, metadata, frames - len(kept))


def record_radio(config: Any, **options: Any) -> Bank:
    """A bank over a radio: `config` is a `gvc.config.LinkConfig`, `options` those of `record_bank` from `frames` on.

    The radio's own SNR is not used; everything else of its `phy` and `channel` sections is.
    """
    numerology = Numerology.load(config.phy.numerology)
    if numerology.sample_rate_hz != config.sample_rate_hz:
        raise InputError(
            f"numerology '{numerology.name}' runs at {numerology.sample_rate_hz:g} samples/s, the radio at "
            f"{config.sample_rate_hz:g}: choose the one that fits in phy.numerology or sample_rate_hz"
        )

    def make_channel(snr_db: float, seed: int) -> StreamChannel:
        return channel_of(config, snr_db, seed)

    bank = record_bank(numerology, make_channel, lambda: receiver_of(config), **options)
    bank.metadata["channel"] = config.channel.model_dump_json(exclude={"snr_db"})
    return bank


def _arrays(kept: list[tuple[np.ndarray, ReceivedFrame, float]]) -> dict[str, np.ndarray]:
    noise_map = np.stack([received.noise_map for _, received, _ in kept])
    error = np.stack([received.symbols - sent for sent, received, _ in kept])
    erased = noise_map >= NU_MAX
    error[erased] = 0
    # float16 ends at 65504; an error so large belongs to a noise map far above NU_MAX, which is erased already.
    return {
        "noise_map": noise_map.astype(np.float16),
        "error_re": error.real.astype(np.float16),
        "error_im": error.imag.astype(np.float16),
        "erased": erased,
        "snr_db": np.array([snr for _, _, snr in kept], np.float32),
    }
