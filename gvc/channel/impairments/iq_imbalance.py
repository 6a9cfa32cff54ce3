"""A quadrature mixer whose two arms differ."""

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.impairment import Impairment, Place, Setting


class IqImbalance(Impairment):
    """y = a x + b conj(x), the mean power kept: an image of every carrier on its mirror.

    With g = 10^(gain_db / 20) and the phase error p, a ~ 1 + g exp(-j p) and b ~ 1 - g exp(j p); the image rejection
    ratio is abs(a / b)^2 = (1 + 2 g cos p + g^2) / (1 - 2 g cos p + g^2). Source: M. Valkama, M. Renfors, V. Koivunen,
    "Advanced methods for I/Q imbalance compensation in communication receivers", IEEE Trans. Signal Process. 49(10),
    2001. The genie knows a, and takes b for nothing.

    >>> mixer = IqImbalance(Setting(1e6, 1, 0, "iq"), gain_db=1.0)
    >>> carrier = np.exp(2j * np.pi / 8 * np.arange(8)).astype(np.complex64)[None]  # bin 1 of 8
    >>> amplitude = np.abs(np.fft.fft(mixer.apply(carrier, 0)[0]))
    >>> g = 10 ** (1.0 / 20)
    >>> [round(float(20 * np.log10(ratio)), 1) for ratio in (amplitude[1] / amplitude[-1], (g + 1) / (g - 1))]
    [24.8, 24.8]
    """

    place = Place.FRONT_END

    def __init__(self, setting: Setting, *, gain_db: float = 0.0, phase_deg: float = 0.0):
        gain = 10 ** (check.within("gain_db", gain_db, -20.0, 20.0, "dB") / 20)
        error = np.deg2rad(check.within("phase_deg", phase_deg, -90.0, 90.0, "degrees"))
        pair = np.array([1 + gain * np.exp(-1j * error), 1 - gain * np.exp(1j * error)])
        self.direct, self.image = pair / np.sqrt(np.sum(np.abs(pair) ** 2))

    def apply(self, stretch: np.ndarray, first: int) -> np.ndarray:
        # By real parts, whose products do not depend on their place in memory as numpy's complex ones may.
        plus, minus = self.direct + self.image, self.direct - self.image
        mixed = np.empty_like(stretch)
        mixed.real = np.float32(plus.real) * stretch.real - np.float32(minus.imag) * stretch.imag
        mixed.imag = np.float32(plus.imag) * stretch.real + np.float32(minus.real) * stretch.imag
        return mixed

    def gain(self, samples: np.ndarray) -> np.ndarray:
        return np.full(len(samples), self.direct)
