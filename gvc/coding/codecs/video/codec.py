"""Video and still picture codecs with rate control to an exact byte budget."""

import functools
import math

import numpy as np

from gvc.coding.codecs.video.decoder import DECODER
from gvc.coding.codecs.video.encoders import ENCODERS
from gvc.coding.codecs.video.search import HALVINGS, Search
from gvc.coding.codecs.video.stream import SCALES, Stream
from gvc.coding.codecs.video.trials import TRIALS, fingerprint
from gvc.errors import BudgetError, InputError
from gvc.registry import nearest

PRESETS = ("random-access", "low-delay")
COARSE_BPP = 0.045
"""Bits a pixel at which an encoder needs its setting `coarse`, about: where a search starts."""


class Codec:
    """One of x264, x265, av1 (SVT-AV1), vvc (VVenC), all tuned for PSNR, and of the stills jpeg and avif.

    A segment starts with an intra picture and depends on nothing outside. The finest quantiser that fits the budget is
    searched; where that is coarse, the same at lower coded sizes, and the one with the best PSNR stays.

    Args:
        codec: its name.
        preset: random-access (hierarchical B pictures) or low-delay (no picture waits for a later one); the same for
            stills.

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
        """uint8 [n, h, w, 3] -> a `Stream` of at most `budget` bytes; fps changes nothing, as bytes are what is given.

        Trials are remembered: the same pictures again, for whatever budget, take less time.
        Raises BudgetError when nothing fits, saying what the coarsest coding takes.
        """
        height, width = pictures.shape[1:3]
        best: tuple[float, bytes] | None = None
        least = math.inf
        last = len(self._encoder.qualities) - 1
        content = fingerprint(pictures)
        bpp = 8 * max(budget, 1) / (len(pictures) * height * width)
        start = min(last, max(0, round(self._encoder.coarse - last / HALVINGS * math.log2(bpp / COARSE_BPP))))
        for scale in SCALES:
            size = self._size(width, scale), self._size(height, scale)
            if min(height, width) * scale < self._encoder.least_side and scale < 1:
                break
            search = Search(functools.partial(self._attempt, pictures, content, size, scale), last, budget)
            setting = search.run(start)
            if setting is None:
                least = min(least, len(search.at(last)))
                start = last
                continue
            error = self._error(search.at(setting), pictures)
            if best is None or error < best[0]:
                best = error, search.at(setting)
            elif scale < 0.75:
                break
            if setting < self._encoder.coarse:
                break
            # The next scale has about half the pixels, or fewer.
            start = setting - last // 10
        if best is None:
            raise BudgetError(
                f"{budget} bytes are too few for {len(pictures)} pictures in {self.name}: {least} would do"
            )
        return best[1]

    def decode(self, data: bytes, n: int, height: int, width: int) -> list[np.ndarray | None]:
        """The n pictures of a stream that may be cut, uint8 [height, width, 3]; None for each that is not there.

        The bytes say themselves which codec's they are. Raises ParseError when they are none's, or the decoder crashes
        or hangs on them.
        """
        stream = Stream.parse(data)
        units = [(number, unit) for number, unit in stream.units if number < n]
        found = DECODER.decode(stream.codec, units, height, width)
        return [found.get(number) for number in range(n)]

    def _size(self, side: int, scale: float) -> int:
        """Even for 4:2:0, and not below what the encoder takes: smaller pictures are enlarged."""
        return max(self._encoder.least_side, 2 * round(side * scale / 2))

    def _attempt(
        self, pictures: np.ndarray, content: bytes, size: tuple[int, int], scale: float, setting: int
    ) -> bytes:
        def make() -> bytes:
            units = self._encoder.encode(pictures, size, self._encoder.qualities[setting], self.preset)
            return Stream(self.name, scale, len(pictures), tuple(units)).pack()

        return TRIALS.get((self.name, self.preset, content, scale, setting), make)

    def _error(self, data: bytes, pictures: np.ndarray) -> float:
        """Mean over the pictures of the logarithm of the mean square error: PSNR in other words."""
        shown = self.decode(data, *pictures.shape[:3])
        errors = [
            np.mean((picture.astype(np.float32) - sent) ** 2) if picture is not None else np.inf
            for picture, sent in zip(shown, pictures, strict=True)
        ]
        return float(np.mean(np.log(np.maximum(errors, 1e-3))))


X264, X265, Av1, Vvc, Jpeg, Avif = (functools.partial(Codec, name) for name in ENCODERS)
