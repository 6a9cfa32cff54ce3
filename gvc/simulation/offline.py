"""The waveform over a channel without a flowgraph: for banks, sweeps and benchmarks."""

from typing import Any, Protocol

import numpy as np

from gvc import registry
from gvc.phy.frames import ReceivedFrame, SymbolFrame
from gvc.phy.numerology import Numerology
from gvc.phy.receiver.assembler import FrameAssembler
from gvc.phy.receiver.receiver import BurstReceiver
from gvc.phy.transmitter import BurstTransmitter


class StreamChannel(Protocol):
    """What is asked of a channel, see `gvc.channel.base.Channel`."""

    def process(self, samples: np.ndarray) -> np.ndarray: ...

    def flush(self) -> np.ndarray: ...


def send(
    numerology: Numerology,
    frames: list[SymbolFrame],
    channel: StreamChannel,
    receiver: BurstReceiver,
    interval_s: float = 0.04,
) -> list[ReceivedFrame]:
    """Modulate `frames`, start to start `interval_s` apart, pass them through `channel` and receive them.

    Frames of which nothing was recovered are missing in the result.
    """
    transmitter, assembler = BurstTransmitter(numerology), FrameAssembler(numerology)
    interval = round(interval_s * numerology.sample_rate_hz)
    stream = []
    for frame in frames:
        bursts = np.concatenate(transmitter.bursts(frame))
        stream += [bursts, np.zeros(max(0, interval - len(bursts)), np.complex64)]
    samples = np.concatenate([*stream, transmitter.flush_samples()])
    received = np.concatenate([channel.process(samples), channel.flush()], axis=1)
    result = []
    for burst in receiver.push(received):
        if burst.header.stream == transmitter.stream:  # and not of another transmitter that the channel has
            result += assembler.push(burst)
    return result + assembler.flush()


def channel_of(config: Any, snr_db: float, seed: int) -> StreamChannel:
    """The channel of a `gvc.config.LinkConfig` at another SNR."""
    return registry.create(
        "channel",
        config.channel.name,
        config.channel.options,
        sample_rate_hz=config.sample_rate_hz,
        center_frequency_hz=config.center_frequency_hz,
        occupied_fraction=Numerology.load(config.phy.numerology).occupied_fraction,
        rx_antennas=config.phy.rx_antennas,
        snr_db=snr_db,
        seed=seed,
        **config.channel.model_dump(exclude={"name", "snr_db", "options"}),
    )


def receiver_parameters(config: Any) -> dict[str, Any]:
    """What the receiver takes from the configuration. It learns nothing of the simulated channel but whether clocks
    are coupled, which a radio file states for a real radio too."""
    phy = config.phy
    return {
        "numerology": phy.numerology,
        "synchroniser": phy.synchroniser,
        "channel_estimator": phy.channel_estimator,
        "equaliser": phy.equaliser,
        "rx_antennas": phy.rx_antennas,
        "center_frequency_hz": config.center_frequency_hz,
        "one_oscillator": config.channel.sro_ppm is None,
        "options": phy.options.model_dump(),
    }


def receiver_of(config: Any) -> BurstReceiver:
    """The receiver of a `gvc.config.LinkConfig`."""
    return BurstReceiver(**{**receiver_parameters(config), "numerology": Numerology.load(config.phy.numerology)})
