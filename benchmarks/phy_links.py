"""What the waveform's benchmarks share: independent fades, one frame each, with the error of every resource element."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gvc import registry, seeds
from gvc.errors import InputError
from gvc.noise_map import NU_MAX
from gvc.phy import BurstReceiver, BurstTransmitter, Numerology, PictureShape, SymbolFrame
from gvc.phy.layout import fragment_symbols
from gvc.phy.payload import create_payload
from gvc.phy.receiver.genie import ChannelGenie

CENTER_FREQUENCY_HZ = 2.4e9
ESTIMATORS = ("ls", "dft-smoothed", "lmmse-exponential", "learned")
"""Of the channel: plain, robust, the best fixed guess, and the learned one that has to beat it."""
CHANNELS: dict[str, tuple[str, dict[str, Any]]] = {
    "awgn": ("awgn", {}),
    "tdl-a-30ns": ("tdl-a", {"delay_spread_s": 30e-9, "speed_mps": 3.0}),
    "tdl-c-900ns": ("tdl-c", {"delay_spread_s": 900e-9, "speed_mps": 3.0}),
}


@dataclasses.dataclass
class Trial:
    """One frame through one fade. error, noise_map [bursts, M, D] of what arrived; genie_error, genie_noise_map with
    perfect channel state on the same samples; snr_db and start_sample [bursts] as the receiver estimates them;
    bursts_sent; air, the channel with the frame behind it.
    """

    error: list[np.ndarray]
    noise_map: list[np.ndarray]
    genie_error: list[np.ndarray]
    genie_noise_map: list[np.ndarray]
    snr_db: list[float]
    start_sample: list[int]
    bursts_sent: int
    air: Any


def usable_estimators(numerology: Numerology, named: str | None) -> list[str]:
    """The names in `named`, else all of ESTIMATORS that there are for this numerology."""
    if named is not None:
        return named.split(",")
    usable = []
    for name in ESTIMATORS:
        with contextlib.suppress(InputError):
            registry.create("channel_estimator", name, numerology=numerology)
            usable.append(name)
    return usable


@dataclasses.dataclass
class Passage:
    """One frame through one fade. samples complex64 [rx, n]; rows: what each burst sent, complex64 [M, D]; air: the
    channel, which has the whole stream behind it; starts: first sample of each burst in the transmitted stream.
    """

    numerology: Numerology
    samples: np.ndarray
    rows: list[np.ndarray]
    air: Any
    starts: list[int]

    def genie(self) -> ChannelGenie:
        """Perfect channel state."""
        symbols = (len(rows) for rows in self.rows)
        return ChannelGenie(self.numerology, self.air, list(zip(self.starts, symbols, strict=True)))


def passages(
    numerology: Numerology,
    channel: str,
    snr_db: float,
    draws: int,
    *,
    seed: int = 0,
    rx_antennas: int = 1,
    cfo_hz: float = 4800.0,
    elements: tuple[int, int] = (256, 256),
    parameters: dict[str, Any] | None = None,
    impairments: Callable[[list[tuple[int, int]], np.random.Generator], list[dict[str, Any]]] | None = None,
) -> Iterator[Passage]:
    """`draws` passages; `elements` is the picture size, with 32 latents; `parameters` override the channel's.

    impairments: (first sample, payload symbols) of each burst and a generator -> what the channel is impaired by.
    """
    name, own = CHANNELS[channel]
    height, width = elements
    shape = PictureShape(height, width, 32)
    n = shape.elements
    fragments = fragment_symbols(numerology, n)
    payload = create_payload(0, numerology.scramble_seed)
    for draw in range(draws):
        random = seeds.stream(seed, f"{channel}/{draw}")
        symbols = random.standard_normal(2 * n, np.float32).view(np.complex64) / np.float32(2**0.5)
        frame = SymbolFrame(0, symbols / np.sqrt(np.mean(np.abs(symbols) ** 2)), shape, last=True)
        transmitter = BurstTransmitter(numerology)
        bursts = transmitter.bursts(frame)
        lead = int(random.integers(400, 800))
        stream = np.concatenate([np.zeros(lead, np.complex64), *bursts, transmitter.flush_samples()])
        starts = (lead + np.cumsum([0, *(len(b) for b in bursts[:-1])])).tolist()
        sent_bursts = list(zip(starts, fragments, strict=True))
        options: dict[str, Any] = {}
        if impairments is not None:
            drawn = impairments(sent_bursts, seeds.stream(seed, f"{channel}/{draw}/impairments"))
            options = {"path": name, "impairments": drawn}
        air = registry.create(
            "channel",
            "impaired" if options else name,
            options,
            sample_rate_hz=numerology.sample_rate_hz,
            center_frequency_hz=CENTER_FREQUENCY_HZ,
            occupied_fraction=numerology.occupied_fraction,
            snr_db=snr_db,
            seed=seeds.integer(seed, f"{channel}/{draw}"),
            rx_antennas=rx_antennas,
            **{"cfo_hz": cfo_hz, **own, **(parameters or {})},
        )
        samples = np.concatenate([air.process(stream), air.flush()], axis=1)
        sent = payload.spread(frame.symbols, sum(fragments) * numerology.data_carriers)
        rows = np.split(sent.reshape(-1, numerology.data_carriers), np.cumsum(fragments)[:-1])
        yield Passage(numerology, samples, rows, air, starts)


def trials(
    numerology: Numerology,
    channel: str,
    snr_db: float,
    draws: int,
    *,
    rx_antennas: int = 1,
    genie: bool = False,
    receiver: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[Trial]:
    """`draws` passages and what the receiver makes of them; `options` are further ones of `passages`."""
    own = {"rx_antennas": rx_antennas, "center_frequency_hz": CENTER_FREQUENCY_HZ, **(receiver or {})}
    for passage in passages(numerology, channel, snr_db, draws, rx_antennas=rx_antennas, **options):
        trial = Trial([], [], [], [], [], [], len(passage.rows), passage.air)
        for burst in BurstReceiver(numerology, **own).push(passage.samples):
            trial.error.append(np.abs(burst.symbols - passage.rows[burst.header.fragment]) ** 2)
            trial.noise_map.append(burst.noise_map)
            trial.snr_db.append(burst.snr_db)
            trial.start_sample.append(burst.start_sample)
        if genie:
            for burst in BurstReceiver(numerology, genie=passage.genie(), **own).push(passage.samples):
                trial.genie_error.append(np.abs(burst.symbols - passage.rows[burst.header.fragment]) ** 2)
                trial.genie_noise_map.append(burst.noise_map)
        yield trial


def known(noise_map: np.ndarray) -> np.ndarray:
    """Elements that are not erased."""
    return noise_map < np.float32(NU_MAX)


def deciles_db(error: np.ndarray, claim: np.ndarray) -> list[float]:
    """Mean error over mean claim in ten equal parts of the elements [n], by rising claim, in dB."""
    return [decibel(np.mean(error[d]) / np.mean(claim[d])) for d in np.array_split(np.argsort(claim), 10)]


def decibel(ratio: float) -> float:
    return float(10 * np.log10(ratio))
