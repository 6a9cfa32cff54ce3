"""The restoration network, what it is trained on, and its training command."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from gvc import seeds
from gvc.coding.schemes.ground.ground import BANDS, GroundEstimate, LinearGround, band_means
from gvc.coding.schemes.ground.transform import BLOCK
from models import weights
from models.layers import multiply_accumulates
from models.restoration import train as training
from models.restoration.draws import TRANSPOSED, Pool, fixed_conditions, linear, random_conditions
from models.restoration.network import SIZES, Restoration, restore
from models.training.pictures import Crops
from models.training.session import Options


def picture(side: int = 64) -> torch.Tensor:
    """float32 [2, 3, side, side]: smooth, with an edge."""
    y, x = torch.meshgrid(torch.arange(side) / 20, torch.arange(side) / 20, indexing="ij")
    shown = 0.5 + 0.2 * torch.sin(2 * x + y) + 0.2 * (x + 0.5 * y > 2)
    return torch.stack([shown, shown.T * 0.8]).unsqueeze(1).repeat(1, 3, 1, 1)


def estimate(rows: int = 2, columns: int = 3) -> GroundEstimate:
    generator = torch.Generator().manual_seed(1)
    errors = torch.rand(2, 1, BANDS, rows, columns, generator=generator) * 0.01
    return GroundEstimate(torch.rand(1, 3, 32 * rows, 32 * columns, generator=generator), *errors)


@pytest.mark.parametrize("preset", SIZES)
def test_an_untrained_network_leaves_the_linear_picture(preset: str) -> None:
    if preset == "large":
        pytest.skip("slow, and made of the same parts")
    given = estimate()
    with torch.inference_mode():
        assert torch.equal(restore(Restoration(SIZES[preset]), given), given.picture)


def test_the_default_network_keeps_to_its_budget() -> None:
    network = Restoration(SIZES["default"])
    maps = torch.ones(1, BANDS, 8, 8)
    assert multiply_accumulates(network, torch.zeros(1, 3, 256, 256), maps, maps) < 2.3e9


def test_only_an_aware_network_sees_where_errors_are() -> None:
    given = estimate()
    moved = GroundEstimate(given.picture, given.noise.flip(3), given.truncation.flip(3))
    for aware in (True, False):
        torch.manual_seed(2)
        network = Restoration(SIZES["small"], aware)
        torch.nn.init.normal_(network.tail.weight, std=0.1)
        with torch.inference_mode():
            same = torch.allclose(restore(network, given), restore(network, moved), atol=1e-6)
        assert same is not aware


def test_the_batched_link_is_the_scheme_that_pictures_go_through() -> None:
    shown = picture(128)
    by_batch = linear(shown, fixed_conditions(2, "awgn", 10.0, 1 / 24), torch.Generator().manual_seed(3))
    # as many symbols for the coefficients as the batch has, about
    frame = (shown[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    ground = LinearGround((64,))
    sent = ground.encode(frame, 1900, 10.0)
    noise = seeds.stream(1, "x").standard_normal((len(sent.symbols), 2)) @ [1, 1j] * 0.05**0.5
    received = (sent.symbols + noise).astype(np.complex64)
    alone = ground.decode(received, np.full(len(received), 0.1, np.float32), sent.word, sent.map, 128, 128)
    errors = [float((e.picture[0] - shown[0]).square().mean().log10() * 10) for e in (by_batch, alone)]
    assert errors[0] == pytest.approx(errors[1], abs=1.5)
    assert by_batch.picture.shape == (2, 3, 128, 128)


def test_random_conditions_cover_what_is_promised() -> None:
    generator = torch.Generator().manual_seed(1)
    drawn = [random_conditions(16, generator) for _ in range(200)]
    assert {d.classes for d in drawn} == {1, 8, 64} and {d.layered for d in drawn} == {False, True}
    assert min(d.cbr for d in drawn) < 1 / 150 and max(d.cbr for d in drawn) > 1 / 30
    snr = torch.cat([d.snr_db for d in drawn])
    assert snr.min() < -4 and snr.max() > 24
    assert set(torch.cat([d.fading for d in drawn]).tolist()) == {0, 1, 2}


def test_a_pool_is_renewed_and_turns_what_it_holds_as_one() -> None:
    crops = Crops({"a": (picture(96)[0] * 255).to(torch.uint8)}, 64, torch.device("cpu"))
    torch.manual_seed(4)
    pool = Pool(crops, 8, 4, seed=5)
    assert pool.size == 8 and (pool.linear.flatten(1).std(1) > 0).all()
    before = pool.linear.clone()
    pool.refresh()
    assert not torch.equal(pool.linear[:4], before[:4]) and torch.equal(pool.linear[4:], before[4:])
    for _ in range(4):
        target, drawn = pool.draw(16)
        error = (target - drawn.picture).square().mean((1, 2, 3))
        mirrored = (target - drawn.picture.flip(3)).square().mean((1, 2, 3))
        assert error.mean() < 0.5 * mirrored.mean()


def test_a_transposed_picture_swaps_the_directions_of_its_bands() -> None:
    bands = band_means(torch.device("cpu")).argmax(1).reshape(3, BLOCK, BLOCK)
    swapped = torch.tensor(TRANSPOSED)[bands].transpose(1, 2)
    assert (swapped == bands).float().mean() > 0.99


def test_training_runs_resumes_and_evaluates(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "HELD_OUT_SECONDS", 0.0)
    monkeypatch.setattr(training, "POOL", {"cpu": 16})
    out = tmp_path / "out"
    options = Options(
        images=photos, validation=photos / "validation.txt", preset="small", minutes=0.005, out=out, batch=2, crop=64
    )
    training.train(options)
    options.resume, options.stages = True, "arms"
    training.train(options)
    assert {p.name for p in out.glob("*.safetensors")} == {training.FILE, *(f"{n}.safetensors" for n in training.ARMS)}
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    steps = {row["stage"]: row["step"] for row in rows if row["stage"] in training.ARMS}
    assert set(steps) == set(training.ARMS) and len(set(steps.values())) == 1
    assert any(row["stage"] == "restoration held out" for row in rows)
    evaluation = json.loads((out / "eval.json").read_text())["rows"]
    assert len(evaluation) == 6 and all(row["psnr_db"] > 5 for row in evaluation)


@pytest.mark.parametrize("preset", ["small", "default"])
def test_shipped_weights_better_the_linear_picture(preset: str) -> None:
    network = weights.load(Restoration(SIZES[preset]), weights.folder("restoration", preset) / training.FILE)
    shown = picture(128)
    for kind, snr_db in (("awgn", 0.0), ("rayleigh", 10.0)):
        given = linear(shown, fixed_conditions(2, kind, snr_db, 1 / 48), torch.Generator().manual_seed(1))
        with torch.inference_mode():
            better = restore(network, given)
        before, after = ((p - shown).square().mean().log10() * 10 for p in (given.picture, better))
        assert after < before - 0.3
