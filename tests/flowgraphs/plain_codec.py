"""Stages from outside the repository's own: a codec that a test can check by hand, slow or failing when told."""

import os
import time
from pathlib import Path

import numpy as np

from gvc.errors import LinkError

LATENTS = 32


class PlainEncoder:
    """The mean grey of each 16 x 16 block, as the phase of 16 equal symbols."""

    latents = LATENTS

    def __init__(self, **options: object):
        self.options = options

    def encode(self, frame: np.ndarray) -> np.ndarray:
        height, width = frame.shape[:2]
        padded = np.pad(frame, ((0, -height % 16), (0, -width % 16), (0, 0)), mode="edge")
        blocks = padded.reshape(padded.shape[0] // 16, 16, padded.shape[1] // 16, 16, 3).mean(axis=(1, 3, 4))
        return np.repeat(np.exp(1.5j * np.pi * blocks.ravel() / 255), LATENTS // 2).astype(np.complex64)


class PlainDecoder:
    """Undoes `PlainEncoder`, each symbol weighted by its noise."""

    def __init__(self, **options: object):
        self.options = options

    def decode(self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int) -> np.ndarray:
        rows, columns = -(-height // 16), -(-width // 16)
        mean = (symbols / noise_map).reshape(rows, columns, latents // 2).mean(axis=2)
        grey = np.clip(np.angle(mean * np.exp(-0.75j * np.pi)) + 0.75 * np.pi, 0, 1.5 * np.pi) / (1.5 * np.pi) * 255
        picture = np.kron(grey.round().astype(np.uint8), np.ones((16, 16), np.uint8))[:height, :width]
        return np.repeat(picture[:, :, None], 3, axis=2)


class PlainDenoiser:
    """The linear estimate of unit-power symbols."""

    def __init__(self, **options: object):
        self.options = options

    def denoise(self, symbols: np.ndarray, noise_map: np.ndarray, height: int, width: int, latents: int) -> np.ndarray:
        return symbols / (1 + noise_map)


class SlowDecoder(PlainDecoder):
    """Takes as long as SLOW_S in the environment says; at its first frame makes the file that SLOW_MARK names."""

    def decode(self, *arguments):
        if mark := os.environ.pop("SLOW_MARK", None):
            Path(mark).touch()
        time.sleep(float(os.environ.get("SLOW_S", "0.05")))
        return super().decode(*arguments)


class FailingDecoder(PlainDecoder):
    """Fails at the fourth frame."""

    def __init__(self, **options: object):
        super().__init__(**options)
        self.left = 4

    def decode(self, *arguments):
        self.left -= 1
        if not self.left:
            raise LinkError("this decoder fails at its fourth frame")
        return super().decode(*arguments)
