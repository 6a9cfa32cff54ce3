"""Somebody else's bursts of the same waveform."""

import numpy as np

from gvc.channel import parameters as check
from gvc.channel.impairments.impairment import Setting, Source, turn
from gvc.errors import ConfigError


class Transmitter(Source):
    """A second transmitter of random QPSK symbols, with a header, a stream and a numbering of its own.

    level_db: of its bursts, relative to the signal. period_s: from start to start. delay_s: of the first burst.
    payload_symbols: of each burst, None for as many as the numerology lets one have. frequency_hz: its carrier's
    offset from the transmitter's, or [lowest, highest] of a draw. numerology: its waveform's, at this sample rate.
    """

    def __init__(
        self,
        setting: Setting,
        *,
        level_db: float,
        period_s: float,
        delay_s: float = 0.0,
        payload_symbols: int | None = None,
        frequency_hz: float | list[float] = 0.0,
        numerology: str = "ofdm64",
    ):
        from gvc.phy.layout import burst_layout  # here, because a channel knows of no waveform but for this
        from gvc.phy.numerology import Numerology

        super().__init__(setting, level_db)
        rate = setting.sample_rate_hz
        u = self._numerology = Numerology.load(numerology)
        if u.sample_rate_hz != rate:
            raise ConfigError(
                f"channel parameter numerology = {numerology!r} has {u.sample_rate_hz:g} samples a second, the channel"
                f" {rate:g}: name one of the channel's sample rate"
            )
        most = u.payload_symbols
        self._symbols = (
            most if payload_symbols is None else check.whole("payload_symbols", payload_symbols, 1, most, "")
        )
        self._samples = burst_layout(u, self._symbols).samples
        self._period = check.within("period_s", period_s, self._samples / rate, 1e6, "s") * rate
        self._delay = check.within("delay_s", delay_s, 0.0, 1e6, "s") * rate
        self._step = setting.frequency("frequency_hz", frequency_hz) / rate
        self._setting = setting
        identity = setting.random("identity")
        # Stream 0 is that of transmitters which are given none.
        self._stream, self._coder = int(identity.integers(1, 1 << 16)), int(identity.integers(1 << 12))
        self._index, self._kept = -1, np.zeros(0, np.complex64)

    def start(self, index: int) -> int:
        """First sample of burst number `index`, 0 or above."""
        return round(self._delay + index * self._period)

    def hit(self, samples: np.ndarray) -> np.ndarray:
        samples = np.asarray(samples)
        index = np.floor((samples + 0.5 - self._delay) / self._period)
        inside = samples - np.rint(self._delay + index * self._period)
        return (index >= 0) & (inside >= 0) & (inside < self._samples)

    def waveform(self, first: int, count: int) -> np.ndarray:
        sent = np.zeros(count, complex)
        index = max(0, int((first - self._delay) // self._period) - 1)
        while (start := self.start(index)) < first + count:
            stop = min(start + self._samples, first + count)
            if stop > first:
                begin = max(start, first)
                sent[begin - first : stop - first] = self._burst(index)[begin - start : stop - start]
            index += 1
        return sent * turn(self._step * np.arange(first, first + count))

    def _burst(self, index: int) -> np.ndarray:
        from gvc.phy.frames import SymbolFrame
        from gvc.phy.payload import BYTES
        from gvc.phy.shape import CountShape
        from gvc.phy.transmitter import BurstTransmitter

        if index != self._index:
            shape = CountShape(self._symbols * self._numerology.data_carriers)
            signs = self._setting.random(f"bursts/{index}").integers(0, 2, 2 * shape.elements).astype(np.float32)
            symbols = (2 * signs - 1).view(np.complex64) / np.float32(2**0.5)
            frame = SymbolFrame(index, symbols, shape, payload_type=BYTES)
            sender = BurstTransmitter(self._numerology, index & 0xFFFFFFFF, self._stream, self._coder)
            self._index, self._kept = index, sender.bursts(frame)[0]
        return self._kept
