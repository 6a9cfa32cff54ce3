"""The hybrid's refinement by the JSCC pair: residuals sent as pictures around mid-grey, one by one."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from gvc import seeds
from gvc.errors import BudgetError, InputError, ParseError
from gvc.phy.fec.mcs import named
from gvc.phy.fec.transport_block import TransportBlock, transport_block
from models.arms import AWARE, ENCODER, Places
from models.latents import MAX_LATENTS, MIN_LATENTS, STRIDE, grid
from models.receiver import PLAIN, NeuralReceiver
from models.stages import FrameEncoder
from models.weights import with_shards

GREY, SWING = 128, 127
HEADROOM = 3.0
"""Of a residual's standard deviations that SWING stands for; what is beyond is clipped."""
FLOOR = 1e-2
"""Least such swing, in grey levels."""
STEPS = 16
"""Steps of the swing in a factor of two."""
WEIGHTS = 128
"""Steps of the estimate's weight in one."""
LEAST_SYMBOLS = 160
_MCS = named("qpsk-1_5")


class JsccRefinement:
    """n residuals of one size in `symbols` complex symbols of mean power 1, by the shipped pair of a preset.

    Its networks have seen pictures, not residuals. The encoder therefore decodes what it sends at the SNR that it
    knows, and tells the receiver the weight at which the estimate leaves the least error: 0 if it is of no use.
    """

    def __init__(
        self,
        n: int,
        height: int,
        width: int,
        symbols: int,
        preset: str = "default",
        dtype: str = "auto",
        compiled: bool = False,
    ):
        self._shape = n, height, width
        rows, columns = grid(height, width)
        pairs = (symbols - LEAST_SYMBOLS) // (n * rows * columns)
        self._latents = 2 * min(max(pairs, 0), MAX_LATENTS // 2)
        self._count = self._latents // 2 * rows * columns
        self._symbols = symbols
        self._given = preset, dtype, compiled
        self._receiver = _receiver(*self._given)

    @classmethod
    def configured(cls, config: Any) -> dict[str, Any]:
        """Options of section `model` of a `gvc.config.LinkConfig`."""
        return {"preset": config.model.preset, "dtype": config.model.dtype, "compiled": config.model.compile}

    @staticmethod
    def weights(preset: str = "default", **options: Any) -> list[Path]:
        """The files that its results depend on."""
        folder = Places(preset).folders["jscc"]
        return [file for name in (ENCODER, AWARE) for file in with_shards(folder / name)]

    def encode(self, residual: np.ndarray, snr_db: float) -> tuple[np.ndarray, int]:
        """float32 [n, height, width, 3] -> symbols complex64 [symbols], and 1, the size of the metadata.

        Raises BudgetError when the symbols are too few for the least rate of the networks.
        """
        if self._latents < MIN_LATENTS:
            least = LEAST_SYMBOLS + self._shape[0] * MIN_LATENTS // 2 * int(np.prod(grid(*self._shape[1:])))
            raise BudgetError(f"{self._symbols} symbols are too few for a JSCC refinement: it needs {least}")
        level = int(np.clip(np.ceil(STEPS * np.log2(HEADROOM * residual.std() / FLOOR + 1e-9)), 0, 255))
        shown = np.clip(np.rint(GREY + SWING / _swing(level) * residual), 0, 255).astype(np.uint8)
        encoder = _encoder(self._latents, *self._given)
        sent = np.stack([encoder.encode(picture, snr_db) for picture in shown])
        noise = np.full(self._count, 10 ** (-snr_db / 10), np.float32)
        random = seeds.stream(0, "refinement")
        ideal = [self._estimate(_noisy(part, noise[0], random), noise) for part in sent]
        estimate = _swing(level) * np.stack(ideal)
        best = float(np.vdot(estimate, residual) / max(np.vdot(estimate, estimate), 1e-9))
        weight = int(np.clip(best * WEIGHTS, 0, 255))
        block = self._metadata()
        return np.concatenate([block.encode(bytes([level, weight])), sent.ravel()]), 1

    def decode(self, symbols: np.ndarray, noise_map: np.ndarray, size: int) -> np.ndarray:
        """Received symbols complex64 and their noise float32 -> residual float32 [n, height, width, 3].

        Raises ParseError when the metadata did not arrive, or the symbols are beyond what the decoder takes.
        """
        if size != 1 or self._latents < MIN_LATENTS:
            raise ParseError(f"JSCC refinement with metadata of size {size} in {self._symbols} symbols")
        block = self._metadata()
        received = block.decode(symbols[: block.symbols], noise_map[: block.symbols])
        if not received.blocks_ok.all():
            raise ParseError("the refinement's metadata fails its CRC")
        level, weight = received.data[:2]
        if not weight:
            return np.zeros((*self._shape, 3), np.float32)
        parts = (array[block.symbols :].reshape(self._shape[0], -1) for array in (symbols, noise_map))
        try:
            shown = [self._estimate(part, noise) for part, noise in zip(*parts, strict=True)]
        except InputError as error:
            raise ParseError(str(error)) from error
        return np.float32(_swing(level) * weight / WEIGHTS) * np.stack(shown)

    def _estimate(self, symbols: np.ndarray, noise_map: np.ndarray) -> np.ndarray:
        """In units of the swing, float32 [height, width, 3]."""
        shown = self._receiver.show(symbols, noise_map, *self._shape[1:], self._latents)
        return (shown.astype(np.float32) - GREY) / SWING

    def _metadata(self) -> TransportBlock:
        """It takes whatever whole latent maps leave over."""
        return transport_block(_MCS, self._symbols - self._shape[0] * self._count)


def _swing(level: int) -> float:
    return FLOOR * 2 ** (level / STEPS)


def _noisy(symbols: np.ndarray, variance: float, random: np.random.Generator) -> np.ndarray:
    noise = random.standard_normal(2 * len(symbols), dtype=np.float32).view(np.complex64)
    return symbols + np.float32((variance / 2) ** 0.5) * noise


@functools.lru_cache(maxsize=4)
def _encoder(latents: int, preset: str, dtype: str, compiled: bool) -> FrameEncoder:
    return FrameEncoder(preset, latents / (6 * STRIDE**2), dtype=dtype, compiled=compiled)


@functools.lru_cache(maxsize=2)
def _receiver(preset: str, dtype: str, compiled: bool) -> NeuralReceiver:
    return NeuralReceiver(PLAIN, preset, dtype, compiled)
