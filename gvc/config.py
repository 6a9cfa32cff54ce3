"""The configuration of a link: defaults, under a radio file, under `--set` overrides; every key is checked."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gvc import core_yaml
from gvc.coding.schemes.bound.options import CapacityConfig
from gvc.coding.schemes.digital.options import DigitalConfig
from gvc.coding.schemes.hybrid.options import HybridConfig
from gvc.errors import ConfigError, InputError
from gvc.paths import radios_dir
from gvc.permission import code_names, refuse_code
from gvc.registry import nearest
from gvc.section import Options, Section, checked, load_mapping

DEFAULT_RADIO = "sim-tdl-c-900ns"


LARGEST_SIDE = 4096
"""Pixels: what a burst header can say."""
MOST_THREADS = 256


def _size(value: Any) -> tuple[int, int] | None:
    if value is None or value in ("source", "none"):
        return None
    sides = re.fullmatch(r"(\d{1,5})x(\d{1,5})", value) if isinstance(value, str) else None
    if sides:
        value = [int(side) for side in sides.groups()]
    if not (isinstance(value, list | tuple) and len(value) == 2 and all(type(side) is int for side in value)):
        raise ValueError("write WIDTHxHEIGHT, for example 256x256, or 'source'")
    if not all(1 <= side <= LARGEST_SIDE for side in value):
        raise ValueError(f"give width and height from 1 to {LARGEST_SIDE} pixels")
    return value[0], value[1]


def _ratio(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = re.fullmatch(r"(\d{1,9}) ?/ ?(\d{1,9})", value)
    if parts is None or int(parts[2]) == 0:
        raise ValueError("write a ratio such as 1/48")
    return int(parts[1]) / int(parts[2])


def environment_threads() -> int:
    """Threads that OMP_NUM_THREADS asks for (of a list, the first number); 1 where it is not set.

    Raises ConfigError when it is no number from 1 to 256.
    """
    text = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip() or "1"
    if not re.fullmatch(r"\d{1,3}", text) or not 1 <= int(text) <= MOST_THREADS:
        raise ConfigError(f"the variable OMP_NUM_THREADS is '{text[:60]}': set it from 1 to {MOST_THREADS}")
    return int(text)


class VideoConfig(Section):
    """`size` crops to the aspect, then scales, WIDTHxHEIGHT in pixels; None keeps the source's size."""

    size: Annotated[tuple[int, int] | None, BeforeValidator(_size)] = None


class AdaptConfig(Section):
    """Online training of the denoiser: `cpu_share` is the most that it takes of one core, `window` how many received
    frames it learns from, `rate` its learning rate.
    """

    enabled: bool = False
    cpu_share: float = Field(0.25, gt=0, le=1)
    window: int = Field(64, ge=4, le=4096)
    rate: float = Field(2e-3, gt=0, le=1)


class ModelOptions(Section):
    """Options of the strategies that `model` names."""

    encoder: Options = Field(default_factory=dict)
    denoiser: Options = Field(default_factory=dict)
    sampler: Options = Field(default_factory=dict)
    decoder: Options = Field(default_factory=dict)


class ModelConfig(Section):
    """Networks. `cbr` is the channel bandwidth ratio; `design_snr_db` is what the transmitter designs for.

    denoiser: a registry name, `package.module:Class`, or `none`: every arm then decodes received symbols.
    sampler, steps: how the denoiser goes to its estimate; `paper` takes as many steps as the SNR asks for.
    gate: let the measured table choose, frame by frame, between the decoder behind the denoiser and the one without.
    threads: of each torch operation; left out, what OMP_NUM_THREADS says, else 1.
    """

    preset: Literal["small", "default", "large"] = "default"
    cbr: Annotated[float, BeforeValidator(_ratio), Field(gt=0, le=1)] = 1 / 48
    design_snr_db: float = Field(10.0, ge=-30, le=60)
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: bool = False
    threads: int = Field(default_factory=environment_threads, ge=1, le=MOST_THREADS)
    encoder: str = "jscc"
    denoiser: str = "cddm"
    sampler: str = "x0"
    steps: int = Field(1, ge=1, le=1000)
    gate: bool = True
    decoder: str = "jscc"
    adapt: AdaptConfig = AdaptConfig()
    options: ModelOptions = ModelOptions()

    @model_validator(mode="after")
    def _trains_what_it_samples(self) -> "ModelConfig":
        if self.adapt.enabled and self.sampler == "paper":
            raise ValueError("adapt.enabled: the paper's network predicts noise and is not trained online: use x0")
        return self


class PhyOptions(Section):
    """Options of the strategies that `phy` names."""

    synchroniser: Options = Field(default_factory=dict)
    channel_estimator: Options = Field(default_factory=dict)
    equaliser: Options = Field(default_factory=dict)


class PhyConfig(Section):
    """The waveform and the receiver's strategies, by registry name or `package.module:Class`. An empty synchroniser is
    the numerology's.

    max_pixels: bursts of larger pictures are refused: nobody is to keep a receiver busy with a few milliseconds of air.
    """

    numerology: str = "ofdm64"
    synchroniser: str = ""
    channel_estimator: str = "dft-smoothed"
    equaliser: str = "mmse"
    rx_antennas: int = Field(1, ge=1, le=8)
    max_pixels: int = Field(1920 * 1088, ge=256, le=4096 * 4096)
    options: PhyOptions = PhyOptions()


