"""The file of a sweep: what is wrong with it is named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc.errors import ConfigError, InputError
from gvc.permission import allowing_code
from gvc.sweep.config import load

GOOD = "name: n\npoint: link\nfixed: {clip: x}\ngrid: {snr_db: [0, 5], arm: [p, q]}\nseeds: {min: 3}\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    return path


def test_cells_are_all_combinations_in_the_order_of_the_grid(tmp_path) -> None:
    config = load(written(tmp_path, GOOD))
    assert [(cell["snr_db"], cell["arm"]) for cell in config.cells] == [(0, "p"), (0, "q"), (5, "p"), (5, "q")]
    assert all(cell["clip"] == "x" for cell in config.cells) and config.seeds.most == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("grid:", "grids:"), r"unknown key 'grids'; did you mean 'grid'\?"),
        (("{min: 3}", "{mni: 3}"), r"unknown key 'seeds.mni'; did you mean 'seeds.min'\?"),
        (("seeds:", "stop: {colum: x, errors: 3}\nseeds:"), r"unknown key 'stop.colum'; did you mean 'stop.column'"),
        (("{min: 3}", "{min: 0}"), r"'seeds.min': .*greater than or equal to 1 \(got 0\)"),
        (("{min: 3}", "{min: 3, max: 2}"), "max is below min"),
        (("{min: 3}", "{min: 3, max: 9}"), "seeds.max is for a stop rule"),
        (("seeds:", "stop: {column: x}\nseeds:"), "give one of ci95_width and errors"),
        (("clip: x", "snr_db: 3"), "snr_db is in fixed and in grid"),
        (("[0, 5]", "[]"), "grid.snr_db has no values"),
        (("[0, 5]", "5"), r"'grid.snr_db': .*list"),
        (("name: n", "name: [n"), "is not valid YAML"),
        ((GOOD, "- 1"), "must hold keys and values"),
        ((GOOD, ""), "must hold keys and values"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, told) -> None:
    with pytest.raises(InputError, match=told):
        load(written(tmp_path, GOOD.replace(*change)))


def test_code_is_refused_unless_it_is_allowed(tmp_path) -> None:
    path = written(tmp_path, GOOD.replace("link", "subprocess:call"))
    with pytest.raises(ConfigError, match=r"sweep.yaml' names code, 'point: subprocess:call'.*--allow-code"):
        load(path)
    with allowing_code():
        assert load(path).point == "subprocess:call"


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="no sweep file 'nowhere.yaml'"):
        load("nowhere.yaml")


@given(text=st.one_of(st.text(), st.text().map(lambda text: GOOD + text)))
def test_any_text_is_a_configuration_or_a_typed_error(tmp_path_factory, text) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        load(path)
    except InputError:
        pass


@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_configuration_or_a_typed_error(tmp_path_factory, data) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(data)
    try:
        load(path)
    except InputError:
        pass
