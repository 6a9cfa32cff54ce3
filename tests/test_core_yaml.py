"""YAML as it is read here: one meaning a text, nothing twice, bounded work."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvc import core_yaml
from gvc.errors import ConfigError, InputError


def loaded(tmp_path: Path, text: str) -> object:
    path = tmp_path / "radio.yaml"
    path.write_text(text)
    return core_yaml.read(path, "radio file")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # what YAML 1.1 makes something else of
        ("yes", "yes"), ("off", "off"), ("0100", 100), ("1:30", "1:30"), ("1_000", "1_000"), ("0b11", "0b11"),
        ("2024-01-02", "2024-01-02"), ("2024-99-99", "2024-99-99"), ("1e6", 1e6), ("<<", "<<"), ("=", "="),
        # the core schema of YAML 1.2, section 10.3.2
        ("null", None), ("~", None), ("", None), ("true", True), ("FALSE", False), ("-12", -12), ("0o17", 15),
        ("0x1F", 31), ("-1.5e3", -1500.0), (".5", 0.5), ("-.inf", -float("inf")), ("nul", "nul"), ("tRue", "tRue"),
    ],
)  # fmt: skip
def test_a_text_means_what_yaml_1_2_says(tmp_path, text, value) -> None:
    read = loaded(tmp_path, f"key: {text}")["key"]
    assert read == value and type(read) is type(value)
    assert core_yaml.value(text, "--set key") == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' appears twice, in lines 1 and 3"),
        ("x:\n  a: 1\n  a: 1", "line 3: the key 'a' appears twice"),
        ("x: {a: 1, 'a': 1}", "line 1: the key 'a' appears twice"),
        ("1: 2", "line 1: the key 1 is no text"),
        ("[a]: 2", "the key .* is no text"),
        ("a: &b [1]\nc: *b", "line 2: aliases"),
        ("a: &a [*a]", "aliases"),
        ("a: !!python/object/apply:os.system [ls]", "tags"),
        ("a: !!timestamp 2024-99-99", "tags"),
        ("a: !!int yes", "tags"),
        ("a:\n- " + "[" * 500, "line 2: more than 32 levels"),
        ("a: 1e999", "too large"),
        ("a: 1e9999999", "too large"),
        ("a: " + "9" * 5000, "more than 19 digits"),
        ("a: [", "is not valid YAML, line"),
        ("a: 1\n---\nb: 2", "another document"),
        ("a: \x07", "is not valid YAML"),
        ("a: " + "x" * 300_000, "more than 256 KiB"),
    ],
)
def test_what_is_refused_is_named_with_its_line(tmp_path, text, told) -> None:
    with pytest.raises(ConfigError, match=rf"radio file '.*radio\.yaml'.*{told}") as refused:
        loaded(tmp_path, text)
    assert len(str(refused.value)) < 600


def test_a_small_file_that_aliases_blow_up_costs_nothing(tmp_path) -> None:
    """395 bytes that took 16 s and 626 MB in the error's own repr."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 8)]
    began = time.process_time()
    with pytest.raises(ConfigError, match="aliases"):
        loaded(tmp_path, "\n".join(lines))
    assert time.process_time() - began < 2


def test_files_that_cannot_be_read_are_named(tmp_path) -> None:
    with pytest.raises(InputError, match="no radio file '.*nowhere.yaml': No such file"):
        core_yaml.read(tmp_path / "nowhere.yaml", "radio file")
    with pytest.raises(InputError, match="Is a directory"):
        core_yaml.read(tmp_path, "radio file")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        core_yaml.read(tmp_path / "latin.yaml", "radio file")
    with pytest.raises(ConfigError, match="more than 256 KiB"):
        core_yaml.read(Path("/dev/zero"), "radio file")


def test_a_value_that_is_no_yaml_is_its_own_text() -> None:
    assert [core_yaml.value(text, "--set x") for text in ("[1,", "@x", "'")] == ["[1,", "@x", "'"]
    for text in ("*a", "!!int 3", "{a: 1, a: 2}", "[" * 500, "1e999"):
        with pytest.raises(ConfigError, match="--set x: "):
            core_yaml.value(text, "--set x")


BMP = st.characters(max_codepoint=0xD7FF)
LEAF = st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    LEAF | st.text(BMP, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(BMP, max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(content=st.text() | st.binary(max_size=60), tail=st.text("[]{}&*!:#|>'\"\n ?-,0eE_.", max_size=30))
def test_any_text_is_a_value_or_a_typed_error(content, tail) -> None:
    text = (content if isinstance(content, str) else content.decode("latin-1")) + tail
    try:
        core_yaml.value(text, "--set x")
    except ConfigError:
        pass


@given(value=PLAIN)
def test_json_is_yaml(value) -> None:
    assert core_yaml.value(json.dumps(value), "--set x") == value
