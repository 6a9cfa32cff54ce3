"""Any other channel in a hostile place: interference, a poor oscillator and front end, a bus that loses samples."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gvc import registry
from gvc.channel.impairments.impairment import Impairment, Place, Setting
from gvc.channel.wrapper import Wrapper
from gvc.errors import ConfigError, InputError
from gvc.section import shown


class Impaired(Wrapper):
    """A channel with a list of impairments.

    They act in the order of the signal's way: what is on the air beside the signal; carrier offset and then the
    oscillator's impairments; the receiver's noise; the front end's; the converter's. Within one of these places the
    list's order decides. All levels are relative to the mean power of a burst's sample, which is 1 over the ensemble.

    `noise_variance` is that of the receiver's noise in what comes out, scaled as the signal is; interference, images,
    clipping and quantisation are no part of it. `genie_taps` knows oscillator, gains and slips, but not these.

    Parameters beside those of `gvc.channel.base.Channel`:
        path: registry name of the channel without impairments; its own parameters may be given too.
        impairments: a list of mappings, each with `kind`, a registry name of the kind `impairment`, and its parameters.
            A kind may come several times; each has draws of its own.

    Attributes: `impairments`, in the order in which they act.
    """

    name = "impaired"
    own_parameters = ("path", "impairments")
    layer = 2

    def __init__(self, *, path: str = "awgn", impairments: Any = (), **parameters: Any):
        super().__init__(path=path, **parameters)
        if not isinstance(impairments, list | tuple):
            raise ConfigError(f"channel parameter impairments = {shown(impairments)}: give a list, each with a kind")
        made = [self._impairment(place, content, impairments) for place, content in enumerate(impairments)]
        self.impairments: list[Impairment] = sorted(made, key=lambda impairment: impairment.place)
        self.noise_variance *= float(np.prod([impairment.power_gain for impairment in self.impairments]))
        self._sample = [0] * len(self.impairments)  # of what goes into each

    def flush(self) -> np.ndarray:
        """See `Channel.flush`."""
        received = super().flush()
        for number, impairment in enumerate(self.impairments):
            held = impairment.finish(received[:, :0])
            for later in range(number + 1, len(self.impairments) if held.shape[1] else 0):
                held = self._apply(later, held)
            received = np.concatenate([received, held], axis=1)
        return received

    def genie_taps(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Channel.genie_taps`."""
        samples = np.asarray(samples, np.int64)
        arrived, gain = samples, np.ones(len(samples), complex)
        for impairment in reversed(self.impairments):
            gain *= impairment.gain(arrived)
            arrived = impairment.source(arrived)
        taps, lags = self._path.genie_taps(arrived)
        gain *= np.exp(2j * np.pi * self.cfo_hz / self.sample_rate_hz * (arrived - samples))
        return (taps * gain[:, None]).astype(np.complex64), lags + samples - arrived

    def hit(self, samples: np.ndarray) -> np.ndarray:
        """Whether any impairment acts on output samples int [k]: bool [k]. Each says for itself what it hits."""
        samples = np.asarray(samples, np.int64)
        hit = np.zeros(len(samples), bool)
        for impairment in reversed(self.impairments):
            hit |= impairment.hit(samples)
            samples = impairment.source(samples)
        return hit

    def source(self, samples: np.ndarray) -> np.ndarray:
        """The samples before all slips that output samples int [k] stand for: int64 [k]."""
        samples = np.asarray(samples, np.int64)
        for impairment in reversed(self.impairments):
            samples = impairment.source(samples)
        return samples

    def _receive(self, received: np.ndarray) -> np.ndarray:
        for place in Place:
            if place is Place.OSCILLATOR:
                self._oscillator.rotate(received)
            if place is Place.FRONT_END:
                self._noise.add(received)
            for number, impairment in enumerate(self.impairments):
                if impairment.place is place:
                    received = self._apply(number, received)
        return received

    def _apply(self, number: int, stretch: np.ndarray) -> np.ndarray:
        first = self._sample[number]
        self._sample[number] += stretch.shape[1]
        with np.errstate(all="ignore"):  # samples that are not finite stay to be seen
            return self.impairments[number].apply(stretch, first)

    def _impairment(self, place: int, content: Any, every: Any) -> Impairment:
        """Number `place` of the list `every`."""
        if not isinstance(content, Mapping) or not isinstance(content.get("kind"), str):
            raise ConfigError(
                f"channel parameter impairments[{place}] = {shown(content)}: give a mapping with a kind (known:"
                f" {', '.join(registry.names('impairment'))})"
            )
        kind = content["kind"]
        nth = sum(isinstance(other, Mapping) and other.get("kind") == kind for other in every[:place])
        setting = Setting(self.sample_rate_hz, self.rx_antennas, self.seed, f"channel/impaired/{kind}/{nth}")
        options = {key: value for key, value in content.items() if key != "kind"}
        try:
            made = registry.create("impairment", kind, options, setting=setting)
        except InputError as error:
            raise ConfigError(f"channel parameter impairments[{place}]: {error}") from error
        if not isinstance(made, Impairment):
            raise ConfigError(f"channel parameter impairments[{place}]: '{kind}' does not derive from Impairment")
        return made
