"""A sweep from its configuration to its table: order, resuming, stop rules, failures, other code."""

import errno
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvc.bootstrap import mean_ci95
from gvc.errors import ConfigError, InputError, LinkError
from gvc.sweep.config import Stop
from gvc.sweep.engine import Engine
from gvc.sweep.store import Store, read_table
from gvc.sweep.sweep import content, sweep
from gvc.sweep.task import Addresses, Failure, Result, Task, attempt
from tests.sweep.conftest import forget


class Here(Engine):
    """Runs tasks in this process, in an order of its own."""

    workers = 1

    def __init__(self, order: int | None = None):
        self._order = order
        self.ran = 0

    def attempts(self, tasks: list[Task]) -> Iterator[tuple[Task, Result | None]]:
        mixed = tasks if self._order is None else random.Random(self._order).sample(tasks, len(tasks))
        for task in mixed:
            self.ran += 1
            yield task, attempt(task)

    def close(self) -> None:
        pass


def untimed(path: Path) -> list[dict]:
    """Rows of a merged table without timings."""
    return [{name: row[name] for name in row if not name.endswith("_seconds")} for row in read_table(path)]


def test_the_table_has_the_order_of_the_grid_then_of_the_seeds(config, tmp_path) -> None:
    grid = {"mean": [3, 1], "spread": [1.0, 2]}
    outcome = sweep(config(fixed={"sleep": 0}, grid=grid, seeds={"min": 2}), tmp_path / "out", Here(order=5))
    rows = read_table(outcome.table)
    asked = [(mean, spread, seed, arm) for mean in (3, 1) for spread in (1, 2) for seed in (1, 2) for arm in "ab"]
    assert [(row["mean"], row["spread"], row["seed"], row["arm"]) for row in rows] == asked
    assert list(rows[0])[:4] == ["sleep", "mean", "spread", "seed"]
    assert rows[1]["value"] == rows[0]["value"] + 5
    assert (outcome.points, outcome.computed, outcome.found, outcome.ignored) == (8, 8, 0, 0)
    record = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert record["points"] == 8 and record["config"]["grid"] == grid and record["machine"]["cores"]


def test_a_second_call_computes_nothing_and_gives_the_same_bytes(config, tmp_path) -> None:
    asked = config(grid={"mean": [0, 1]}, seeds={"min": 3})
    first = sweep(asked, tmp_path, Here()).table.read_bytes()
    again = Here()
    outcome = sweep(asked, tmp_path, again)
    assert (again.ran, outcome.computed, outcome.found) == (0, 0, 6)
    assert outcome.table.read_bytes() == first


def test_parameters_without_a_common_type_are_texts(config, tmp_path) -> None:
    outcome = sweep(config(grid={"mean": [0], "cbr": ["1/48", 0.5], "set": [["a=1"], []]}), tmp_path, Here())
    rows = read_table(outcome.table)
    assert {row["cbr"] for row in rows} == {"1/48", "0.5"} and {row["set"] for row in rows} == {'["a=1"]', "[]"}


def test_the_ci_rule_depends_on_the_results_alone(config, tmp_path) -> None:
    keys = {
        "grid": {"mean": [0.0, 1.0, 2.0]},
        "seeds": {"min": 3, "max": 40, "batch": 4},
        "stop": {"column": "value", "ci95_width": 0.9},
    }
    tables = [untimed(sweep(config(**keys), tmp_path / str(order), Here(order)).table) for order in (None, 1, 2)]
    assert tables[0] == tables[1] == tables[2]
    for mean in (0.0, 1.0, 2.0):
        values = np.array([row["value"] for row in tables[0] if row["mean"] == mean and row["arm"] == "a"])
        widths = {count: np.ptp(mean_ci95(values[:count], 0)) for count in range(3, len(values) + 1, 4)}
        assert len(values) in widths and all(
            (width <= 0.9) == (count == len(values)) for count, width in widths.items()
        )


