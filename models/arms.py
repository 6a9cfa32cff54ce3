"""The arms of the ablation: which decoder stands behind which denoiser, and where their weights lie.

A: CSI-blind decoder. A+: CSI-aware. control: A+ with the steps and data that D has had, widened by the denoiser's
multiplications. C: denoiser before the unchanged decoder. D: decoder re-trained behind the denoiser. P: the perceptual
mode, a distilled denoiser and a decoder trained for looks. All share one encoder, so that every arm sees the same
received symbols.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from gvc.errors import InputError
from gvc.registry import nearest
from models import weights
from models.cddm import network as cddm
from models.cddm.epsilon import Epsilon
from models.jscc import network as jscc

ENCODER, AWARE, BLIND = "encoder.safetensors", "decoder_aware.safetensors", "decoder_blind.safetensors"
DENOISER, BEHIND, CONTROL = "denoiser.safetensors", "decoder_behind.safetensors", "decoder_control.safetensors"
STUDENT, PERCEPTUAL = "denoiser_student.safetensors", "decoder_perceptual.safetensors"
EPSILON = "epsilon.safetensors"


@dataclass(frozen=True)
class NeuralArm:
    """`decoder` names the network and file of the decoder, `denoiser` the file of the one before it, empty for none."""

    decoder: tuple[str, str]
    denoiser: str = ""
    aware: bool = True
    widened: bool = False

    @property
    def denoised(self) -> bool:
        """Whether a denoiser stands before the decoder."""
        return bool(self.denoiser)


ARMS = {
    "A": NeuralArm(("jscc", BLIND), aware=False),
    "A+": NeuralArm(("jscc", AWARE)),
    "control": NeuralArm(("cddm", CONTROL), widened=True),
    "C": NeuralArm(("jscc", AWARE), DENOISER),
    "D": NeuralArm(("cddm", BEHIND), DENOISER),
    "P": NeuralArm(("cddm", PERCEPTUAL), STUDENT),
}
ALIASES = {"jscc": "A+", "jscc+cddm": "D"}
# Residual blocks that match the denoiser's multiplications (rounded up, in the control's favour)
EXTRA_BLOCKS = {"small": 3, "default": 5, "large": 7}


def arm(name: str) -> NeuralArm:
    """The arm called `name`; raises InputError naming the nearest one."""
    known = [*ARMS, *ALIASES]
    if name not in known:
        raise InputError(f"unknown neural arm '{name}'{nearest(name, known)} (known: {', '.join(known)})")
    return ARMS[ALIASES.get(name, name)]


def check_preset(preset: str) -> str:
    """`preset` itself; raises InputError when there is no such size."""
    if preset not in jscc.SIZES:
        raise InputError(f"unknown preset '{preset}'{nearest(preset, list(jscc.SIZES))}")
    return preset


class Places:
    """Where the weights of a preset are: the shipped folders unless others are given."""

    def __init__(self, preset: str = "default", jscc_dir: Path | None = None, cddm_dir: Path | None = None):
        self.preset = check_preset(preset)
        self.folders = {
            "jscc": Path(jscc_dir) if jscc_dir else weights.folder("jscc", preset),
            "cddm": Path(cddm_dir) if cddm_dir else weights.folder("cddm", preset),
        }

        self.replaced: dict[str, Path] = {}

    def use(self, name: str, file: Path) -> None:
        """Take the decoder of arm `name` from another file (its folder's manifest must list it)."""
        arm(name)
        self.replaced[name] = file

    def encoder(self) -> jscc.Encoder:
        """The shared encoder, filled."""
        return weights.load(jscc.Encoder(jscc.SIZES[self.preset]), self.folders["jscc"] / ENCODER).eval()

    def denoiser(self, file: str = DENOISER) -> cddm.Denoiser:
        """The denoiser in `file`, filled."""
        return weights.load(cddm.Denoiser(cddm.SIZES[self.preset]), self.denoiser_file(file)).eval()

    def epsilon(self) -> Epsilon:
        """The noise-predicting network of the paper's sampler, filled."""
        return weights.load(Epsilon(cddm.SIZES[self.preset]), self.denoiser_file(paper=True)).eval()

    def denoiser_file(self, file: str = DENOISER, paper: bool = False) -> Path:
        """Where the denoiser in `file` lies, or, for the paper's sampler, the network that predicts noise."""
        return self.folders["cddm"] / (EPSILON if paper else file)

    def decoder(self, name: str) -> jscc.Decoder:
        """The decoder of an arm, filled."""
        chosen = arm(name)
        extra = EXTRA_BLOCKS[self.preset] if chosen.widened else 0
        network = jscc.Decoder(jscc.SIZES[self.preset], chosen.aware, extra)
        return weights.load(network, self.file(name)).eval()

    def file(self, name: str) -> Path:
        """Where the decoder of an arm lies."""
        folder, file = arm(name).decoder
        return self.replaced.get(name, self.folders[folder] / file)


def widen(decoder: jscc.Decoder, preset: str) -> jscc.Decoder:
    """The control arm's network, computing exactly what `decoder` does until it is trained."""
    control = jscc.Decoder(jscc.SIZES[preset], extra=EXTRA_BLOCKS[preset])
    missing = control.load_state_dict(decoder.state_dict(), strict=False).missing_keys
    assert all(key.startswith("widening.") for key in missing)
    return control


# every weights file and how it is opened, so that each can be verified
FILES: dict[str, Callable[[Places], nn.Module]] = {
    ENCODER: Places.encoder,
    DENOISER: Places.denoiser,
    AWARE: lambda places: places.decoder("A+"),
    BLIND: lambda places: places.decoder("A"),
    BEHIND: lambda places: places.decoder("D"),
    CONTROL: lambda places: places.decoder("control"),
    STUDENT: lambda places: places.denoiser(STUDENT),
    EPSILON: Places.epsilon,
    PERCEPTUAL: lambda places: places.decoder("P"),
}
