"""The channel of docs/channels.md is one; tests/shown runs the page's commands."""

import inspect
import re

import numpy as np
import pytest

from gvc import registry
from gvc.errors import InputError
from gvc.paths import ROOT

PAGE = (ROOT / "docs" / "channels.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("mine")
    for name, content in re.findall(r"`([\w.-]+\.(?:py|yaml))`:\n\n```\w+\n(.*?)```", PAGE, flags=re.DOTALL):
        (path / name).write_text(content)
    assert {entry.name for entry in path.iterdir()} == {"try_channel.py", "two_ray.py", "sim-two-ray.yaml"}
    return path


def test_every_impairment_is_on_the_page_with_its_parameters():
    rows = re.findall(r"^\| `([\w-]+)` \| (.*?) \|", PAGE, flags=re.MULTILINE)
    assert sorted(kind for kind, _ in rows) == registry.names("impairment")
    when = {"at", "every_s", "period_s"}
    for kind, shown in rows:
        named = set(re.findall(r"`(\w+)`", shown)) | (when if "*when*" in shown else set())
        assert named == set(inspect.signature(registry.resolve("impairment", kind)).parameters) - {"setting"}, kind


def test_the_channel_from_outside_keeps_the_laws(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    ends = {"sample_rate_hz": 1e6, "center_frequency_hz": 2.4e9}
    signal = np.exp(0.3j * np.arange(5000)).astype(np.complex64)
    whole, cut = (registry.create("channel", "two_ray:TwoRay", snr_db=20.0, rx_antennas=2, **ends) for _ in range(2))
    expected = np.concatenate([whole.process(signal), whole.flush()], axis=1)
    pieces = [*(cut.process(signal[i : i + 321]) for i in range(0, 5000, 321)), cut.flush()]
    assert np.abs(np.concatenate(pieces, axis=1) - expected).max() < 4e-6
    with pytest.raises(InputError, match="echo_db"):
        registry.create("channel", "two_ray:TwoRay", ecko_db=3.0, **ends)
