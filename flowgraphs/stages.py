"""The blocks of a chain from its configuration: one place for link, tx and rx."""

import math

from gnuradio import gr

from gvc.coding.arms import Arm, bind
from gvc.config import LinkConfig
from gvc.errors import ConfigError
from gvc.phy.identity import Expected
from gvc.phy.numerology import Numerology
from gvc.simulation.offline import receiver_parameters
from gvc_blocks.coding.denoiser import DenoisingStage
from gvc_blocks.coding.online_trainer import OnlineTrainer
from gvc_blocks.coding.segment_decoder import SegmentDecoder
from gvc_blocks.coding.segment_encoder import SegmentEncoder
from gvc_blocks.phy.burst_receiver import BurstReceiver
from gvc_blocks.phy.burst_transmitter import BurstTransmitter
from gvc_blocks.radio.sionna_channel import SionnaChannel
from gvc_blocks.runtime.feedback import Feedback
from gvc_blocks.video.video_source import VideoSource
from models.link_check import check_size

# Every raised buffer would be told on the console otherwise.
gr.logging().set_default_level(gr.log_levels.warn)


def source(config: LinkConfig, clip: str, frames: int, paced: bool) -> VideoSource:
    """The clip; raises ConfigError for pictures larger than receivers take."""
    made = VideoSource(clip, config.video.size, frames, paced)
    check_size(config, *made.clip.size)
    return made


def encoder(config: LinkConfig, arm: str | Arm = "jscc", fps: float = 25.0) -> SegmentEncoder:
    """The encoder of an arm; raises ConfigError for one that no radio can be: a genie or a bound."""
    return SegmentEncoder(arm, config, fps=fps, dump_path=_tap(config, "symbols"))


def feedback(config: LinkConfig) -> Feedback:
    digital = config.digital
    return Feedback(digital.feedback_delay, config.model.design_snr_db, digital.feedback_window)


def transmitter(config: LinkConfig, arm: str | Arm = "jscc", stream: int = 0, paced: bool = False) -> BurstTransmitter:
    """The transmitter of `arm`; `stream` is the identity of the transmission."""
    idle = 0
    if paced:
        idle = 8 * Numerology.load(config.phy.numerology).symbol_samples + math.ceil(config.channel.delay_samples)
    return BurstTransmitter(config.phy.numerology, idle, _tap(config, "tx"), stream, bind(arm, config).coder)


def channel(config: LinkConfig, seed: int) -> SionnaChannel:
    air = config.channel
    return SionnaChannel(
        air.name,
        config.sample_rate_hz,
        config.center_frequency_hz,
        air.snr_db,
        seed,
        config.phy.rx_antennas,
        air.cfo_hz,
        air.sro_ppm,
        air.delay_samples,
        Numerology.load(config.phy.numerology).occupied_fraction,
        air.speed_mps,
        air.delay_spread_s,
        air.options,
        _tap(config, "channel"),
    )


def receiver(config: LinkConfig, arm: str | Arm = "jscc", keep_raw: bool = False) -> BurstReceiver:
    """The receiver of what `arm` decodes."""
    bound = bind(arm, config)
    return BurstReceiver(
        **receiver_parameters(config),
        keep_raw=keep_raw,
        expected=Expected(bound.payload_types, bound.coder, config.phy.max_pixels),
        dump_symbols=_tap(config, "equalised"),
        dump_noise_map=_tap(config, "noise_map"),
    )


def denoiser(config: LinkConfig, arm: str | Arm = "jscc+cddm") -> DenoisingStage | None:
    """The first stage of an arm's reception; None where it has none. With the decoder's own `Arm` networks are loaded
    once.
    """
    bound = bind(arm, config)
    return DenoisingStage(bound, config, dump_path=_tap(config, "denoised")) if bound.denoises else None


def trainer(config: LinkConfig, arm: Arm, seed: int = 1) -> OnlineTrainer | None:
    """The online training of an arm's denoiser; None where it is switched off or there is none. Raises ConfigError for
    a denoiser that cannot be trained.
    """
    if not config.model.adapt.enabled or not arm.denoises:
        return None
    receiver = getattr(arm.any_scheme, "receiver", None)
    if receiver is None:
        raise ConfigError(f"'model.adapt.enabled': arm '{arm.name}' has no network that can be trained while it runs")
    return OnlineTrainer(receiver, config.model.adapt, seed)


def decoder(config: LinkConfig, arm: str | Arm = "jscc", fps: float = 25.0) -> SegmentDecoder:
    """The decoder of an arm, behind its denoiser or without it."""
    return SegmentDecoder(arm, config, fps=fps)


def _tap(config: LinkConfig, name: str) -> str:
    return config.dump.get(name, "")
