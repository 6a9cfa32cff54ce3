import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from gvc.errors import InputError
from models import weights
from models.arms import AWARE, BLIND, DENOISER, ENCODER, Places
from models.cddm.train import owed
from models.jscc.train import train
from models.training import pictures
from models.training.fit import CollapseError, StepLog, fit
from models.training.session import Options, TrainingSession

BARE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"gnuradio", "pmt", "sionna", "pydantic", "yaml", "zmq", "av", "typer", "rich",
                                  "matplotlib", "scipy", "numba", "msgpack", "jinja2"}:
            raise ImportError(f"{name} is not on a training machine")

sys.meta_path.insert(0, Refuse())
"""


def run(module: str, *arguments: str) -> subprocess.CompletedProcess:
    code = BARE + f"from {module} import main\nsys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=240)


def test_fit_finds_a_least_squares_solution_and_leaves_ema_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = torch.nn.Linear(3, 1, bias=False)
    truth = torch.tensor([[1.0, -2.0, 0.5]])

    def loss() -> torch.Tensor:
        inputs = torch.randn(64, 3)
        return (network(inputs) - inputs @ truth.T).square().mean()

    assert fit("line", loss, [network], StepLog(tmp_path / "log.jsonl"), steps=1500, rate=0.01) == 1500
    assert torch.allclose(network.weight, truth, atol=0.02)
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["step"] == 1500


def test_collapse_to_a_constant_is_an_error(tmp_path: Path) -> None:
    network = torch.nn.Linear(1, 1)

    def loss() -> torch.Tensor:
        return (network(torch.zeros(8, 1)) - torch.randn(8, 1)).square().mean()

    with pytest.raises(CollapseError, match="lower --rate"):
        fit("flat", loss, [network], StepLog(tmp_path / "log.jsonl"), steps=600, constant_loss=1.0)


def test_diverging_training_is_an_error(tmp_path: Path) -> None:
    network = torch.nn.Linear(1, 1)
    with pytest.raises(CollapseError):
        fit("nan", lambda: network(torch.full((1, 1), torch.nan)).sum(), [network], StepLog(tmp_path / "l"), steps=5)


def test_a_damaged_bank_is_named(photos: Path, tmp_path: Path) -> None:
    arrays = {name: np.full((2, 8), 0.5, np.float16) for name in ("noise_map", "error_re", "error_im")}
    path = tmp_path / "bank.safetensors"
    options = Options(photos, None, "small", device="cpu", out=tmp_path / "out", crop=64, bank=path)
    save_file(arrays, path)
    assert TrainingSession("jscc", options).channel is not None
    holed = np.full((2, 8), np.nan, np.float16)
    for wrong in ({"error_re": holed}, {"noise_map": 0 * arrays["noise_map"]}, {"error_im": arrays["error_im"][:1]},
                  {"error_re": np.ones((2, 8), np.int16)}):  # fmt: skip
        save_file({**arrays, **wrong}, path)
        with pytest.raises(InputError, match=r"bank\.safetensors' is damaged"):
            TrainingSession("jscc", options)
    for content in (b"", b"{}", path.read_bytes()[:-5], path.read_bytes().replace(b"noise_map", b"noise_mop")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"bank\.safetensors' is damaged"):
            TrainingSession("jscc", options)


def test_held_out_pictures_are_never_drawn(photos: Path, tmp_path: Path) -> None:
    options = Options(photos, photos / "validation.txt", "small", device="cpu", out=tmp_path, crop=64)
    session = TrainingSession("jscc", options)
    assert session.crops.count == 10 and set(session.held_out) == {"p03.png", "p07.png"}
    batch = session.crops.draw(4)
    assert batch.shape == (4, 3, 64, 64) and 0 <= batch.min() and batch.max() <= 1


def test_crops_are_pieces_of_the_pictures() -> None:
    image = torch.arange(3 * 40 * 50, dtype=torch.int64).remainder(251).to(torch.uint8).reshape(3, 40, 50)
    crop = (pictures.Crops({"a": image}, 32, torch.device("cpu")).draw(1)[0] * 255).round().to(torch.uint8)
    windows = image.unfold(1, 32, 1).unfold(2, 32, 1).permute(1, 2, 0, 3, 4)
    assert any((windows == c[None, None]).flatten(2).all(2).any() for c in (crop, crop.flip(2)))


@pytest.mark.parametrize(
    "change",
    [
        {"minutes": 0},
        {"device": "cudaa"},
        {"crop": 4096},
        {"images": Path("/no")},
        {"stages": "pari"},
        {"snr_db": "18"},
        {"snr_db": "20,10"},
        {"channel": "rice"},
    ],
)
def test_unusable_options_are_refused(photos: Path, tmp_path: Path, change: dict) -> None:
    options = Options(**{"images": photos, "preset": "small", "device": "cpu", "out": tmp_path, "crop": 64} | change)
    with pytest.raises(InputError):
        TrainingSession("jscc", options)


def test_training_commands_run_on_a_bare_machine_and_leave_usable_weights(photos: Path, tmp_path: Path) -> None:
    common = [
        "--images",
        str(photos),
        "--validation",
        str(photos / "validation.txt"),
        "--preset",
        "small",
        "--device",
        "cpu",
        "--crop",
        "32",
        "--batch",
        "2",
        "--threads",
        "1",
    ]
    # the shipped folder of another preset must not be touched: everything goes to --out
    done = run("models.jscc.train", *common, "--minutes", "0.05", "--out", str(tmp_path / "jscc"))
    assert done.returncode == 0, done.stderr
    for name in (ENCODER, AWARE, BLIND, "log.jsonl", "eval.json", "manifest.json"):
        assert (tmp_path / "jscc" / name).exists()
    Places("small", tmp_path / "jscc").decoder("A")
    rows = json.loads((tmp_path / "jscc" / "eval.json").read_text())["rows"]
    assert {row["arm"] for row in rows} == {"A", "A+"}
    done = run("models.jscc.train", *common, "--minutes", "0.02", "--out", str(tmp_path / "jscc"), "--resume")
    assert done.returncode == 0, done.stderr
    done = run(
        "models.cddm.train",
        *common,
        "--minutes",
        "0.08",
        "--out",
        str(tmp_path / "cddm"),
        "--jscc",
        str(tmp_path / "jscc"),
    )
    assert done.returncode == 0, done.stderr
    arms = {row["arm"] for row in json.loads((tmp_path / "cddm" / "eval.json").read_text())["rows"]}
    assert arms == {"A", "A+", "control", "C", "D"}


def test_specialist_knows_nothing_of_the_noise_and_keeps_the_encoder(
    places: Places, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin, out = places.folders["jscc"], tmp_path / "small-awgn-18db"
    monkeypatch.setattr("models.arms.weights.folder", lambda network, preset: origin)
    common = {"images": photos, "preset": "small", "device": "cpu", "crop": 32, "batch": 2, "stages": "specialist"}
    train(Options(**common, minutes=0.05, snr_db="18,18", channel="awgn", jscc=origin, out=out))
    before, after = weights.manifest(origin), weights.manifest(out)
    assert (after[ENCODER], after[DENOISER]) == (before[ENCODER], before[DENOISER])
    made = StepLog(out / "log.jsonl", keep=True).steps()
    assert made["control"] == made["behind"] > 0
    latents = torch.randn(1, 64, 4, 4)
    scalar = torch.tensor([32.0])
    own = Places("small", out, out)
    started = places.decoder("A+")
    for arm in ("A+", "control", "D"):
        decoder = own.decoder(arm)
        shown = [decoder(latents, torch.full((1, 32, 4, 4), nu), scalar) for nu in (0.01, 10.0)]
        assert torch.equal(*shown)
        assert not torch.equal(decoder.entry.weight[:, :64], started.entry.weight[:, :64])
    for wrong in ({"jscc": None, "out": out}, {"jscc": origin, "out": None}, {"jscc": origin, "out": origin}):
        with pytest.raises(InputError, match="--jscc"):
            train(Options(**common, **wrong))
    with pytest.raises(InputError, match="on its own"):
        train(Options(**{**common, "stages": "pair,specialist"}, jscc=origin, out=out))


def test_shipped_weights_are_written_over_only_on_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "models" / "jscc" / "weights" / "small"
    place.mkdir(parents=True)
    (place / weights.MANIFEST).write_text("{}")
    monkeypatch.setattr("models.training.session.weights.folder", lambda network, preset: place)
    assert Options(None, preset="small").folder("jscc").parent == Path("runs/train")
    assert Options(None, preset="small").folder("jscc").name.startswith("jscc-small-")
    assert Options(None, shipped=True).folder("jscc") == place
    assert Options(None, out=tmp_path / "mine", resume=True).folder("jscc") == tmp_path / "mine"
    # a new folder beside the shipped ones writes over nothing
    assert Options(None, out=place.parent / "new").folder("jscc") == place.parent / "new"
    for wrong, told in (
        ({"out": place}, "--shipped"),
        ({"out": tmp_path, "shipped": True}, "exclude"),
        ({"resume": True}, "--out"),
    ):
        with pytest.raises(InputError, match=told):
            Options(None, **wrong).folder("jscc")


def test_training_without_pictures_says_so() -> None:
    done = run("models.jscc.train", "--images", "/nowhere", "--preset", "small")
    assert done.returncode == 2 and "no pictures" in done.stderr


def test_control_owes_the_steps_of_denoiser_and_decoder_over_all_runs(tmp_path: Path) -> None:
    log = StepLog(tmp_path / "log.jsonl")
    for stage, step in (("start", 0), ("denoiser", 50), ("denoiser", 80), ("behind", 40), ("control", 110)):
        log.add(stage=stage, step=step)
    kept = StepLog(tmp_path / "log.jsonl", keep=True)
    for stage, step in (("start", 0), ("denoiser", 90), ("behind", 10), ("behind", 25)):
        kept.add(stage=stage, step=step)
    assert kept.steps() == {"start": 0, "denoiser": 170, "behind": 65, "control": 110}
    assert owed(kept) == 170 + 65 - 110
