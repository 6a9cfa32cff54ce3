import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gvc import registry
from gvc.errors import InputError
from gvc.phy import BurstReceiver, BurstTransmitter, Numerology, PictureShape, SymbolFrame
from models.channel_estimator.network import DELAYS, GEOMETRIES, DelayProfile, describe, posterior
from models.channel_estimator.train import draw, loss

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", GEOMETRIES)
def test_geometry_is_that_of_the_numerology(name: str) -> None:
    u, shape = Numerology.load(name), GEOMETRIES[name]
    assert (u.fft_size, u.cyclic_prefix, u.timing_advance) == (
        shape.fft_size,
        shape.cyclic_prefix,
        shape.timing_advance,
    )
    assert shape.group == 2 + u.header_symbols
    assert np.array_equal(u.carriers, shape.carriers().numpy())


def test_single_path_gives_the_closed_form() -> None:
    """R = a a^H of K carriers: matrix a a^H / (K + s), noise gain K / (K + s)^2, bias s^2 / (K + s)^2."""
    steering = GEOMETRIES["ofdm64"].steering()
    k, s = len(steering), 0.5
    profile = torch.zeros(1, DELAYS, dtype=torch.float64)
    profile[0, 17] = 1
    matrix, gain, bias = posterior(profile, torch.tensor([s], dtype=torch.float64), steering)
    a = steering[:, 17]
    assert torch.allclose(matrix[0], torch.outer(a, a.conj()) / (k + s))
    assert torch.allclose(gain, torch.full_like(gain, k / (k + s) ** 2))
    assert torch.allclose(bias, torch.full_like(bias, s**2 / (k + s) ** 2))


def test_claim_is_the_error_when_the_profile_is_right() -> None:
    torch.manual_seed(0)
    steering = GEOMETRIES["ofdm64"].steering()
    profile = torch.rand(1, DELAYS, dtype=torch.float64).pow(6)
    profile /= profile.sum()
    noise = torch.tensor([0.2], dtype=torch.float64)
    matrix, gain, bias = posterior(profile, noise, steering)
    fades = torch.randn(4000, DELAYS, dtype=torch.complex128) * profile.sqrt()
    channel = fades @ steering.T
    received = channel + noise.sqrt() * torch.randn(channel.shape, dtype=torch.complex128)
    error = (received @ matrix[0].T - channel).abs().square().mean(0)
    assert torch.allclose(error, (gain * noise + bias)[0], rtol=0.15)
    assert error.mean().item() == pytest.approx((gain * noise + bias).mean().item(), rel=0.03)


def test_drawn_channels_have_unit_power_and_the_noise_they_name() -> None:
    torch.manual_seed(0)
    shape = GEOMETRIES["ofdm64"]
    channel, grouped, midambles, noise = draw(shape)
    assert torch.allclose(channel.abs().square().mean(1), torch.ones(len(channel)), atol=1e-4)
    ratio = (grouped - channel).abs().square().mean(1) / noise
    assert ratio.mean().item() == pytest.approx(1, abs=0.1)
    assert midambles.shape[1:] == (4, 52)


def test_blind_network_sees_the_snr_alone() -> None:
    torch.manual_seed(0)
    shape = GEOMETRIES["ofdm64"]
    steering = shape.steering().to(torch.complex64)
    _, grouped, midambles, noise = draw(shape)
    seen = describe(grouped[:, None], midambles[:, None], torch.full_like(noise, 0.1), steering)
    profiles = DelayProfile(blind=True)(seen)
    assert torch.allclose(profiles, profiles[:1].expand_as(profiles))
    assert not torch.allclose(DelayProfile()(seen)[0], DelayProfile()(seen)[1], atol=1e-6)
    assert torch.allclose(profiles.sum(1), torch.ones(len(profiles)), atol=1e-5)


def test_training_lowers_the_loss() -> None:
    torch.manual_seed(0)
    shape = GEOMETRIES["ofdm64"]
    steering = shape.steering().to(torch.complex64)
    network = DelayProfile()
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)

    def held_out() -> float:
        torch.manual_seed(99)
        with torch.no_grad():
            return sum(loss(network, shape, steering)[0].item() for _ in range(4)) / 4

    before = held_out()
    for _ in range(25):
        optimiser.zero_grad()
        loss(network, shape, steering)[0].backward()
        optimiser.step()
    assert held_out() < before - 0.08


def test_training_command_runs_alone_and_leaves_weights(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "models.channel_estimator.train", "--preset", "ofdm64", "--minutes", "0.02"]
    done = subprocess.run([*command, "--out", str(tmp_path)], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert {p.name for p in tmp_path.iterdir()} == {
        "profile.safetensors", "profile_blind.safetensors", "manifest.json", "log.jsonl",
    }  # fmt: skip


def test_numerology_without_weights_says_what_to_do(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text((ROOT / "gvc/phy/numerologies/ofdm64.yaml").read_text())
    other = tmp_path / "ofdm64.yaml"
    other.write_text(own.read_text().replace("cyclic_prefix: 16", "cyclic_prefix: 12"))
    for name in (str(own), str(other), "ofdm256"):
        with pytest.raises(InputError, match="dft-smoothed"):
            registry.create("channel_estimator", "learned", numerology=Numerology.load(name))


def test_flat_channel_is_estimated_better_than_by_smoothers_that_do_not_look() -> None:
    """One path is one unknown, where the robust smoother and the control must allow for many; 1.6 dB when measured."""
    u = Numerology.load("ofdm64")
    random = np.random.default_rng(0)
    symbols = (random.standard_normal(1024) + 1j * random.standard_normal(1024)).astype(np.complex64) / 2**0.5
    transmitter = BurstTransmitter(u)
    stream = np.concatenate([*transmitter.bursts(SymbolFrame(0, symbols, PictureShape(128, 128, 32), last=True))])
    errors: dict[str, list[float]] = {"dft-smoothed": [], "learned-linear": [], "learned": []}
    for seed in range(8):
        noise = np.random.default_rng(seed).standard_normal((len(stream) + 400, 2)).astype(np.float32)
        received = np.concatenate([np.zeros(300, np.complex64), stream, np.zeros(100, np.complex64)])
        received = received + noise.view(np.complex64)[:, 0] * np.float32((0.1 / u.occupied_fraction / 2) ** 0.5)
        for name, found in errors.items():
            (burst,) = BurstReceiver(u, channel_estimator=name).push(received[None])
            # a flat channel that is delayed: what is left beside the best single path is error
            flat = burst.channel[0] * np.exp(2j * np.pi / u.fft_size * u.timing_advance * u.carriers)
            found.append(np.mean(np.abs(flat - flat.mean()) ** 2) / np.mean(np.abs(flat) ** 2))
    mean = {name: 10 * np.log10(np.mean(found)) for name, found in errors.items()}
    assert mean["learned"] < mean["dft-smoothed"] - 1
    assert mean["learned"] < mean["learned-linear"] - 1
