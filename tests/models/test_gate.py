import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc import seeds
from gvc.errors import WeightsError
from models import weights
from models.arms import DENOISER, Places
from models.cddm.gate import GATE, LEAST_FRAMES, LEVEL_EDGES_DB, SPREAD_EDGES_DB, Features, Gate, describe
from models.cddm.measure_gate import save, summary
from models.stages import FrameDenoiser

ALWAYS, NEVER = (
    tuple((value,) * (len(SPREAD_EDGES_DB) + 1) for _ in range(len(LEVEL_EDGES_DB) + 1)) for value in (0.0, None)
)


def normal(count: int) -> np.ndarray:
    draw = seeds.stream(3, "symbols")
    return (draw.standard_normal(count) + 1j * draw.standard_normal(count)).astype(np.complex64)


def test_features_against_closed_forms() -> None:
    """E|x|^4 / (E|x|^2)^2 is 1 for phases alone and 2 for complex Gaussian symbols; of a two-valued map in dB the
    spread is half the difference.
    """
    noise_map = np.tile(np.array([0.1, 0.001], np.float32), 50_000)
    phases = describe(noise_map, np.exp(1j * np.arange(100_000)).astype(np.complex64))
    assert phases.level_db == pytest.approx(-20, abs=1e-3)
    assert phases.spread_db == pytest.approx(10, abs=1e-3)
    assert phases.peakedness == pytest.approx(1)
    assert describe(noise_map, normal(100_000)).peakedness == pytest.approx(2, rel=0.03)
    assert describe(noise_map, 3 * normal(100_000)).peakedness == pytest.approx(2, rel=0.03)


@given(st.lists(st.floats(2**-20, 2**10, width=32), min_size=1, max_size=40), st.floats(0, 2))
def test_every_frame_has_a_cell(noise: list[float], scale: float) -> None:
    noise_map = np.array(noise, np.float32)
    features = describe(noise_map, (scale * normal(len(noise))).astype(np.complex64))
    assert Gate(ALWAYS).allows(features) and not Gate(NEVER).allows(features)


def test_the_table_finds_where_the_denoiser_helps() -> None:
    """Gains of known sign: above peakedness 2 at low noise, never at high noise, always in between."""
    draw = seeds.stream(5, "frames")
    found = []
    for level, gain in ((-20.0, lambda p: p - 2), (0.0, lambda p: -0.1), (-8.0, lambda p: 0.1)):
        found += [(Features(level, 0.0, p), gain(p)) for p in draw.uniform(1.5, 2.5, 60)]
    gate = Gate.fit(found)
    for features, gain in found:
        assert gate.allows(features) == (gain > 0) or abs(gain) < 0.05
    assert gate.least[2] == (None, 0.0, 0.0) or gate.least[2][0] == 0.0
    assert gate.allows(Features(-8.0, 6.0, 1.0)), "where nothing was measured the denoiser is on"


def test_few_frames_make_no_threshold() -> None:
    found = [(Features(0.0, 0.0, 2.0), -1.0)] * (LEAST_FRAMES - 1)
    assert Gate.fit(found).least == ALWAYS
    assert Gate.fit(found * 2).least[-1][0] is None


def test_chance_makes_no_threshold() -> None:
    """Gains of mean 0.1 and deviation 0.3: some frames lose, and nothing tells which."""
    draw = seeds.stream(6, "chance")
    made = []
    for _ in range(100):
        gains = zip(draw.uniform(1, 3, 30), draw.normal(0.1, 0.3, 30), strict=True)
        made.append(Gate.fit([(Features(0.0, 0.0, peakedness), gain) for peakedness, gain in gains]))
    assert sum(gate.least != ALWAYS for gate in made) <= 5


def test_the_summary_judges_a_clip_by_the_others() -> None:
    """One clip for which the others' table is wrong: in sample it would look right."""
    good = {f"g{i}": [(Features(0.0, 0.0, 2.0), 0.2)] * 10 for i in range(3)}
    odd = {"odd": [(Features(0.0, 0.0, 2.0), -1.5)] * 10}
    told = summary({**good, **odd}, 1)
    assert told["always_on_db"] == pytest.approx((3 * 0.2 - 1.5) / 4)
    # without one of the good clips the others come to 2 * 2 - 15 < 0, so that the table says off
    assert told["gated_db"] == pytest.approx(-1.5 / 4)
    assert told["best_possible_db"] == pytest.approx(3 * 0.2 / 4)


@pytest.fixture
def gated(places: Places, tmp_path: Path) -> Places:
    """A copy of the places with a gate that is never on."""
    folder = tmp_path / "weights"
    shutil.copytree(places.folders["cddm"], folder)
    copy = Places("small", folder, folder)
    save(Gate(NEVER), copy)
    return copy


def test_a_saved_table_comes_back_the_same(gated: Places) -> None:
    assert Gate.load(gated) == Gate(NEVER)


def test_no_table_no_gate(places: Places) -> None:
    assert Gate.load(places) is None


def test_a_table_of_other_weights_is_told_and_not_used(gated: Places) -> None:
    network = gated.denoiser()
    network.body.layers[-1].bias.data += 1
    weights.save(network, gated.folders["cddm"] / DENOISER)
    with pytest.warns(UserWarning, match="other weights"):
        assert Gate.load(gated) is None


def test_a_table_that_came_without_its_manifest_is_told_and_not_used(gated: Places) -> None:
    manifest = gated.folders["cddm"] / weights.MANIFEST
    entries = json.loads(manifest.read_text())
    del entries[GATE]
    manifest.write_text(json.dumps(entries))
    with pytest.warns(UserWarning, match="measure it anew"):
        assert Gate.load(gated) is None


def test_an_altered_or_foreign_table_is_refused(gated: Places) -> None:
    path = gated.folders["cddm"] / GATE
    content = json.loads(path.read_text())
    path.write_text(path.read_text().replace("null", "0.00"))
    with pytest.raises(WeightsError, match="restore"):
        Gate.load(gated)
    for wrong in ({"least_peakedness": [[1.0]]}, {"least_peakedness": "x"}, {"level_edges_db": [0.0]}):
        weights.enter(path, json.dumps({**content, **wrong}).encode())
        with pytest.raises(WeightsError, match="no gate's table"):
            Gate.load(gated)
    unknown = json.dumps(content).replace("null", "NaN", 1)
    for text in ("[1]", "[" * 5000, "{", "{}", unknown):
        weights.enter(path, text.encode())
        with pytest.raises(WeightsError, match="no gate's table"):
            Gate.load(gated)


def test_the_denoiser_has_the_gate_only_as_it_was_measured(gated: Places) -> None:
    cddm = gated.folders["cddm"]
    # the table names the encoder and the plain decoder too, which lie in the shipped folder for this call
    assert FrameDenoiser("small", "float32", cddm_dir=cddm, steps=2).gate is None
    assert FrameDenoiser("small", "float32", cddm_dir=cddm, sampler="stochastic").gate is None
    assert FrameDenoiser("small", "float32", cddm_dir=cddm, arm_name="C").gate is None
