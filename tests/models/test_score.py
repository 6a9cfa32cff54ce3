import numpy as np
import pytest
import torch

from gvc.channel.symbol import SymbolChannel
from gvc.errors import InputError
from models.ablation.score import Conditions, psnr, score
from models.arms import Places

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
    assert result["parameters"].keys() == result["gmac"].keys() and result["parameters"]["decoder A"] > 1_000_000
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


def test_digital_arms_stand_beside_the_networks_at_equal_channel_uses(places: Places, pictures) -> None:
    arms = ["A+", "x264+ldpc@qpsk-1_2", "x264+ldpc@genie"]
    large = {name: picture.repeat(1, 3, 3) for name, picture in pictures.items()}
    rows = score(large, arms, places, Conditions(channels=("awgn",), snrs_db=(-5.0, 8.0), cbrs=(1 / 24,)))["rows"]
    found = {(row["snr_db"], row["arm"]): row for row in rows}
    assert len(found) == 6
    fixed, genie = ([found[snr, arm]["psnr_db"] for snr in (-5.0, 8.0)] for arm in arms[1:])
    # below its threshold the fixed scheme shows grey; the genie never sends what will not be decoded
    assert fixed[0] < fixed[1] <= genie[1] + 0.5
    assert found[8.0, arms[1]]["symbol_mse_db"] == pytest.approx(found[8.0, "A+"]["symbol_mse_db"], abs=0.2)


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


def test_each_denoised_arm_has_a_row_for_every_sampler_and_number_of_steps(places: Places, pictures) -> None:
    conditions = Conditions(("rayleigh",), (10,), samplers=("x0", "stochastic"), steps=(1, 3))
    result = score(pictures, ["A+", "C", "D"], places, conditions)
    found = [(r["arm"], r["sampler"], r["steps"]) for r in result["rows"]]
    both = [(s, n) for s in ("x0", "stochastic") for n in (1, 3)]
    assert found == [("A+", "none", 0), *(("C", *x) for x in both), *(("D", *x) for x in both)]
    one_step = {r["sampler"]: r["symbol_mse_db"] for r in result["rows"] if r["arm"] == "C" and r["steps"] == 1}
    assert one_step["x0"] == pytest.approx(one_step["stochastic"], abs=0.05)


def test_paired_gain_is_the_difference_of_means_with_a_narrower_interval(places: Places) -> None:
    torch.manual_seed(1)
    many = {f"p{i}": torch.randint(0, 2 + 20 * i, (3, 32, 32), dtype=torch.uint8) for i in range(8)}
    rows = {r["arm"]: r for r in score(many, ["A", "control", "D"], places, Conditions(("awgn",), (5,)))["rows"]}
    d = rows["D"]
    for reference, key in (("control", "gain_over_control_db"), ("A", "gain_over_a_db")):
        assert d[key] == pytest.approx(d["psnr_db"] - rows[reference]["psnr_db"], abs=2e-4)
        low, high = d[f"{key}_ci95"]
        assert low <= d[key] <= high
        assert high - low < d["psnr_db_ci95"][1] - d["psnr_db_ci95"][0]
    assert "gain_over_control_db" not in rows["control"]


def test_flat_and_shuffled_maps_change_what_networks_are_told_but_not_the_linear_estimate(places, pictures) -> None:
    def rows(told: str, channel: str) -> dict:
        result = score(pictures, ["A+", "D"], places, Conditions((channel,), (10,), noise_map=told))
        return {r["arm"]: r for r in result["rows"]}

    truth = rows("true", "rayleigh")
    for told in ("flat", "shuffled"):
        other = rows(told, "rayleigh")
        assert other["A+"]["symbol_mse_db"] == pytest.approx(truth["A+"]["symbol_mse_db"], abs=1e-3)
        assert other["D"]["symbol_mse_db"] != truth["D"]["symbol_mse_db"]
        assert other["A+"]["psnr_db"] != truth["A+"]["psnr_db"]
        # all symbols of AWGN are equally good: there is nothing to flatten
        assert rows(told, "awgn")["D"]["psnr_db"] == pytest.approx(rows("true", "awgn")["D"]["psnr_db"], abs=1e-3)


@pytest.mark.parametrize("wrong", [{"steps": (0,)}, {"steps": (10**6,)}, {"samplers": ("x1",)}, {"noise_map": "flatt"}])
def test_unusable_samplers_steps_and_maps_are_refused(places: Places, pictures, wrong: dict) -> None:
    with pytest.raises(InputError):
        score(pictures, ["D"], places, Conditions(("awgn",), (10,), **wrong))
