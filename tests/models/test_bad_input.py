"""What the receiver's networks refuse: nothing that looks like a picture comes of it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from gvc import seeds
from gvc.config import build
from gvc.errors import ConfigError, InputError, ParseError, WeightsError
from gvc.noise_map import NU_MAX, NU_MIN
from models.arms import DENOISER, ENCODER, Places
from models.stages import FrameDecoder, FrameDenoiser, FrameEncoder
from models.weights import MANIFEST

SIZE = (48, 80, 32)
COUNT = 16 * 3 * 5


@pytest.fixture(scope="module")
def calls(places: Places) -> dict:
    """`denoise` and the `decode` of received and of denoised symbols, all with one signature."""
    jscc, cddm = places.folders["jscc"], places.folders["cddm"]
    return {
        "denoise": FrameDenoiser("small", "float32", cddm_dir=cddm).denoise,
        "decode received": FrameDecoder("small", "jscc", "float32", jscc_dir=jscc, cddm_dir=cddm).decode,
        "decode denoised": FrameDecoder("small", "jscc+cddm", "float32", jscc_dir=jscc, cddm_dir=cddm).decode,
    }


def received() -> tuple[np.ndarray, np.ndarray]:
    draw = seeds.stream(2, "received")
    symbols = (draw.standard_normal(COUNT) + 1j * draw.standard_normal(COUNT)) / 2**0.5
    return symbols.astype(np.complex64), np.full(COUNT, 0.1, np.float32)


@pytest.mark.parametrize("stage", ["denoise", "decode received", "decode denoised"])
@pytest.mark.parametrize("value", [0.0, -0.1, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("everywhere", [True, False])
def test_an_impossible_noise_variance_is_refused(calls: dict, stage: str, value: float, everywhere: bool) -> None:
    symbols, noise_map = received()
    noise_map[: COUNT if everywhere else 1] = value
    with pytest.raises(InputError, match="noise map"):
        calls[stage](symbols, noise_map, *SIZE)


@pytest.mark.parametrize("stage", ["denoise", "decode received", "decode denoised"])
@pytest.mark.parametrize("value", [np.nan, 1j * np.nan, np.inf, complex(0, -np.inf)])
def test_a_symbol_that_is_no_number_is_refused(calls: dict, stage: str, value: complex) -> None:
    symbols, noise_map = received()
    symbols[COUNT // 2] = value
    with pytest.raises(InputError, match="symbol"):
        calls[stage](symbols, noise_map, *SIZE)


@pytest.mark.parametrize("stage", ["denoise", "decode received", "decode denoised"])
def test_the_ends_of_the_noise_range_are_taken(calls: dict, stage: str) -> None:
    symbols, noise_map = received()
    noise_map[::2], noise_map[1::2] = NU_MIN, NU_MAX
    result = calls[stage](symbols, noise_map, *SIZE)
    assert np.isfinite(result.view(np.float32) if result.dtype == np.complex64 else result).all()


@pytest.mark.parametrize("stage", ["denoise", "decode received"])
@pytest.mark.parametrize(
    ("symbols", "noise"), [(2 * COUNT, 2 * COUNT), (COUNT // 2, COUNT // 2), (COUNT, COUNT - 1), (COUNT, 1), (COUNT, 0)]
)
def test_another_rate_or_another_shape_of_noise_map_is_refused(
    calls: dict, stage: str, symbols: int, noise: int
) -> None:
    with pytest.raises(InputError, match="are needed"):
        calls[stage](np.zeros(symbols, np.complex64), np.full(noise, 0.1, np.float32), *SIZE)


def test_a_column_of_symbols_is_refused(calls: dict) -> None:
    symbols, noise_map = received()
    with pytest.raises(InputError, match="are needed"):
        calls["denoise"](symbols[:, None], noise_map[:, None], *SIZE)


@pytest.mark.parametrize("steps", [0, -1, 10**6])
def test_impossible_numbers_of_steps_are_refused(places: Places, steps: int) -> None:
    with pytest.raises(InputError, match="1 to 1000"):
        FrameDenoiser("small", "float32", cddm_dir=places.folders["cddm"], steps=steps)


@pytest.mark.parametrize("setting", ["model.steps=0", "model.steps=1000000", "model.steps=2.5", "model.gate=perhaps"])
def test_settings_out_of_range_are_refused_by_name(setting: str) -> None:
    with pytest.raises(ConfigError, match=setting.partition("=")[0]):
        build("sim-awgn", [setting])


def test_an_unknown_sampler_names_the_nearest(places: Places) -> None:
    with pytest.raises(InputError, match="did you mean 'stochastic'"):
        FrameDenoiser("small", "float32", cddm_dir=places.folders["cddm"], sampler="stochastik")


def test_a_decoder_with_broken_weights_gives_no_picture(places: Places) -> None:
    decoder = FrameDecoder("small", "jscc", "float32", jscc_dir=places.folders["jscc"])
    next(decoder.network.parameters()).fill_(float("nan"))
    with pytest.raises(ParseError, match="not finite"):
        decoder.decode(*received(), *SIZE)


def test_weights_of_another_network_are_refused(places: Places, tmp_path: Path) -> None:
    """The encoder's file, with a valid manifest entry, in the denoiser's place."""
    source = places.folders["jscc"]
    shutil.copy(source / ENCODER, tmp_path / DENOISER)
    text = (source / MANIFEST).read_text().replace(f'"{DENOISER}"', '"away"').replace(f'"{ENCODER}"', f'"{DENOISER}"')
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(WeightsError, match="another network"):
        FrameDenoiser("small", "float32", cddm_dir=tmp_path)


def test_weights_of_another_preset_are_refused(places: Places) -> None:
    for make in (
        lambda: FrameDenoiser("default", "float32", cddm_dir=places.folders["cddm"]),
        lambda: FrameEncoder("default", dtype="float32", jscc_dir=places.folders["jscc"]),
    ):
        with pytest.raises(WeightsError, match="another network or preset"):
            make()


@pytest.mark.parametrize("broken", ["poisoned", "renamed", "reshaped", "missing"])
def test_a_refused_swap_leaves_the_denoiser_as_it_was(places: Places, broken: str) -> None:
    denoiser = FrameDenoiser("small", "float32", cddm_dir=places.folders["cddm"])
    state = {name: value.clone() for name, value in places.denoiser().state_dict().items()}
    before = denoiser.denoise(*received(), *SIZE)
    name = next(iter(state))
    if broken == "poisoned":
        state[name].view(-1)[0] = float("nan")
    elif broken == "renamed":
        state["other"] = state.pop(name)
    elif broken == "reshaped":
        state[name] = state[name][:1]
    else:
        state.pop(name)
    with pytest.raises(WeightsError):
        denoiser.swap(state)
    np.testing.assert_array_equal(denoiser.denoise(*received(), *SIZE), before)


def test_swapped_weights_are_in_use_from_the_next_frame_on(places: Places) -> None:
    """With its last layer at zero the denoiser is the linear estimate z / (1 + nu), by construction."""
    denoiser = FrameDenoiser("small", "float32", cddm_dir=places.folders["cddm"])
    symbols, noise_map = received()
    linear = symbols / (1 + noise_map)
    assert np.abs(denoiser.denoise(symbols, noise_map, *SIZE) - linear).max() > 1e-3
    state = places.denoiser().state_dict()
    last = [name for name in state if name.startswith("body.layers")][-2:]
    denoiser.swap({name: torch.zeros_like(value) if name in last else value for name, value in state.items()})
    np.testing.assert_allclose(denoiser.denoise(symbols, noise_map, *SIZE), linear, atol=1e-5)
