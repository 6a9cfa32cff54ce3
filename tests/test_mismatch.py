"""The impairments of the mismatch tables against their closed forms, and the tables' paired gains."""

import numpy as np
import pytest
import torch

from benchmarks.impairments import Overrated, StateError5, StateError10, Underrated, Waveform
from benchmarks.mismatch import CASES, CHANNELS, System, maker, measured
from gvc import seeds
from gvc.errors import LinkError
from gvc.noise_map import NU_MAX
from gvc.phy.receiver.equaliser import Mmse
from models.ablation.networks import Decoding, Variant


def elements(rows: int, carriers: int, seed: int = 1) -> np.ndarray:
    draws = seeds.stream(seed, "elements").standard_normal((1, rows, 2 * carriers), np.float32)
    return draws.view(np.complex64)


@pytest.mark.parametrize("equaliser", [StateError5, StateError10])
def test_state_error_has_its_variance_and_is_not_told(equaliser: type) -> None:
    received = elements(3, 4000)
    noise = np.full(received.shape, 0.01, np.float32)
    symbols, claimed = equaliser().equalise(received, np.ones_like(received), noise)
    believed = received[0] / symbols
    assert np.allclose(believed, believed[:1], rtol=1e-3)
    assert np.mean(np.abs(believed[0] - 1) ** 2) == pytest.approx(equaliser.variance, rel=0.1)
    assert np.allclose(claimed * np.abs(believed) ** 2, 0.01, rtol=1e-3)
    assert np.array_equal(symbols, equaliser().equalise(received, np.ones_like(received), noise)[0])


@pytest.mark.parametrize(("equaliser", "decibel"), [(Overrated, -3), (Underrated, 3)])
def test_misjudged_noise_changes_the_claim_alone(equaliser: type, decibel: float) -> None:
    received, response = elements(2, 50), elements(2, 50, seed=2)
    noise = np.full(received.shape, 0.1, np.float32)
    right, told = Mmse().equalise(received, response, noise)
    symbols, claimed = equaliser().equalise(received, response, noise)
    assert np.allclose(symbols, right, rtol=1e-4)
    assert np.allclose(10 * np.log10(claimed / told), decibel, atol=1e-3)


def over(seed: int, snr_db: float = 20.0, **impairment) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    sent = torch.from_numpy(elements(1, 4096)[0]) / 2**0.5
    channel = Waveform("sim-awgn", snr_db, 256, 256, **impairment)
    return sent, *channel(sent, torch.Generator().manual_seed(seed))


def test_waveform_stands_where_the_symbol_channel_does() -> None:
    sent, received, noise = over(1)
    assert received.shape == noise.shape == sent.shape
    assert ((received - sent).abs().square() / noise).mean().item() == pytest.approx(1, abs=0.2)
    assert torch.equal(received, over(1)[1])


def test_lost_bursts_are_erased_and_the_others_are_not() -> None:
    shares = []
    for seed in range(6):
        sent, received, noise = over(seed, burst_loss=0.3)
        lost = noise == NU_MAX
        assert (received[lost] == 0).all()
        assert (received - sent)[~lost].abs().square().mean() < 0.05
        shares.append(lost.float().mean().item())
    assert 0.1 < np.mean(shares) < 0.5


def test_interferer_adds_its_power_to_the_error() -> None:
    added = [(b - a).abs().square().mean() for a, b, _ in (over(seed, interference_db=-10.0) for seed in range(4))]
    assert np.mean(added) == pytest.approx(0.1, rel=0.5)


def test_a_frame_of_which_nothing_arrives_is_an_error() -> None:
    with pytest.raises(LinkError, match="recovered"):
        over(1, snr_db=-25.0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_makes_its_channel_on_both_levels(case) -> None:
    made = {
        level: maker(case, level, names[fading], 10.0)(64, 64)
        for level, names in CHANNELS.items()
        for fading in case.fading
    }
    for channel, changes in ((made["symbol"], case.symbol), (made["waveform"], case.waveform)):
        assert channel.snr_db == 10
        assert all(getattr(channel, key) == value for key, value in changes.items())
    assert bool(case.symbol) == bool(case.waveform)


class Fixed:
    """Stands for the networks: every arm's picture is off by a known amount."""

    OFFSETS = {"A+": 4, "control": 2, "D": 1}

    def run(self, picture: torch.Tensor, channel: object, cbr: float, seed: int) -> dict:
        if picture[0, 0, 0] == 200:
            raise LinkError("lost")
        shown = picture.permute(1, 2, 0)
        return {Variant(arm): Decoding(shown + offset, 0.1, 0, 0.0) for arm, offset in self.OFFSETS.items()}


def test_gains_are_paired_and_lost_pictures_count_for_no_arm() -> None:
    chosen = {f"p{value}": torch.full((3, 8, 8), value, dtype=torch.uint8) for value in (10, 100, 200)}
    systems = [System(Fixed(), {arm: arm for arm in Fixed.OFFSETS})]
    rows = {row["arm"]: row for row in measured(systems, chosen, lambda *_: None, 1 / 48, seed=1)}
    assert rows["A+"]["psnr_db"] == pytest.approx(20 * np.log10(255 / 4), abs=1e-3)
    assert "gain_over_a_plus_db" not in rows["A+"] and rows["D"]["lost"] == 1
    assert rows["D"]["gain_over_a_plus_db"] == pytest.approx(20 * np.log10(4), abs=1e-3)
    assert rows["D"]["gain_over_control_db_ci95"] == pytest.approx([20 * np.log10(2)] * 2, abs=1e-3)
    assert rows["D"]["symbol_mse_db"] == pytest.approx(-10, abs=1e-3)
