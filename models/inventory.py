"""Every weights file that is shipped, and how it is opened, so that each can be listed and verified."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import nn

from models import weights
from models.arms import FILES, Places
from models.channel_estimator.network import DelayProfile
from models.channel_estimator.train import BLIND, LEARNED
from models.restoration.network import SIZES, Restoration
from models.restoration.train import ARMS

PROFILES = {LEARNED: False, BLIND: True}


@dataclass(frozen=True)
class WeightsFile:
    """`preset` is the folder's name; `open` loads the file into its network, or raises WeightsError."""

    network: str
    preset: str
    path: Path
    open: Callable[[], nn.Module]


def shipped() -> Iterator[WeightsFile]:
    """All of them, by network, folder and file."""
    for folder in sorted(Path(__file__).parent.glob("*/weights/*/")):
        network, preset = folder.parent.parent.name, folder.name
        for path in sorted(folder.glob("*.safetensors")):
            if path.name in PROFILES:
                opener = partial(_profile, path)
            elif network == "restoration":
                opener = partial(_restoration, path)
            elif path.name in FILES:
                # a specialist's folder is named after its size: small-18db
                places = Places(preset.partition("-")[0], folder, folder)
                opener = partial(FILES[path.name], places)
            else:
                continue
            yield WeightsFile(network, preset, path, opener)


def _restoration(path: Path) -> nn.Module:
    # beside the presets, the arms of a comparison, all of one size
    size = SIZES.get(path.parent.name, SIZES["default"])
    return weights.load(Restoration(size, *ARMS.get(path.stem, (True, 0))), path)


def _profile(path: Path) -> nn.Module:
    return weights.load(DelayProfile(PROFILES[path.name]), path)
