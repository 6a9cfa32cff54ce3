"""What the mismatch tables do to the real receiver: wrong channel state or noise level, interference, lost bursts.

The equalisers are strategies from outside the packages: any link can run with one, for example
`--set phy.equaliser=benchmarks.impairments:StateError5` from the repository's folder. What they distort is not told.
"""

import dataclasses
import zlib

import numpy as np
import torch
from torch import Tensor

from gvc import config, seeds
from gvc.config import LinkConfig
from gvc.errors import LinkError
from gvc.phy import BurstReceiver, BurstTransmitter, Numerology, PictureShape, SymbolFrame
from gvc.phy.receiver.equaliser import Mmse
from gvc.simulation.offline import StreamChannel, channel_of, receiver_parameters, send


class _StateError(Mmse):
    """Adds CN(0, variance), independent from carrier to carrier and constant over a burst, to the estimated response.

    The simulated channels have unit mean power, so `variance` is relative to it.
    """

    variance: float

    def equalise(self, received: np.ndarray, response: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # equal samples meet equal errors, whatever the receiver has seen before
        random = np.random.default_rng(zlib.crc32(received.tobytes()))
        antennas, _, carriers = response.shape
        error = random.standard_normal((antennas, 1, 2 * carriers), np.float32).view(np.complex64)
        return super().equalise(received, response + error * np.float32((self.variance / 2) ** 0.5), noise)


class StateError5(_StateError):
    """Channel-state error of variance 0.05."""

    variance = 0.05


class StateError10(_StateError):
    """Channel-state error of variance 0.1."""

    variance = 0.1


class _Misjudged(Mmse):
    """Claims the noise to be `factor` times what the receiver has measured."""

    factor: float

    def equalise(self, received: np.ndarray, response: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return super().equalise(received, response, noise * np.float32(self.factor))


class Overrated(_Misjudged):
    """The receiver believes the SNR to be 3 dB better than it is."""

    factor = 10**-0.3


class Underrated(_Misjudged):
    """The receiver believes the SNR to be 3 dB worse than it is."""

    factor = 10**0.3


@dataclasses.dataclass(frozen=True)
class Waveform:
    """A picture's symbols over a simulated radio and through the real receiver; stands where `SymbolChannel` does.

    radio: its file's name; snr_db replaces its own. height, width: of the picture in pixels.
    equaliser: the receiver's, by registry name or path.
    burst_loss: probability that a burst does not reach the antenna; bursts are then of `SHORT_BURST` payload symbols,
        so that a frame has about ten of them.
    interference_db: power of a narrow-band interferer on a sixteenth of the occupied band, relative to the signal.
    """

    SHORT_BURST = 12

    radio: str
    snr_db: float
    height: int
    width: int
    equaliser: str = "mmse"
    burst_loss: float = 0.0
    interference_db: float | None = None

    def __call__(self, symbols: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Complex symbols [1, n] -> equalised symbols and noise map [1, n]. Its seed is the generator's.

        Raises LinkError when nothing of the frame is recovered.
        """
        seed = generator.initial_seed()
        radio = config.build(self.radio, [f"phy.equaliser={self.equaliser}"])
        u = Numerology.load(radio.phy.numerology)
        if self.burst_loss:
            u = dataclasses.replace(u, payload_symbols=self.SHORT_BURST, midamble_period=self.SHORT_BURST)
        latents = 2 * symbols.shape[1] // (-(-self.height // 16) * -(-self.width // 16))
        shape = PictureShape(self.height, self.width, latents)
        frame = SymbolFrame(0, symbols[0].cpu().numpy(), shape, last=True)
        if self.interference_db is not None:
            radio = _interfered(radio, self.interference_db, u)
        air: StreamChannel = channel_of(radio, self.snr_db, seed)
        if self.burst_loss:
            air = _Shadowed(air, self._lost(u, frame, seed))
        receiver = BurstReceiver(**{**receiver_parameters(radio), "numerology": u})
        frames = send(u, [frame], air, receiver, interval_s=0.0)
        if not frames:
            raise LinkError(f"nothing of the frame was recovered on {self.radio} at {self.snr_db:g} dB")
        received, noise_map = (torch.from_numpy(part)[None] for part in (frames[0].symbols, frames[0].noise_map))
        return received.to(symbols.device), noise_map.to(symbols.device)

    def _lost(self, u: Numerology, frame: SymbolFrame, seed: int) -> np.ndarray:
        """Which samples of the stream belong to lost bursts, bool [samples]."""
        lengths = [len(burst) for burst in BurstTransmitter(u).bursts(frame)]
        return np.repeat(seeds.stream(seed, "lost bursts").random(len(lengths)) < self.burst_loss, lengths)


def _interfered(radio: LinkConfig, level_db: float, u: Numerology) -> LinkConfig:
    """The radio with an interferer somewhere in the occupied band, a sixteenth of which it fills."""
    occupied_hz = u.occupied_fraction * u.sample_rate_hz
    edge_hz = occupied_hz / 2 * (1 - 1 / 16)
    interferer = {
        "kind": "interferer",
        "level_db": level_db,
        "bandwidth_hz": occupied_hz / 16,
        "frequency_hz": [-edge_hz, edge_hz],
    }
    options = {**radio.channel.options, "path": radio.channel.name, "impairments": [interferer]}
    channel = radio.channel.model_copy(update={"name": "impaired", "options": options})
    return radio.model_copy(update={"channel": channel})


class _Shadowed:
    """A channel before which the marked samples of the stream, all within the first push, are blanked."""

    def __init__(self, channel: StreamChannel, lost: np.ndarray):
        self._channel = channel
        self._lost = lost

    def process(self, samples: np.ndarray) -> np.ndarray:
        kept = samples.copy()
        kept[: len(self._lost)][self._lost] = 0
        return self._channel.process(kept)

    def flush(self) -> np.ndarray:
        return self._channel.flush()
