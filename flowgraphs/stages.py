"""The blocks of a chain from its configuration: one place for link, tx and rx."""

import math

from gnuradio import gr

from gvc.coding import peers
from gvc.config import LinkConfig
from gvc.phy.numerology import Numerology
from gvc.phy.offline import receiver_parameters
from gvc_blocks.channel.sionna_channel import SionnaChannel
from gvc_blocks.coding.cddm_denoiser import CddmDenoiser
from gvc_blocks.coding.jscc_decoder import JsccDecoder
from gvc_blocks.coding.jscc_encoder import JsccEncoder
from gvc_blocks.coding.online_trainer import OnlineTrainer
from gvc_blocks.coding.segment_encoder import SegmentEncoder
from gvc_blocks.feedback import Feedback
from gvc_blocks.phy.burst_receiver import BurstReceiver
from gvc_blocks.phy.burst_transmitter import BurstTransmitter
from gvc_blocks.video.video_source import VideoSource
from models.arms import arm as arm_of
from models.identity import coder_of, expected_of
from models.link_check import check_size

# Every raised buffer would be told on the console otherwise.
gr.logging().set_default_level(gr.log_levels.warn)


def source(config: LinkConfig, clip: str, frames: int, paced: bool) -> VideoSource:
    """The clip; raises ConfigError for pictures larger than receivers take."""
    made = VideoSource(clip, config.video.size, frames, paced)
    check_size(config, *made.clip.size)
    return made


def encoder(config: LinkConfig) -> JsccEncoder:
    model = config.model
    return JsccEncoder(
        model.encoder,
        model.preset,
        model.cbr,
        model.design_snr_db,
        model.dtype,
        model.compile,
        _tap(config, "symbols"),
        model.options.encoder,
    )


def segment_encoder(config: LinkConfig, arm: str, fps: float) -> SegmentEncoder:
    """The encoder of a peer; raises ConfigError for one that no radio can be: a genie or a bound."""
    peers.check_running(arm, config)
    return SegmentEncoder(arm, config, fps, _tap(config, "symbols"))


def feedback(config: LinkConfig) -> Feedback:
    digital = config.digital
    return Feedback(digital.feedback_delay, config.model.design_snr_db, digital.feedback_window)


def transmitter(config: LinkConfig, arm: str = "jscc", stream: int = 0, paced: bool = False) -> BurstTransmitter:
    """The transmitter of `arm`; `stream` is the identity of the transmission."""
    idle = 0
    if paced:
        idle = 8 * Numerology.load(config.phy.numerology).symbol_samples + math.ceil(config.channel.delay_samples)
    return BurstTransmitter(config.phy.numerology, idle, _tap(config, "tx"), stream, coder_of(config, arm))


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


def receiver(config: LinkConfig, arm: str = "jscc", keep_raw: bool = False) -> BurstReceiver:
    """The receiver of what `arm` decodes."""
    return BurstReceiver(
        **receiver_parameters(config),
        keep_raw=keep_raw,
        expected=expected_of(config, arm),
        dump_symbols=_tap(config, "equalised"),
        dump_noise_map=_tap(config, "noise_map"),
    )


def denoiser(config: LinkConfig, arm: str = "jscc+cddm") -> CddmDenoiser | None:
    """The denoiser of `arm`; None where the arm or the configuration has none."""
    model = config.model
    if not arm_of(arm).denoised or model.denoiser == "none":
        return None
    return CddmDenoiser(
        model.denoiser,
        arm,
        model.preset,
        model.sampler,
        model.steps,
        model.gate,
        model.dtype,
        model.compile,
        _tap(config, "denoised"),
        model.options.denoiser,
        model.options.sampler,
    )


def trainer(
    config: LinkConfig, denoiser: CddmDenoiser | None, arm: str = "jscc+cddm", seed: int = 1
) -> OnlineTrainer | None:
    """The online training of the denoiser of `arm`; None where it is switched off or there is none."""
    model = config.model
    if denoiser is None or not model.adapt.enabled:
        return None
    return OnlineTrainer(denoiser.denoiser, model.preset, arm, model.adapt, seed)


def decoder(config: LinkConfig, arm: str, denoiser: CddmDenoiser | None = None) -> JsccDecoder:
    """The decoder of `arm` behind `denoiser`; without one, an arm that expects it decodes received symbols."""
    model = config.model
    if denoiser is None and arm_of(arm).denoised:
        arm = "jscc"
    gated = denoiser is not None and denoiser.gate is not None
    return JsccDecoder(model.decoder, arm, model.preset, gated, model.dtype, model.compile, model.options.decoder)


def _tap(config: LinkConfig, name: str) -> str:
    return config.dump.get(name, "")
