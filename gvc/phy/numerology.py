"""The waveform as data: sizes, carriers, burst structure. Read from YAML, by name or by path."""

import dataclasses
import functools
from pathlib import Path
from typing import get_type_hints

import numpy as np

from gvc.errors import ConfigError, InputError
from gvc.phy.fec.convolutional import CODES
from gvc.phy.header import SIZE
from gvc.phy.sequences import pseudo_random_bits
from gvc.registry import names, nearest
from gvc.section import load_mapping, shown

FOLDER = Path(__file__).parent / "numerologies"
SHORT_PERIOD = 16
"""Samples in one repetition of the short training sequence, and in one cell of the detector."""


@dataclasses.dataclass(frozen=True)
class Numerology:
    """One OFDM waveform. Carriers are numbered from -fft_size/2 to fft_size/2 - 1, 0 being the centre frequency.

    A burst is: short training (`short_training_repeats` x 16 samples), long training (2 cyclic prefixes and the long
    training symbol `long_training_repeats` times), `header_symbols` under `header_code`, then payload symbols with a
    training symbol (midamble) after every `midamble_period` of them and after the last, then `gap_symbols` of silence.
    Resource elements have mean power 1 and so has a sample of the burst: samples are N / sqrt(K) times the inverse FFT,
    N the FFT size and K the number of occupied carriers. `synchroniser` is the strategy that finds such bursts, unless
    another one is asked for.

    Raises ConfigError when the values do not fit together.
    """

    name: str
    description: str
    sample_rate_hz: float
    fft_size: int
    cyclic_prefix: int
    occupied_carriers: int
    pilot_carriers: tuple[int, ...]
    short_training_repeats: int
    header_symbols: int
    payload_symbols: int
    midamble_period: int
    gap_symbols: int
    clip_backoff_db: float
    max_cfo_carriers: float
    max_doppler_hz: float
    timing_advance: int
    scramble_seed: int
    short_training_seed: int
    long_training_seed: int
    long_training_repeats: int = 2
    header_code: str = "k7"
    synchroniser: str = "schmidl-cox"

    @classmethod
    def load(cls, name_or_path: str) -> "Numerology":
        """The numerology called `name_or_path` (`ofdm64`, `ofdm256`) or in that YAML file.

        Raises InputError for an unknown name or file and ConfigError for bad content; both say what is valid.
        """
        path = Path(name_or_path)
        if path.suffix not in (".yaml", ".yml"):
            known = sorted(p.stem for p in FOLDER.glob("*.yaml"))
            if name_or_path not in known:
                raise InputError(
                    f"unknown numerology '{name_or_path}'{nearest(name_or_path, known)} (known: {', '.join(known)}; "
                    "or give the path of a YAML file)"
                )
            path = FOLDER / f"{name_or_path}.yaml"
        return cls.from_mapping(path.stem, load_mapping(path, "numerology", str(FOLDER / "ofdm64.yaml")))

    @classmethod
    def from_mapping(cls, name: str, content: dict) -> "Numerology":
        """A checked numerology from the keys of its YAML file; raises ConfigError naming the key."""
        fields = {key: kind for key, kind in get_type_hints(cls).items() if key != "name"}
        for key in content:
            if key not in fields:
                raise ConfigError(f"unknown key '{key}' in numerology '{name}'{nearest(str(key), list(fields))}")
        optional = {f.name for f in dataclasses.fields(cls) if f.default is not dataclasses.MISSING}
        missing = [key for key in fields if key not in content and key not in optional]
        if missing:
            raise ConfigError(f"numerology '{name}' lacks the key '{missing[0]}'")
        values: dict = {"name": name}
        for key, value in content.items():
            kind = fields[key]
            if key == "pilot_carriers":
                good = isinstance(value, list | tuple) and all(type(carrier) is int for carrier in value)
                value = tuple(value) if good else value
            elif kind is float:
                good = type(value) in (int, float) and abs(value) < 1e300
                value = float(value) if good else value
            else:
                good = type(value) is kind
            if not good:
                wanted = {int: "a whole number", float: "a finite number", str: "a text"}.get(kind, "whole numbers")
                raise ConfigError(f"numerology '{name}': '{key}' is {shown(value)}: give {wanted}")
            values[key] = value
        return cls(**values)

    def __hash__(self) -> int:
        return self._hash

    @functools.cached_property
    def _hash(self) -> int:
        """Layouts are looked up by numerology several times a burst, and hashing all fields is slow."""
        return hash(dataclasses.astuple(self))

    def __post_init__(self) -> None:
        n = self.fft_size
        code = CODES.get(self.header_code)
        needed = code.coded_bits(8 * SIZE) // 2 if code else 0
        rules = [
            ("sample_rate_hz", self.sample_rate_hz > 0, "must be above 0"),
            ("fft_size", 32 <= n <= 4096 and n & (n - 1) == 0, "must be a power of two from 32 to 4096"),
            ("cyclic_prefix", 4 <= self.cyclic_prefix <= n, "must be from 4 to fft_size"),
            ("occupied_carriers", 8 <= self.occupied_carriers < n // 2, "must be from 8 to below fft_size / 2"),
            (
                "pilot_carriers",
                len(set(self.pilot_carriers)) == len(self.pilot_carriers) >= 2
                and all(c and abs(c) <= self.occupied_carriers for c in self.pilot_carriers),
                "must be two or more different occupied carriers",
            ),
            ("short_training_repeats", 6 <= self.short_training_repeats <= 128, "must be from 6 to 128"),
            ("long_training_repeats", 2 <= self.long_training_repeats <= 64, "must be from 2 to 64"),
            ("header_symbols", 1 <= self.header_symbols <= 64, "must be from 1 to 64"),
            ("payload_symbols", 1 <= self.payload_symbols <= 1024, "must be from 1 to 1024"),
            ("midamble_period", 1 <= self.midamble_period <= 1024, "must be from 1 to 1024"),
            ("gap_symbols", 0 <= self.gap_symbols <= 1000, "must be from 0 to 1000"),
            ("clip_backoff_db", 3 <= self.clip_backoff_db <= 30, "must be from 3 to 30"),
            ("max_cfo_carriers", 0.5 <= self.max_cfo_carriers <= n / 8, "must be from 0.5 to fft_size / 8"),
            ("max_doppler_hz", 0 <= self.max_doppler_hz <= self.symbol_rate_hz / 4, "must not exceed symbol rate / 4"),
            ("timing_advance", 0 <= self.timing_advance < self.cyclic_prefix, "must be below cyclic_prefix"),
            (
                "header_symbols",
                self.header_symbols * self.data_carriers >= needed,
                f"has {self.header_symbols * self.data_carriers} resource elements, a header in '{self.header_code}' "
                f"needs {needed}",
            ),
            _known("header_code", self.header_code, sorted(CODES)),
            _known("synchroniser", self.synchroniser, names("synchroniser")),
        ]
        for key, holds, rule in rules:
            if not holds:
                raise ConfigError(f"numerology '{self.name}': '{key}' {rule}")

    @property
    def symbol_samples(self) -> int:
        """Samples of one OFDM symbol with its cyclic prefix."""
        return self.fft_size + self.cyclic_prefix

    @property
    def symbol_rate_hz(self) -> float:
        return self.sample_rate_hz / self.symbol_samples

    @property
    def carrier_spacing_hz(self) -> float:
        return self.sample_rate_hz / self.fft_size

    @functools.cached_property
    def carriers(self) -> np.ndarray:
        """Occupied carriers, ascending, int64 [K]; every array with a carrier axis follows this order."""
        side = np.arange(1, self.occupied_carriers + 1)
        return np.concatenate([-side[::-1], side])

    @property
    def occupied_fraction(self) -> float:
        """K / N. A noise variance of 10^(-snr/10) / occupied_fraction per sample is the SNR `snr` dB."""
        return len(self.carriers) / self.fft_size

    @functools.cached_property
    def bins(self) -> np.ndarray:
        """FFT bins of `carriers`, int64 [K]."""
        return self.carriers % self.fft_size

    @functools.cached_property
    def guard_bins(self) -> np.ndarray:
        """FFT bins that stay empty, without the centre frequency, where a radio's own carrier may leak: int64."""
        return np.setdiff1d(np.arange(1, self.fft_size), self.bins)

    @functools.cached_property
    def pilot_index(self) -> np.ndarray:
        """Positions of the pilots on the carrier axis, int64."""
        return np.flatnonzero(np.isin(self.carriers, self.pilot_carriers))

    @functools.cached_property
    def data_index(self) -> np.ndarray:
        """Positions of the data carriers on the carrier axis, int64."""
        return np.flatnonzero(~np.isin(self.carriers, self.pilot_carriers))

    @property
    def data_carriers(self) -> int:
        """Data resource elements of one OFDM symbol."""
        return len(self.data_index)

    @functools.cached_property
    def amplitude(self) -> float:
        """Scale of an inverse FFT that gives unit mean power."""
        return self.fft_size / len(self.carriers) ** 0.5

    def modulate(self, grid: np.ndarray) -> np.ndarray:
        """Occupied carriers complex [..., K] -> one period of samples complex128 [..., fft_size]."""
        spectrum = np.zeros((*grid.shape[:-1], self.fft_size), complex)
        spectrum[..., self.bins] = grid
        return np.fft.ifft(spectrum, axis=-1) * self.amplitude

    @functools.cached_property
    def training(self) -> np.ndarray:
        """The long training symbol: QPSK of low peak power, complex64 [K]."""
        return _qpsk(self.long_training_seed, len(self.carriers)).astype(np.complex64)

    @functools.cached_property
    def short_training(self) -> np.ndarray:
        """One period of the short training sequence: complex64 [16], mean power 1."""
        return self.modulate(self.short_grid)[:SHORT_PERIOD].astype(np.complex64)

    @functools.cached_property
    def short_grid(self) -> np.ndarray:
        """What the short training sends on the occupied carriers: complex64 [K], 0 but on every (N / 16)th."""
        tones = self.carriers % (self.fft_size // SHORT_PERIOD) == 0
        count = int(np.sum(tones))
        grid = np.zeros(len(self.carriers), np.complex64)
        grid[tones] = _qpsk(self.short_training_seed, count) * (len(self.carriers) / count) ** 0.5
        return grid

    @functools.cached_property
    def preamble(self) -> np.ndarray:
        """Short and long training of a burst: complex64 [preamble_samples]."""
        long = self.modulate(self.training)
        short = np.tile(self.short_training, self.short_training_repeats)
        long = np.tile(long, self.long_training_repeats)
        return np.concatenate([short, long[-2 * self.cyclic_prefix :], long]).astype(np.complex64)

    @property
    def short_samples(self) -> int:
        return SHORT_PERIOD * self.short_training_repeats

    @property
    def short_windows(self) -> int:
        """FFT windows that lie in the short training, though they start early by the timing advance."""
        return (self.short_samples - self.timing_advance) // self.fft_size

    @property
    def preamble_samples(self) -> int:
        return self.short_samples + 2 * self.cyclic_prefix + self.long_training_repeats * self.fft_size

    @functools.cached_property
    def pilots(self) -> np.ndarray:
        """Pilots of header and payload symbols, a row each: +-1, float32 [rows, pilots], enough rows for any burst."""
        rows = self.header_symbols + 2 * self.payload_symbols
        bits = pseudo_random_bits(self.scramble_seed, rows * len(self.pilot_index))
        return (1 - 2.0 * bits).astype(np.float32).reshape(rows, -1)


def _known(key: str, name: str, valid: list[str]) -> tuple[str, bool, str]:
    """A rule: `name` is one of `valid`."""
    return key, name in valid, f"is '{name[:100]}'{nearest(name, valid)} (known: {', '.join(valid)})"


def _qpsk(seed: int, count: int) -> np.ndarray:
    bits = pseudo_random_bits(seed, 2 * count).astype(float)
    return ((1 - 2 * bits[::2]) + 1j * (1 - 2 * bits[1::2])) / 2**0.5


def lowest_peak_seeds(numerology: Numerology, tries: int = 4096) -> tuple[int, int]:
    """Seeds of the short and long training sequences with the lowest peak power, for a new numerology's YAML."""
    peaks = []
    for seed in range(tries):
        candidate = dataclasses.replace(numerology, short_training_seed=seed, long_training_seed=seed)
        long = candidate.modulate(candidate.training)
        peaks.append((np.max(np.abs(candidate.short_training)), np.max(np.abs(long))))
    best = np.argmin(np.array(peaks), axis=0)
    return int(best[0]), int(best[1])
