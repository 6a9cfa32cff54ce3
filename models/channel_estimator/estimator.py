"""Strategies of kind `channel_estimator` that are learned: the receiver's socket over `network`."""

import functools

import numpy as np
import torch

from gvc.phy.numerology import Numerology
from gvc.phy.receiver.channel_estimator import DftSmoothed, Smoothing
from models import weights
from models.channel_estimator.network import DelayProfile, Geometry, describe, geometry, posterior, untrained
from models.channel_estimator.train import BLIND, LEARNED


class Learned(DftSmoothed):
    """`learned`: the linear MMSE estimator for the delay profile that the network sees in the burst's own training,
    H = R (R + v)^-1 H_ls with R = S diag(profile) S^H (`network.posterior`).

    The header, which is read before there is anything to look at, is estimated as by `dft-smoothed`. Raises InputError
    for a numerology that nothing was trained for, WeightsError for unusable weights.
    """

    FILE, HIDDEN = LEARNED, False

    def __init__(self, numerology: Numerology):
        super().__init__(numerology)
        shape = geometry(numerology.name)
        own = Geometry(
            numerology.fft_size, numerology.cyclic_prefix, numerology.occupied_carriers, numerology.timing_advance,
            2 + numerology.header_symbols,
        )  # fmt: skip
        path = weights.folder("channel_estimator", numerology.name) / self.FILE
        if own != shape or not path.exists():
            raise untrained(numerology.name)
        self._network = weights.load(DelayProfile(self.HIDDEN), path).eval().requires_grad_(False)
        self._steering = shape.steering()
        self._group = shape.group

    @torch.inference_mode()
    def adapt(self, observed: np.ndarray, snr_db: float) -> Smoothing:
        """The smoother for one burst: training complex64 [rx, T, K], SNR of its group's mean in dB."""
        training = torch.from_numpy(np.ascontiguousarray(observed))[None]
        noise = torch.tensor([10 ** (-snr_db / 10)])
        grouped = training[:, :, : self._group].mean(2)
        steering = self._steering.to(torch.complex64)
        profile = self._network(describe(grouped, training[:, :, self._group :], noise, steering))
        matrix, gain, bias = posterior(profile.double(), noise.double(), self._steering)
        return Smoothing(
            np.ascontiguousarray(matrix[0].T.resolve_conj().numpy(), np.complex64),
            gain[0].float().numpy(),
            bias[0].float().numpy(),
            torch.diagonal(matrix[0]).real.float().numpy(),
        )


class LearnedLinear(Learned):
    """`learned-linear`, the control of `learned`: the same network, parameters and data, but it is told the SNR alone,
    so that one linear smoother an SNR serves every burst.
    """

    FILE, HIDDEN = BLIND, True

    def __init__(self, numerology: Numerology):
        super().__init__(numerology)
        self._fixed = functools.lru_cache(maxsize=128)(self._once)

    def adapt(self, observed: np.ndarray, snr_db: float) -> Smoothing:
        return self._fixed(observed.shape[2], round(snr_db))

    def _once(self, carriers: int, snr_db: int) -> Smoothing:
        return super().adapt(np.ones((1, self._group, carriers), np.complex64), float(snr_db))