def test_the_error_rule_counts_to_its_number_or_to_the_last_seed(config, tmp_path) -> None:
    keys = {"fixed": {"mean": 0}, "seeds": {"min": 1, "max": 30, "batch": 3}}
    seven = sweep(config(**keys, stop={"column": "errors", "errors": 7}), tmp_path, Here())
    # an error at every odd seed: the seventh at seed 13, which is the end of a batch
    assert seven.points == 13
    never = sweep(config(**keys, stop={"column": "errors", "errors": 100}), tmp_path, Here())
    assert (never.points, never.found) == (30, 13)


def test_a_rule_on_a_column_that_is_not_there_says_which_are(config, tmp_path) -> None:
    stop = {"column": "psnr", "errors": 1}
    with pytest.raises(LinkError, match=r"'psnr' is none .* arm, value, errors"):
        sweep(config(fixed={"mean": 0}, seeds={"max": 2}, stop=stop), tmp_path, Here())


def test_nulls_and_nan_never_count_as_confidence() -> None:
    stop = Stop(column="x", ci95_width=1, by=())
    assert content(stop, [{"x": None}, {"x": 1.0}, {"x": 1.0}])
    assert not content(stop, [{"x": 1.0}, {"x": None}])
    assert not content(stop, [{"x": 1.0}, {"x": float("nan")}])


def test_a_failed_point_is_told_and_tried_again_and_the_others_are_kept(config, tmp_path) -> None:
    asked = config("fails", fixed={"how": "raise"}, grid={"at": [[2], []]}, seeds={"min": 3})
    outcome = sweep(asked, tmp_path, Here())
    assert outcome.points == 5
    assert outcome.failed == [
        {"parameters": {"how": "raise", "at": [2]}, "seed": 2, "error": "Unpicklable: first 1, second 2"}
    ]
    again = Here()
    assert sweep(asked, tmp_path, again).failed == outcome.failed and again.ran == 1


@pytest.mark.parametrize(
    ("how", "told"), [("exit", "SystemExit: enough"), ("list", "TypeError: column 'value' holds a list")]
)
def test_whatever_a_point_does_wrong_is_its_own_failure(config, tmp_path, how, told) -> None:
    outcome = sweep(config("fails", fixed={"how": how, "at": [1]}), tmp_path, Here())
    assert outcome.points == 0 and outcome.failed[0]["error"].startswith(told)


def test_a_cell_with_a_failure_ends_there(config, tmp_path) -> None:
    asked = config(
        "fails", fixed={"how": "raise"}, grid={"at": [[2], []]}, seeds={"min": 2, "max": 6, "batch": 2},
        stop={"column": "value", "errors": 9},
    )  # fmt: skip
    assert sweep(asked, tmp_path, Here()).points == 1 + 4


def test_other_code_is_not_mixed_in(config, toy, tmp_path) -> None:
    asked = config(fixed={"mean": 0}, seeds={"min": 2})
    first = read_table(sweep(asked, tmp_path, Here()).table)
    source = toy / "toy_points.py"
    source.write_text(source.read_text().replace('("b", 5)', '("b", 700)'))
    forget()
    outcome = sweep(asked, tmp_path, Here())
    assert (outcome.computed, outcome.ignored) == (2, 2)
    assert read_table(outcome.table)[1]["value"] == pytest.approx(first[1]["value"] + 695)


def test_a_changed_file_that_the_point_names_is_another_result(config, tmp_path) -> None:
    weights = tmp_path / "weights"
    weights.write_text("old")
    asked = config("depends", fixed={"file": str(weights)}, seeds={"min": 2})
    assert sweep(asked, tmp_path / "out", Here()).computed == 2
    weights.write_text("new")
    forget()
    outcome = sweep(asked, tmp_path / "out", Here())
    assert outcome.computed == 2 and {row["text"] for row in read_table(outcome.table)} == {"new"}


