"""The online trainer's block without a scheduler, with a stub of its process."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gvc.coding.arms import Arm, bind
from gvc.config import AdaptConfig
from gvc.errors import ConfigError, WeightsError
from gvc_blocks.coding import online_trainer
from gvc_blocks.coding.denoiser import DenoisingStage
from gvc_blocks.coding.online_trainer import JUDGEMENTS, OnlineTrainer
from models.receiver import NeuralReceiver
from tests.blocks.coding_stages import GATED, PLAIN, SIDE, config, encoded, fed, greys, passed, scene
from tests.blocks.mocker import Mocker

pytestmark = pytest.mark.gr


Training = Callable[[Arm], Mocker]


class StubTrainer:
    """Stands for the training process: `news` is what it says, a list for each frame."""

    def __init__(self, *made: Any, **options: Any):
        self.made, self.options = made, options
        self.offered: list[tuple[Any, ...]] = []
        self.news: list[list[tuple[dict[str, Any], Any]]] = []
        self.closed: list[float] = []
        self.frames_dropped = 0
        self.failure = ""
        self.spent: dict[str, Any] = {}

    @property
    def frames_offered(self) -> int:
        return len(self.offered)

    def offer(self, *frame: Any) -> None:
        self.offered.append(frame)

    def take(self) -> list[tuple[dict[str, Any], Any]]:
        return self.news.pop(0) if self.news else []

    def close(self, timeout_s: float) -> None:
        self.closed.append(timeout_s)
        self.spent = {"cpu_seconds": 1.0, "seconds": 4.0, "frames": 3, "steps": 5}


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    """`training(arm)`: the online trainer of the arm's receiver, and a stub of its process."""
    monkeypatch.setattr(online_trainer, "TrainerProcess", StubTrainer)
    return lambda arm: Mocker(lambda: OnlineTrainer(arm.any_scheme.receiver, AdaptConfig(cpu_share=0.5), seed=3))


def said(decision: str) -> dict[str, Any]:
    return {"decision": decision}


def test_the_trainer_offers_every_frame_and_takes_weights_over_between_two(training: Training) -> None:
    bound = bind("jscc+cddm", config())
    frames = passed(encoded(bound, scene(4)))
    mock, stage = training(bound), Mocker(lambda: DenoisingStage(bound))
    block, denoiser = mock.block, bound.any_scheme.receiver.denoiser
    trainer = block.trainer
    assert trainer.made == ("small", AdaptConfig(cpu_share=0.5), 3, "jscc+cddm") and "dtype" in trainer.options
    shipped = {name: value.clone() for name, value in denoiser.network.state_dict().items()}
    trained = {name: 1.25 * value for name, value in shipped.items()}
    trainer.news = [[], [(said("keep"), None), (said("swap"), trained)], [(said("rollback"), shipped)]]
    for frame in frames:
        # The same frame each time: only the weights change what is made of it.
        mock.message("symbols", frame)
        stage.message("symbols", frames[0])
    first, second, third, fourth = [frame.symbols for frame in stage.sent["symbols"]]
    assert not np.allclose(first, second, atol=1e-3)
    np.testing.assert_allclose(third, first, atol=1e-4)
    assert np.array_equal(third, fourth)
    for frame, (symbols, noise_map, *size) in zip(frames, trainer.offered, strict=True):
        assert symbols is frame.symbols and noise_map is frame.noise_map and size == [SIDE, SIDE, 32]
    mock.end("symbols")
    told = block.summary()
    assert [(one["decision"], one["from_frame"]) for one in told["judgements"]] == [
        ("keep", 1), ("swap", 1), ("rollback", 2)]  # fmt: skip
    assert (told["swaps"], told["rollbacks"], told["restarts"]) == (1, 1, 0)
    assert (told["frames_offered"], told["cpu_share"], told["cpu_share_limit"]) == (4, 0.25, 0.5)
    assert trainer.closed == [10.0] and told["failure"] == ""


def test_the_trainer_counts_all_judgements_and_keeps_the_last(training: Training) -> None:
    bound = bind("jscc+cddm", config(*PLAIN))
    bound.any_scheme.receiver.denoiser.swap = lambda state: None
    mock = training(bound)
    mock.block.trainer.news = [[(said("restart"), None)] * JUDGEMENTS, [(said("swap"), {})] * 2]
    for frame in passed(encoded("jscc", greys(2), *PLAIN)):
        mock.message("symbols", frame)
    mock.end("symbols")
    told = mock.block.summary()
    assert (told["restarts"], told["swaps"], len(told["judgements"])) == (JUDGEMENTS, 2, JUDGEMENTS)
    assert [one["decision"] for one in told["judgements"]][-3:] == ["restart", "swap", "swap"]


def test_a_trainer_that_dies_leaves_the_run_alone(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    mock = training(bind("jscc+cddm", config()))
    mock.block.trainer.failure = "killed by signal 9"
    fed(mock, "symbols", passed(encoded("jscc", scene(2))))
    assert mock.block.summary()["failure"] == "killed by signal 9" and mock.block.trainer.frames_offered == 2
    assert capsys.readouterr().err == "gvc online trainer: the training ended early: killed by signal 9\n"


def test_a_trainer_is_closed_when_the_run_is_stopped(training: Training) -> None:
    mock = training(bind("jscc+cddm", config()))
    assert mock.block.stop() and mock.flow.stopping.is_set()
    assert mock.block.trainer.closed == [1.0], "nobody waits long for it"


def test_weights_of_another_network_stop_the_flow(training: Training) -> None:
    bound = bind("jscc+cddm", config())
    mock = training(bound)
    mock.block.trainer.news = [[(said("swap"), {})]]
    with pytest.raises(WeightsError, match="another network"):
        mock.message("symbols", passed(encoded(bound, scene(1)))[0])
    assert mock.flow.failed_block == "gvc online trainer" and not mock.block.trainer.offered


def test_a_denoiser_that_cannot_swap_is_refused_before_a_process_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online_trainer, "TrainerProcess", None)
    receiver: NeuralReceiver = bind("jscc+cddm", config(*GATED)).any_scheme.receiver
    with pytest.raises(ConfigError, match=r"EverySecond has no swap\(state\)"):
        OnlineTrainer(receiver)
