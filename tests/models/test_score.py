import numpy as np
import pytest
import torch

from gvc.channel.symbol import SymbolChannel
from gvc.errors import InputError
from models.arms import Places
from models.score import Conditions, psnr, score

ARMS = ["A", "A+", "control", "C", "D"]


@pytest.fixture(scope="module")
def pictures() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    coarse = torch.rand(2, 3, 4, 5) * 255
    smooth = torch.nn.functional.interpolate(coarse, size=(50, 70), mode="bicubic").clamp(0, 255)
    return {f"p{i}": p for i, p in enumerate(smooth.to(torch.uint8))}


def test_rows_cover_every_condition_and_arm(places: Places, pictures) -> None:
    result = score(pictures, ARMS, places, Conditions(snrs_db=(0, 10), cbrs=(1 / 48, 1 / 24)))
    assert result["images"] == 2 and len(result["rows"]) == 2 * 2 * 2 * len(ARMS)
    for row in result["rows"]:
        assert {"channel", "snr_db", "cbr", "arm", "steps", "sampler", "psnr_db", "symbol_mse_db"} <= row.keys()
        low, high = row["psnr_db_ci95"]
        assert low <= row["psnr_db"] <= high
    assert {"encoder", "denoiser", "decoder"} <= result["gmac"].keys() & result["ms_per_image"].keys() | {"decoder"}


def test_linear_estimate_reaches_the_closed_form_symbol_error(places: Places) -> None:
    """AWGN: nu / (1 + nu). Rayleigh: E[1 / (1 + g snr)] over g ~ Exp(1) = e^(1/snr) E1(1/snr) / snr."""
    picture = {"p": torch.randint(0, 256, (3, 512, 512), dtype=torch.uint8)}
    rows = score(picture, ["A+"], places, Conditions(snrs_db=(10,)))["rows"]
    by_channel = {r["channel"]: r["symbol_mse_db"] for r in rows}
    assert by_channel["awgn"] == pytest.approx(10 * np.log10(0.1 / 1.1), abs=0.1)
    gains = np.random.default_rng(0).exponential(size=400_000)
    assert by_channel["rayleigh"] == pytest.approx(10 * np.log10(np.mean(1 / (1 + 10 * gains))), abs=0.15)


def test_same_seed_same_rows_and_widened_untrained_control_equals_its_origin(places: Places, pictures) -> None:
    first, second = (score(pictures, ["A+", "control"], places, Conditions(snrs_db=(5,)))["rows"] for _ in range(2))
    assert first == second
    for aware, control in zip(first[::2], first[1::2], strict=True):
        assert aware["psnr_db"] == pytest.approx(control["psnr_db"], abs=0.01)


def test_bad_requests_are_refused(places: Places, pictures) -> None:
    with pytest.raises(InputError, match="did you mean"):
        score(pictures, ["D+"], places, Conditions())
    with pytest.raises(InputError, match="out of range"):
        score(pictures, ["A"], places, Conditions(snrs_db=(99.0,)))
    with pytest.raises(InputError, match="awgn or rayleigh"):
        score(pictures, ["A"], places, Conditions(channels=("rician",)))
    with pytest.raises(InputError, match="1/48"):
        score(pictures, ["A"], places, Conditions(cbrs=(0.5,)))


def test_psnr_against_its_definition() -> None:
    reference = torch.zeros(4, 4, 3, dtype=torch.uint8)
    assert psnr(reference, reference) == 100
    assert psnr(reference, reference + 1) == pytest.approx(48.1308, abs=1e-3)


@pytest.mark.parametrize("impairment", [{"csi_error_var": 0.1}, {"erasure": 0.1}, {"interference_db": -10.0}])
def test_impairments_raise_the_symbol_error(places: Places, impairment: dict) -> None:
    picture = {"p": torch.randint(0, 256, (3, 128, 128), dtype=torch.uint8)}

    def error(**extra) -> float:
        conditions = Conditions(("rayleigh",), (20.0,), template=SymbolChannel("awgn", 0.0, **extra))
        return score(picture, ["A+"], places, conditions)["rows"][0]["symbol_mse_db"]

    assert error(**impairment) > error() + 1