def test_a_file_that_is_not_there_is_said_before_anything_runs(config, tmp_path) -> None:
    engine = Here()
    with pytest.raises(InputError, match="no-such-weights"):
        sweep(config("depends", grid={"file": [__file__, "no-such-weights"]}), tmp_path, engine)
    assert engine.ran == 0


def test_a_worker_with_other_code_refuses(config, toy) -> None:
    task = Addresses("toy_points:normal").task(0, {"mean": 0}, 1)
    assert isinstance(attempt(task), list)
    source = toy / "toy_points.py"
    source.write_text(source.read_text() + "\n# newer\n")
    forget()
    refused = attempt(task)
    assert isinstance(refused, Failure) and "other code" in refused.message


def test_a_parameter_that_json_has_no_word_for_is_refused(config, tmp_path) -> None:
    with pytest.raises(ConfigError, match="numbers, texts"):
        sweep(config(fixed={"mean": float("nan")}), tmp_path, Here())


def test_a_torn_shard_is_noticed_set_aside_and_computed_again(config, tmp_path) -> None:
    asked = config(fixed={"mean": 0}, seeds={"min": 3})
    whole = untimed(sweep(asked, tmp_path, Here()).table)
    shards = sorted((tmp_path / "shards").rglob("*.parquet"))
    shards[0].write_bytes(shards[0].read_bytes()[:-30])
    shards[1].write_bytes(b"")
    with pytest.raises(LinkError, match="2 shards: .* damaged"):
        sweep(asked, tmp_path, Here())
    outcome = sweep(asked, tmp_path, Here())
    assert outcome.computed == 2 and untimed(outcome.table) == whole
    assert len(list((tmp_path / "shards").rglob("*.damaged"))) == 2


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_a_shard_that_cannot_be_read_is_left_where_it_is(config, tmp_path, monkeypatch, number: int) -> None:
    asked = config(fixed={"mean": 0}, seeds={"min": 2})
    sweep(asked, tmp_path, Here())

    def refuse(path: Path) -> bytes:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched, pytest.raises(LinkError, match=os.strerror(number)):
        patched.setattr(Path, "read_bytes", refuse)
        sweep(asked, tmp_path, Here())
    assert sweep(asked, tmp_path, Here()).found == 2


ROWS = [{"arm": "a", "value": 1.5, "errors": 3, "none": None}, {"arm": "gvc.sha256" + "0" * 70, "value": -2.0}]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_mutated_shard_never_holds_other_values(tmp_path_factory, data) -> None:
    folder = tmp_path_factory.getbasetemp() / "mutations"
    store, task = Store(folder), Task("p", 0, {}, 1, "ab" + "0" * 62)
    path = folder / "shards" / "ab" / f"{task.key}.parquet"
    if not path.exists():
        path.with_suffix(".damaged").unlink(missing_ok=True)
        store.write(task, ROWS)
    content = whole = path.read_bytes()
    assert pq.read_table(path).to_pylist() == store.read(task)  # an ordinary Parquet file
    place = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.integers(0, 20))
    content = whole[:place] + data.draw(st.binary(max_size=20)) + whole[place + length :]
    path.write_bytes(content)
    if content == whole:
        return
    with pytest.raises(LinkError, match="is damaged"):
        store.read(task)
    assert path.with_suffix(".damaged").read_bytes() == content and not store.find(task)


def test_columns_of_mixed_types_are_kept_as_texts(tmp_path) -> None:
    store, task = Store(tmp_path), Task("p", 0, {}, 1, "cd" + "0" * 62)
    store.write(task, [{"x": 1, "y": 2**80}, {"x": "many", "z": True}])
    assert store.read(task) == [{"x": "1", "y": str(2**80), "z": None}, {"x": "many", "y": None, "z": True}]


def test_a_table_that_is_none_is_said(tmp_path) -> None:
    (tmp_path / "results.parquet").write_bytes(b"PAR1nothing")
    with pytest.raises(InputError, match="no table of a sweep"):
        read_table(tmp_path / "results.parquet")
