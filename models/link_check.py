"""What a configuration must hold beyond its single keys, found before anything runs: one check for every command."""

import math
from collections.abc import Sequence
from pathlib import Path

from gvc import registry
from gvc.coding.arms import bind
from gvc.coding.schemes.digital import link_adaptation
from gvc.config import LinkConfig
from gvc.errors import ConfigError
from gvc.phy.fec.mcs import named
from gvc.phy.numerology import Numerology
from gvc.phy.shape import frame_symbols
from gvc.simulation.offline import channel_of, receiver_of
from models.latents import latents_of


def check_link(
    config: LinkConfig, arms: Sequence[str] = (), simulated: bool = True, running: bool = True, networks: bool = False
) -> LinkConfig:
    """`config` itself, when a link of these `arms` can be made of it.

    simulated: the channel is needed, too. running: in a flowgraph, where no arm knows what the channel will do.
    networks: load what encodes and decodes; a run does so itself, first of all.

    Raises InputError and its kin, naming the key, as the run would.
    """
    numerology = Numerology.load(config.phy.numerology)
    if not math.isclose(config.sample_rate_hz, numerology.sample_rate_hz, rel_tol=1e-9):
        raise ConfigError(
            f"'sample_rate_hz' is {config.sample_rate_hz:g} and that of phy.numerology '{config.phy.numerology}' is "
            f"{numerology.sample_rate_hz:g}: a radio runs at its numerology's rate"
        )
    latents = latents_of(config.model.cbr)
    if simulated:
        channel_of(config, config.channel.snr_db, 0)
    receiver_of(config)
    for name, path in config.dump.items():
        if not path or not Path(path).absolute().parent.is_dir():
            raise ConfigError(f"'dump.{name}': there is no folder for '{path}'")
    _check_names(config)
    if config.video.size:
        check_size(config, *config.video.size)
    width, height = config.video.size or (256, 256)
    for name in arms:
        arm = bind(name, config)
        arm.scheme(frame_symbols(height, width, latents))
        if running:
            arm.check_running()
        if networks:
            arm.load()
    return config


def check_size(config: LinkConfig, width: int, height: int) -> None:
    """Raise ConfigError for pictures larger than receivers take."""
    if width * height > config.phy.max_pixels:
        raise ConfigError(
            f"pictures of {width}x{height} are above 'phy.max_pixels' ({config.phy.max_pixels}): give a smaller "
            "video.size, or raise it at both ends"
        )


def _check_names(config: LinkConfig) -> None:
    """Names of strategies that only some arms use: a slip in one shows without its arm, too."""
    model = config.model
    chosen = [("encoder", model.encoder), ("decoder", model.decoder), ("sampler", model.sampler)]
    chosen += [("adaptation", config.digital.adaptation), ("refinement", config.hybrid.refinement)]
    chosen += [("codec", config.hybrid.codec), ("codec", config.capacity.codec)]
    if model.denoiser != "none":
        chosen.append(("denoiser", model.denoiser))
    for kind, name in chosen:
        registry.check_name(kind, name)
    named(config.digital.mcs)
    link_adaptation.table(config.digital.table)
