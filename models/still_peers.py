"""The peers on still pictures at symbol level, over the very channel draws that the networks get."""

import functools
import time

import numpy as np
import torch
from torch import Tensor

from gvc.channel.symbol import SymbolChannel
from gvc.coding import peers
from gvc.coding.scheme import ReceivedSlot, Scheme
from gvc.config import build
from models.latents import grid, latents_of
from models.scorer import Outcome, Variant


class StillPeers:
    """Each picture is a segment of one slot, of as many symbols as the networks get for it.

    The transmitter knows the mean SNR, and the MCS table measured on this very channel.
    Raises InputError for an unknown peer.
    """

    def __init__(self, arms: list[str]):
        self.arms = arms
        self.variants = [Variant(name) for name in arms]
        self._scheme = functools.lru_cache(maxsize=256)(self._create)
        for name in arms:
            self._scheme(name, "awgn", 4096)

    def run(self, picture: Tensor, channel: SymbolChannel, cbr: float, seed: int) -> dict[Variant, Outcome]:
        """uint8 [3, H, W] -> the outcome of each peer; the same seed draws the same channel for all."""
        height, width = picture.shape[1:]
        rows, columns = grid(height, width)
        count = latents_of(cbr) // 2 * rows * columns
        result = {}
        for variant in self.variants:
            scheme = self._scheme(variant.arm, channel.kind, count)
            tell = getattr(scheme, "tell", None)
            if tell is not None:
                ones = np.ones(count, np.complex64)
                received, noise = _through(ones, channel, seed)
                tell((received - ones)[None], noise[None])
            slot = scheme.encode(picture.permute(1, 2, 0).numpy()[None], channel.snr_db)[0]
            received, noise = _through(slot.symbols, channel, seed)
            began = time.perf_counter()
            decoded = scheme.decode(
                [ReceivedSlot(received, noise, slot.payload_type, slot.mode, channel.snr_db)], height, width
            )
            spent = 1e3 * (time.perf_counter() - began)
            # of the linear estimate, as the networks' error is
            error = float(np.mean(np.abs(received / (1 + noise) - slot.symbols) ** 2))
            result[variant] = Outcome(torch.from_numpy(decoded.pictures[0].copy()), error, 0, spent)
        return result

    def _create(self, arm: str, kind: str, count: int) -> Scheme:
        return peers.create(arm, build("sim-awgn", ["segment.frames=1", f"digital.table={kind}"]), count, 25.0)


def _through(symbols: np.ndarray, channel: SymbolChannel, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = torch.Generator().manual_seed(seed)
    received, noise = channel(torch.from_numpy(symbols)[None], generator)
    return received[0].numpy(), noise[0].float().numpy()
