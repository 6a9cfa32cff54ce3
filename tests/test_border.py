"""A wrong answer is caught at every Protocol border, and a right one is not."""

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from gvc import border, registry
from gvc.coding.scheme import Decoded
from gvc.errors import InputError, LinkError
from gvc.evaluation.pretrained.findings import Detections, Keypoints, Text
from gvc.phy.fec.mcs import TABLE
from gvc.phy.numerology import Numerology
from gvc.phy.receiver.channel_estimator import Smoothing
from tests import borders

U = Numerology.load("ofdm64")
K = len(U.carriers)


def c(*shape: int) -> np.ndarray:
    return np.ones(shape, np.complex64)


def f(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def u(*shape: int) -> np.ndarray:
    return np.ones(shape, np.uint8)


def nan(values: np.ndarray) -> np.ndarray:
    return values * np.nan


SMOOTHING = {"noise_gain": f(K), "bias": f(K), "self_weight": f(K), "matrix": c(K, K)}
SLOT = {"payload_type": 1, "mode": 0}
PAIR = (c(2, 4, 6), c(2, 6))
# (kind, method): made with, arguments, a right answer, wrong ones
CASES: dict[tuple[str, str], tuple[dict[str, Any], tuple[Any, ...], Any, list[Any]]] = {
    ("channel", "process"): ({"rx_antennas": 2}, (c(9),), c(2, 7), [c(7), c(1, 7), f(2, 7)]),
    ("channel", "flush"): ({}, (), c(1, 0), [c(0), None]),
    ("synchroniser", "detect"): ({}, (), -1, [None, 1.5]),
    ("synchroniser", "acquire"): ({}, (), None, [3, c(4)]),
    ("equaliser", "equalise"): ({}, PAIR, (c(4, 6), f(4, 6)), [
        c(4, 6), (c(4, 6), f(6)), (c(4, 6), c(4, 6)), (nan(c(4, 6)), f(4, 6)),
    ]),
    ("encoder", "encode"): ({}, (), c(8), [f(8), c(2, 4), nan(c(8)), [1j]]),
    ("denoiser", "denoise"): ({}, (c(8), f(8)), c(8), [c(7), f(8), nan(c(8))]),
    ("sampler", "__call__"): ({}, (torch.ones(1, 4),), torch.ones(1, 4), [torch.ones(4), f(1, 4)]),
    ("decoder", "decode"): ({}, (c(8), f(8), 32, 48), u(32, 48, 3), [u(48, 32, 3), f(32, 48, 3), None]),
    ("codec", "encode"): ({}, (u(2, 8, 8, 3), 10), b"abc", ["abc", bytes(11), None]),
    ("codec", "decode"): ({}, (b"", 2, 8, 8), [u(8, 8, 3), None], [[None], [u(8, 8), None], u(2, 8, 8, 3)]),
    ("scheme", "encode"): ({"count": 5}, ([1, 2],), [SimpleNamespace(symbols=c(5), **SLOT)] * 2, [
        [SimpleNamespace(symbols=c(5), **SLOT)], [SimpleNamespace(symbols=c(4), **SLOT)] * 2, [c(5)] * 2, None,
    ]),
    ("scheme", "decode"): ({}, ([1, 2], 8, 9), SimpleNamespace(pictures=u(2, 8, 9, 3), concealed=[0, 0], report={}), [
        SimpleNamespace(pictures=u(2, 9, 8, 3), concealed=[0, 0], report={}), u(2, 8, 9, 3),
        SimpleNamespace(pictures=u(2, 8, 9, 3), concealed=[0], report={}),
    ]),
    ("adaptation", "choose"): ({}, (), next(iter(TABLE.values())), [None, "qpsk-1_2"]),
    ("refinement", "encode"): ({"symbols": 5}, (), (c(5), 3), [c(5), (c(4), 3), (c(5), 3.5)]),
    ("refinement", "decode"): ({"n": 2, "height": 8, "width": 9}, (), f(2, 8, 9, 3), [f(2, 9, 8, 3), u(2, 8, 9, 3)]),
    ("judge", "look"): ({}, (u(8, 8, 3),), Detections(f(2, 4), f(2), np.zeros(2, np.int64)), [
        None, Detections(f(2, 4), f(3), np.zeros(3, np.int64)), Detections(f(2, 4), f(2), np.zeros(1, np.int64)),
        Keypoints(f(1, 17, 3), f(1, 17)), Keypoints(nan(f(1, 17, 2)), f(1, 17)), Text(f(1, 4, 2), (), f(1)),
    ]),
    **{("channel_estimator", method): ({"numerology": U}, (), Smoothing(**SMOOTHING), [
        None, Smoothing(**SMOOTHING | {"bias": f(K - 1)}), Smoothing(**SMOOTHING | {"matrix": c(K, 1)}),
        Smoothing(**SMOOTHING | {"matrix": nan(c(K, K))}),
    ]) for method in ("smoothing", "preamble_smoothing", "adapt")},
}  # fmt: skip


def made(kind: str, method: str, answer: Any) -> Any:
    """A strategy from outside that has all it needs, and whose `method` gives `answer`."""
    wanted = border.WANTED[kind][1]
    return type("Theirs", (), {**dict.fromkeys(wanted, 0), method: lambda self, *_: answer})()


def test_every_rule_has_a_case() -> None:
    assert {(kind, method) for kind, rules in border.RULES.items() for method in rules} <= CASES.keys()


@pytest.mark.parametrize(("kind", "method"), [case for case in CASES if case[1] in border.RULES.get(case[0], {})])
def test_wrong_shapes_and_types_are_caught(kind: str, method: str) -> None:
    given, arguments, right, wrong = CASES[kind, method]
    guarded = border.guard(kind, "their:Part", made(kind, method, right), given)
    assert _called(guarded, method, arguments) is right
    for answer in wrong:
        guarded = border.guard(kind, "their:Part", made(kind, method, answer), given)
        with pytest.raises(LinkError, match=f"{kind} 'their:Part': `{method}` gave"):
            _called(guarded, method, arguments)


def _called(strategy: Any, method: str, arguments: tuple[Any, ...]) -> Any:
    return strategy(*arguments) if method == "__call__" else getattr(strategy, method)(*arguments)


@pytest.mark.parametrize("kind", border.WANTED)
def test_what_is_missing_is_told(kind: str) -> None:
    with pytest.raises(InputError, match=f"{kind} 'their:Part' has no '.*'; .* says what a {kind} needs"):
        border.guard(kind, "their:Part", object(), {})


def test_our_own_are_looked_at_in_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry.guarded is borders.guarded
    monkeypatch.setattr("gvc.phy.receiver.equaliser.ZeroForcing.equalise", lambda self, *_: (c(3), f(3)))
    with pytest.raises(AssertionError, match="equaliser 'zf': `equalise` gave symbols as complex64"):
        registry.create("equaliser", "zf").equalise(c(2, 4, 6), c(2, 6), 0.1)


def test_a_copy_is_checked_as_itself_and_anew_with_what_it_is_made_with() -> None:
    class Coder:
        segment_frames, payload_types, size = 1, (1,), 5

        def encode(self, pictures: list[int], snr_db: float = 0.0) -> list[Any]:
            return [SimpleNamespace(symbols=c(self.size), **SLOT) for _ in pictures]

        @staticmethod
        def decode(slots: list[int], height: int, width: int) -> Any:
            return SimpleNamespace(pictures=u(len(slots), height, width, 3), concealed=[0] * len(slots), report={})

    first = border.guard("scheme", "their:Coder", Coder(), {"count": 5})
    other = copy.copy(first)
    other.size = 4
    assert len(first.encode([1])[0].symbols) == 5 and first.decode([1], 8, 9).pictures.shape == (1, 8, 9, 3)
    with pytest.raises(LinkError, match=r"gave symbols as complex64 \[4\], not as complex \[5\]"):
        other.encode([1])
    border.guard("scheme", "their:Coder", other, {"count": 4})
    assert len(other.encode([1])[0].symbols) == 4 and len(first.encode([1])[0].symbols) == 5
    assert isinstance(other, Coder) and type(other).__name__ == "Coder" and type(other).__mro__[1] is Coder


def test_decoded_is_what_the_rule_asks_for() -> None:
    assert {"pictures", "concealed"} <= set(Decoded.__dataclass_fields__)
