import numpy as np
import pytest
import torch

from gvc import seeds
from gvc.errors import InputError
from gvc.noise_map import NU_MAX
from models.arms import Places
from models.cddm.sampler import Deterministic
from models.latents import fill, from_symbols, to_symbols
from models.stages import FrameDecoder, FrameDenoiser, FrameEncoder


def codec(places: Places, dtype: str = "float32", cbr: float = 1 / 48):
    jscc, cddm = places.folders["jscc"], places.folders["cddm"]
    return (
        FrameEncoder("small", cbr, dtype=dtype, jscc_dir=jscc),
        FrameDenoiser("small", dtype, cddm_dir=cddm),
        FrameDecoder("small", "jscc+cddm", dtype, jscc_dir=jscc, cddm_dir=cddm),
    )


def frame(height: int, width: int) -> np.ndarray:
    return seeds.stream(0, "frame").integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (1, 1), (17, 33), (272, 640), (250, 255)])
def test_any_size_goes_through_and_comes_back(places: Places, height: int, width: int) -> None:
    encoder, denoiser, decoder = codec(places)
    symbols = encoder.encode(frame(height, width))
    assert symbols.dtype == np.complex64
    assert symbols.shape == (16 * -(-height // 16) * -(-width // 16),)
    assert np.mean(np.abs(symbols) ** 2) == pytest.approx(1, abs=1e-3)
    noise = np.full(symbols.shape, 0.1, np.float32)
    cleaned = denoiser.denoise(symbols, noise, height, width, encoder.latents)
    picture = decoder.decode(cleaned, noise, height, width, encoder.latents)
    assert picture.shape == (height, width, 3) and picture.dtype == np.uint8


def test_erased_frame_still_decodes(places: Places) -> None:
    encoder, denoiser, decoder = codec(places)
    symbols = np.zeros_like(encoder.encode(frame(48, 48)))
    noise = np.full(symbols.shape, NU_MAX, np.float32)
    cleaned = denoiser.denoise(symbols, noise, 48, 48, 32)
    assert np.isfinite(cleaned.view(np.float32)).all()
    decoder.decode(cleaned, noise, 48, 48, 32)


def test_bfloat16_stays_close_to_float32(places: Places) -> None:
    picture = frame(64, 64)
    exact, rough = (codec(places, dtype)[0].encode(picture) for dtype in ("float32", "bfloat16"))
    assert np.mean(np.abs(exact - rough) ** 2) < 1e-3


@pytest.mark.parametrize("wrong", [(12,), (0,), (4, 3)])
def test_symbols_of_another_size_are_refused(places: Places, wrong: tuple[int, ...]) -> None:
    _, denoiser, decoder = codec(places)
    symbols, noise = np.zeros(wrong, np.complex64), np.ones(wrong, np.float32)
    for call in (denoiser.denoise, decoder.decode):
        with pytest.raises(InputError, match="are needed"):
            call(symbols, noise, 48, 48, 32)


def test_unknown_presets_arms_and_dtypes_name_the_nearest(places: Places) -> None:
    with pytest.raises(InputError, match="'small'"):
        FrameEncoder("smal")
    with pytest.raises(InputError, match="did you mean 'jscc"):
        FrameDecoder("small", "jsc")
    with pytest.raises(InputError, match="bfloat16"):
        codec(places, "float16")


@pytest.mark.parametrize("steps", [1, 4])
def test_a_frame_is_denoised_by_the_sampler_that_was_asked_for(places: Places, steps: int) -> None:
    encoder, _, _ = codec(places)
    denoiser = FrameDenoiser("small", "float32", cddm_dir=places.folders["cddm"], sampler="x0", steps=steps)
    symbols = encoder.encode(frame(64, 64))
    noise = np.full(symbols.shape, 0.2, np.float32)
    again = Deterministic(places.denoiser(), steps)
    values, noise_map = fill(from_symbols(torch.from_numpy(symbols)[None], 32, 4, 4), torch.full((1, 16, 4, 4), 0.2))
    with torch.no_grad():
        expected = to_symbols(again(values, noise_map, torch.tensor([32.0]))[:, :32])[0].numpy()
    np.testing.assert_allclose(denoiser.denoise(symbols, noise, 64, 64, 32), expected, atol=1e-5)
    assert denoiser.used == steps


def test_one_encoder_serves_every_rate(places: Places) -> None:
    counts = [len(codec(places, cbr=1 / d)[0].encode(frame(64, 64))) for d in (192, 96, 48, 24)]
    assert counts == [64, 128, 256, 512]
