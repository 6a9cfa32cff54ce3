"""Video codecs with rate control to an exact byte budget."""

import functools
import math

import numpy as np

from gvc.coding.codec.decoder import DECODER
from gvc.coding.codec.encoders import ENCODERS
from gvc.coding.codec.stream import SCALES, Stream
from gvc.errors import BudgetError, InputError
from gvc.registry import nearest

PRESETS = ("random-access", "low-delay")
LEAST_SIDE = 32
"""Pictures are not coded smaller than this."""


class VideoCodec:
    """One of x264, x265, av1 (SVT-AV1), vvc (VVenC), tuned for PSNR.

    A segment starts with an intra picture and depends on nothing outside. The finest quantiser that fits the budget is
    searched; where that is coarse, the same at lower coded sizes, and the one with the best PSNR stays.

    Args:
        codec: its name.
        preset: random-access (hierarchical B pictures) or low-delay (no picture waits for a later one).

    Raises InputError for an unknown name or preset.
    """

    def __init__(self, codec: str, preset: str = "random-access"):
        if codec not in ENCODERS:
            raise InputError(f"unknown codec '{codec}'{nearest(codec, list(ENCODERS))} (known: {', '.join(ENCODERS)})")
        if preset not in PRESETS:
            raise InputError(f"preset '{preset}'{nearest(preset, list(PRESETS))} (known: {', '.join(PRESETS)})")
        self.name, self.preset = codec, preset
        self._encoder = ENCODERS[codec]

    def encode(self, pictures: np.ndarray, budget: int, fps: float) -> bytes:
        """uint8 [n, h, w, 3] -> a `Stream` of at most `budget` bytes.

        Raises BudgetError when nothing fits, saying what the coarsest coding takes.
        """
        best: tuple[float, bytes] | None = None
        least = math.inf
        for scale in SCALES:
            size = coded_size(pictures.shape[2], pictures.shape[1], scale)
            if min(size) < LEAST_SIDE and scale < 1:
                break
            quality, data, coarsest = self._fit(pictures, scale, budget)
            least = min(least, coarsest)
            if data is None:
                continue
            error = self._error(data, pictures)
            if best is None or error < best[0]:
                best = error, data
            elif scale < 0.75:
                break
            if quality < self._encoder.coarse:
                break
        if best is None:
            raise BudgetError(
                f"{budget} bytes are too few for {len(pictures)} pictures in {self.name}: {least} would do"
            )
        return best[1]

    def decode(self, data: bytes, n: int, height: int, width: int) -> list[np.ndarray | None]:
        """The n pictures of a stream that may be cut, uint8 [height, width, 3]; None for each that is not there.

        Raises ParseError when the bytes are none of this codec's, or its decoder crashes or hangs on them.
        """
        stream = Stream.parse(data)
        if stream.codec not in ENCODERS:
            return [None] * n
        units = [(number, unit) for number, unit in stream.units if number < n]
        found = DECODER.decode(stream.codec, units, height, width)
        return [found.get(number) for number in range(n)]

    def _fit(self, pictures: np.ndarray, scale: float, budget: int) -> tuple[float, bytes | None, int]:
        """The finest quality that fits, its bytes (None: none does), and the size of the coarsest."""
        finest, coarsest, step = self._encoder.quality
        size = coded_size(pictures.shape[2], pictures.shape[1], scale)

        @functools.cache
        def at(index: int) -> bytes:
            units = self._encoder.encode(pictures, size, finest + index * step, self.preset)
            return Stream(self.name, scale, len(pictures), tuple(units)).pack()

        fits, too_big = round((coarsest - finest) / step), -1
        if len(at(fits)) > budget:
            return coarsest, None, len(at(fits))
        # Bytes fall about exponentially with the quantiser: interpolate, and bisect when that makes slow progress.
        guess = fits // 2
        while fits - too_big > 1:
            if len(at(guess)) <= budget:
                fits = guess
            else:
                too_big = guess
            middle = (fits + too_big) // 2
            if too_big >= 0 and fits - too_big > 2:
                high, low = math.log(len(at(too_big)) / budget), math.log(budget / len(at(fits)) + 1e-9)
                share = high / max(high + low, 1e-9)
                middle = round(too_big + share * (fits - too_big))
            guess = min(max(middle, too_big + 1), fits - 1)
        return finest + fits * step, at(fits), len(at(fits))

    def _error(self, data: bytes, pictures: np.ndarray) -> float:
        n, height, width = pictures.shape[:3]
        shown = self.decode(data, n, height, width)
        errors = [
            np.mean((picture.astype(np.float32) - sent) ** 2) if picture is not None else np.inf
            for picture, sent in zip(shown, pictures, strict=True)
        ]
        return float(np.mean(np.log(np.maximum(errors, 1e-3))))


def coded_size(width: int, height: int, scale: float) -> tuple[int, int]:
    """Width and height that a scale codes, even for 4:2:0."""
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


X264Codec, X265Codec, Av1Codec, VvcCodec = (functools.partial(VideoCodec, name) for name in ENCODERS)
