"""The configuration of a link: defaults, under a radio file, under `--set` overrides; every key is checked."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field

from gvc.errors import ConfigError, InputError
from gvc.paths import radios_dir
from gvc.registry import nearest
from gvc.section import Section, checked, load_mapping

DEFAULT_RADIO = "sim-tdl-c-900ns"


def _size(value: Any) -> tuple[int, int] | None:
    if value is None or (isinstance(value, str) and value in ("source", "none")):
        return None
    if isinstance(value, list | tuple) and len(value) == 2:
        return int(value[0]), int(value[1])
    width, cross, height = str(value).partition("x")
    if not cross:
        raise ValueError("write WIDTHxHEIGHT, for example 256x256, or 'source'")
    return int(width), int(height)


def _ratio(value: Any) -> float:
    try:
        return float(Fraction(value)) if isinstance(value, str) else float(value)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError("write a ratio such as 1/48") from error


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


class ModelConfig(Section):
    """Networks. `cbr` is the channel bandwidth ratio; `design_snr_db` is what the transmitter designs for.

    denoiser: a registry name, `package.module:Class`, or `none`: every arm then decodes received symbols.
    sampler, steps: how the denoiser goes to its estimate; `paper` takes as many steps as the SNR asks for.
    gate: let the measured table choose, frame by frame, between the decoder behind the denoiser and the one without.
    """

    preset: Literal["small", "default", "large"] = "default"
    cbr: Annotated[float, BeforeValidator(_ratio)] = 1 / 48
    design_snr_db: float = Field(10.0, ge=-30, le=60)
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: bool = False
    threads: int = Field(1, ge=1, le=256)
    encoder: str = "jscc"
    denoiser: str = "cddm"
    sampler: str = "x0"
    steps: int = Field(1, ge=1, le=1000)
    gate: bool = True
    decoder: str = "jscc"
    adapt: AdaptConfig = AdaptConfig()


class PhyConfig(Section):
    """The waveform and the receiver's strategies, by registry name or `package.module:Class`.

    max_pixels: bursts of larger pictures are refused: nobody is to keep a receiver busy with a few milliseconds of air.
    """

    numerology: str = "ofdm64"
    synchroniser: str = "schmidl-cox"
    channel_estimator: str = "dft-smoothed"
    equaliser: str = "mmse"
    rx_antennas: int = Field(1, ge=1, le=8)
    max_pixels: int = Field(1920 * 1088, ge=256, le=4096 * 4096)


class ChannelConfig(Section):
    """The simulated channel; `sro_ppm` None means one oscillator: the sampling offset follows from the CFO."""

    name: str = "awgn"
    snr_db: float = Field(12.0, ge=-30, le=60)
    cfo_hz: float = 0.0
    sro_ppm: float | None = Field(None, ge=-200, le=200)
    delay_samples: float = Field(0.0, ge=0, le=1e6)
    speed_mps: float | None = Field(None, ge=0, le=500)
    delay_spread_s: float | None = Field(None, ge=0, le=1e-3)
    options: dict[str, Any] = Field(default_factory=dict)


class SegmentConfig(Section):
    """What the peers code together: at most `frames` pictures, one slot of channel uses each."""

    frames: int = Field(16, ge=1, le=128)


class DigitalConfig(Section):
    """The digital peers: what `gvc.coding.digital.Digital` takes.

    preset: of the video codec, `random-access` or `low-delay`. depth: slots that a transport block spans, None for the
    segment. adaptation: `table` picks the MCS by the measured table of `table` at the SNR fed back, less `margin_db`;
    `genie` knows what will be decoded; `fixed` takes `mcs`. feedback_delay: frames from measuring to sending;
    feedback_window: frames whose SNR is averaged.
    """

    preset: Literal["random-access", "low-delay"] = "random-access"
    depth: int | None = Field(None, ge=1, le=128)
    adaptation: str = "table"
    mcs: str = "qpsk-1_2"
    table: str = "sim-awgn"
    margin_db: float = Field(0.0, ge=-20, le=20)
    feedback_delay: int = Field(4, ge=0, le=10000)
    feedback_window: int = Field(16, ge=1, le=10000)


class HybridConfig(Section):
    """The hybrid peer: a digital base of `codec` and an analogue refinement of what it leaves.

    bandwidth: share of the channel uses that the base takes; power: share of the energy.
    """

    codec: str = "av1"
    refinement: str = "softcast"
    bandwidth: float = Field(0.5, gt=0, lt=1)
    power: float = Field(0.5, gt=0, lt=1)


class CapacityConfig(Section):
    """The bound: `codec` at the rate of an ideal code over the segment, or, with `outage` above 0, over single slots of
    which that share fails.
    """

    codec: str = "av1"
    outage: float = Field(0.0, ge=0, lt=1)


class LinkConfig(Section):
    """Everything that a run needs beyond the clip, the seed and the number of frames."""

    description: str = ""
    driver: Literal["simulation", "file", "zmq", "usrp"] = "simulation"
    sample_rate_hz: float = Field(1e6, gt=0)
    center_frequency_hz: float = Field(2.4e9, gt=0)
    coherence_bands: float | None = Field(None, ge=0)
    video: VideoConfig = VideoConfig()
    model: ModelConfig = ModelConfig()
    phy: PhyConfig = PhyConfig()
    channel: ChannelConfig = ChannelConfig()
    segment: SegmentConfig = SegmentConfig()
    digital: DigitalConfig = DigitalConfig()
    hybrid: HybridConfig = HybridConfig()
    capacity: CapacityConfig = CapacityConfig()
    dump: dict[str, str] = Field(default_factory=dict)


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


def build(radio: str = DEFAULT_RADIO, overrides: list[str] | tuple[str, ...] = ()) -> LinkConfig:
    """The checked configuration of `radio` with `key=value` overrides, e.g. `channel.snr_db=10`.

    Raises ConfigError that names the key, and for an unknown key the nearest valid one.
    """
    content = load_radio(radio)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key:
            raise ConfigError(f"--set {override}: write KEY=VALUE, for example channel.snr_db=10")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = text
        _assign(content, key.split("."), value)
    return checked(LinkConfig, content)


def _assign(content: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        content = content.setdefault(name, {})
        if not isinstance(content, dict):
            raise ConfigError(f"'{'.'.join(path)}': '{name}' has no keys of its own")
    content[path[-1]] = value
