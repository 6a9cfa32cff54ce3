import numpy as np
import pytest
import torch

from gvc.channel.symbol import SymbolChannel, TrainingChannel
from gvc.errors import InputError
from gvc.noise_map import NU_MAX, NU_MIN


def symbols(batch: int, count: int) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(batch, count, dtype=torch.complex64)


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_awgn_error_is_the_noise(snr_db: float) -> None:
    sent = symbols(1, 200_000)
    received, noise = SymbolChannel("awgn", snr_db)(sent)
    assert (noise == noise[0, 0]).all()
    assert 10 * np.log10((received - sent).abs().square().mean()) == pytest.approx(-snr_db, abs=0.05)


def test_rayleigh_noise_map_is_calibrated_in_every_decile() -> None:
    sent = symbols(1, 400_000)
    received, noise = SymbolChannel("rayleigh", 10.0)(sent)
    kept = noise[0] < NU_MAX
    error, claimed = (received - sent)[0, kept].abs().square(), noise[0, kept]
    order = claimed.argsort()
    for part in order.chunk(10):
        assert error[part].mean() / claimed[part].mean() == pytest.approx(1, abs=0.06)


def test_rayleigh_outage_is_the_exponential_law() -> None:
    """nu > t happens when |h|^2 < sigma^2 / t: probability 1 - exp(-sigma^2 / t)."""
    _, noise = SymbolChannel("rayleigh", 0.0)(symbols(1, 400_000))
    assert (noise == NU_MAX).float().mean().item() == pytest.approx(1 - np.exp(-1 / NU_MAX), rel=0.05)
    assert (noise > 1).float().mean().item() == pytest.approx(1 - np.exp(-1), rel=0.02)


def test_erased_symbols_are_zero_with_the_largest_noise() -> None:
    received, noise = SymbolChannel("awgn", 10.0, erasure=0.3)(symbols(2, 50_000))
    lost = noise == NU_MAX
    assert lost.float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert (received[lost] == 0).all()


def test_mismatch_changes_the_claim_and_not_the_error() -> None:
    sent = symbols(1, 100_000)
    received, noise = SymbolChannel("awgn", 10.0, snr_mismatch_db=3.0)(sent)
    ratio = (received - sent).abs().square().mean() / noise.mean()
    assert 10 * np.log10(ratio) == pytest.approx(3, abs=0.1)


def test_training_draws_are_finite_clamped_and_calibrated() -> None:
    torch.manual_seed(1)
    sent = symbols(64, 4096)
    received, noise = TrainingChannel()(sent)
    assert torch.isfinite(torch.view_as_real(received)).all()
    assert noise.min() >= NU_MIN and noise.max() <= NU_MAX
    kept = noise < NU_MAX
    error = (received - sent)[kept].abs().square() / noise[kept]
    assert error.mean().item() == pytest.approx(1, abs=0.05)


def test_recorded_noise_maps_reach_the_training_draws() -> None:
    torch.manual_seed(1)
    bank = {
        "noise_map": torch.full((3, 100), 0.7),
        "error_re": torch.full((3, 100), 0.25),
        "error_im": torch.zeros(3, 100),
    }
    sent = symbols(400, 50)
    received, noise = TrainingChannel(bank=bank)(sent)
    recorded = torch.isclose(noise, torch.tensor(0.7))
    share = recorded.any(1).float().mean().item()
    assert share == pytest.approx(0.3, abs=0.08)
    assert torch.allclose((received - sent)[recorded].real, torch.tensor(0.25), atol=1e-5)


def test_interferer_hits_a_sixteenth_of_the_symbols_with_all_its_power() -> None:
    sent = symbols(1, 160_000)
    received, noise = SymbolChannel("awgn", 40.0, interference_db=-10.0)(sent)
    error = (received - sent).abs().square()
    assert error.mean().item() == pytest.approx(0.1, rel=0.05)
    assert (error > 0.01).float().mean().item() == pytest.approx(1 / 16, rel=0.05)
    assert (noise == noise[0, 0]).all()


def test_training_for_one_snr_and_one_channel_draws_that_alone() -> None:
    """Independent fades: P(nu > t) = 1 - exp(-sigma^2 / t); AWGN: one noise level, claimed within 0.5 dB rms."""
    torch.manual_seed(1)
    _, noise = TrainingChannel((18.0, 18.0), fading="awgn")(symbols(300, 50))
    level = 10 * noise.min(1).values.log10()
    assert level.mean().item() == pytest.approx(-18, abs=0.1) and level.std().item() == pytest.approx(0.5, abs=0.1)
    _, noise = TrainingChannel((3.0, 3.0), fading="rayleigh")(symbols(300, 1000))
    kept = noise < NU_MAX
    assert (noise[kept] > 0.5).float().mean().item() == pytest.approx(1 - np.exp(-1), rel=0.06)


@pytest.mark.parametrize(
    "bad", [{"fading": "rice"}, {"snr_db": (5.0, 1.0)}, {"snr_db": (0.0, 99.0)}, {"fading": "awgn", "bank": {}}]
)
def test_impossible_training_conditions_are_refused(bad: dict) -> None:
    with pytest.raises(InputError):
        TrainingChannel(**bad)


@pytest.mark.parametrize("bad", [{"kind": "rice"}, {"snr_db": 99.0}, {"erasure": 1.0}, {"csi_error_var": -1.0}])
def test_impossible_conditions_are_refused(bad: dict) -> None:
    with pytest.raises(InputError):
        SymbolChannel(**{"kind": "awgn", "snr_db": 10.0} | bad)