class ChannelConfig(Section):
    """The simulated channel; `sro_ppm` None means one oscillator: the sampling offset follows from the CFO."""

    name: str = "awgn"
    snr_db: float = Field(12.0, ge=-30, le=60)
    cfo_hz: float = 0.0
    sro_ppm: float | None = Field(None, ge=-200, le=200)
    delay_samples: float = Field(0.0, ge=0, le=1e6)
    speed_mps: float | None = Field(None, ge=0, le=500)
    delay_spread_s: float | None = Field(None, ge=0, le=1e-3)
    options: Options = Field(default_factory=dict)


class SegmentConfig(Section):
    """What a scheme codes together: at most `frames` pictures, one slot of channel uses each. JSCC codes each alone."""

    frames: int = Field(8, ge=1, le=128)


class ArmConfig(Section):
    """An arm of one's own: a scheme by registry name or `package.module:Class`, and options of its constructor."""

    scheme: str
    options: Options = Field(default_factory=dict)


def _arm_names(arms: dict[str, Any]) -> dict[str, Any]:
    for name in arms:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+_-]{0,31}", name):
            raise ValueError(f"'{name[:60]}' is no name of an arm: use letters, digits, + and -")
    return arms


TAPS = ("symbols", "tx", "channel", "equalised", "noise_map", "denoised")
"""Signals that `--set dump.NAME=PATH` writes to a file."""


def _taps(dump: dict[str, str]) -> dict[str, str]:
    known = [f"dump.{tap}" for tap in TAPS]
    for name in dump:
        if f"dump.{name}" not in known:
            close = nearest(f"dump.{name[:60]}", known)
            raise ValueError(f"unknown dump tap 'dump.{name[:60]}'{close} (known: {', '.join(known)})")
    return dump


class LinkConfig(Section):
    """Everything that a run needs beyond the clip, the seed and the number of frames.

    driver: `simulation`, or `file` for radios that only `tx` and `rx` serve. arms: arms of one's own, by their names,
    beside those of `gvc.coding.arms`. dump: files for signals, by their names.
    """

    description: str = ""
    driver: Literal["simulation", "file"] = "simulation"
    sample_rate_hz: float = Field(1e6, ge=1e3, le=1e9)
    center_frequency_hz: float = Field(2.4e9, ge=1e6, le=1e12)
    coherence_bands: float | None = Field(None, ge=0)
    video: VideoConfig = VideoConfig()
    model: ModelConfig = Field(default_factory=ModelConfig)  # when it is made, for what the environment says then
    phy: PhyConfig = PhyConfig()
    channel: ChannelConfig = ChannelConfig()
    segment: SegmentConfig = SegmentConfig()
    digital: DigitalConfig = DigitalConfig()
    hybrid: HybridConfig = HybridConfig()
    capacity: CapacityConfig = CapacityConfig()
    arms: Annotated[dict[str, ArmConfig], AfterValidator(_arm_names)] = Field(default_factory=dict)
    dump: Annotated[dict[str, str], AfterValidator(_taps)] = Field(default_factory=dict)


def radio_path(radio: str) -> Path:
    """The file of a radio given as a path or a bare name; raises InputError naming the nearest radio."""
    path = Path(radio)
    if path.suffix in (".yaml", ".yml") or path.exists():
        if path.is_file():
            return path
        raise InputError(f"no radio file '{radio}': give a path to a YAML file, or a name from `gvc radios list`")
    known = sorted(p.stem for p in radios_dir().glob("*.yaml"))
    if radio not in known:
        raise InputError(f"unknown radio '{radio}'{nearest(radio, known)} (known: {', '.join(known)})")
    return radios_dir() / f"{radio}.yaml"


def load_radio(radio: str) -> dict[str, Any]:
    """The keys of a radio file, unchecked; raises ConfigError when it is not a YAML mapping."""
    return load_mapping(radio_path(radio), "radio file", "hw_configs/README.md")


def given(config: LinkConfig | str, settings: Sequence[str] = ()) -> LinkConfig:
    """A configuration as it is, or that of a radio file by its name or path with `settings` KEY=VALUE over it."""
    return build(config, settings) if isinstance(config, str) else config


def build(radio: str = DEFAULT_RADIO, overrides: Sequence[str] = (), overrides_from_file: bool = False) -> LinkConfig:
    """The configuration of `radio` with `key=value` overrides, e.g. `channel.snr_db=10`: each key checked by itself.

    overrides_from_file: the overrides are no better trusted than the radio file.

    Raises ConfigError that names the key, and for an unknown key the nearest valid one; ConfigError, too, when a file
    names code and the caller has not allowed it (`gvc.permission`).
    """
    content = load_radio(radio)
    given: set[str] = set()
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", key):
            raise ConfigError(f"--set {override[:200]}: write KEY=VALUE, for example channel.snr_db=10")
        value = core_yaml.value(text, f"--set {key[:60]}")
        if not overrides_from_file:
            given |= {name for _, name in code_names(value)}
        _assign(content, key.split("."), value)
    # Free text and paths of files to write name no code.
    named = {key: value for key, value in content.items() if key not in ("description", "dump")}
    refuse_code(named, f"radio file '{radio_path(radio)}'", given)
    return checked(LinkConfig, content)


def _assign(content: dict[str, Any], path: list[str], value: Any) -> None:
    if len(path) > core_yaml.MOST_LEVELS:
        raise ConfigError(f"'{'.'.join(path)[:60]}...' has more than {core_yaml.MOST_LEVELS} parts")
    for name in path[:-1]:
        content = content.setdefault(name, {})
        if not isinstance(content, dict):
            raise ConfigError(f"'{'.'.join(path)}': '{name}' has no keys of its own")
    content[path[-1]] = value
