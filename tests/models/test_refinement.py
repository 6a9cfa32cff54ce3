"""The JSCC refinement: what it makes of residuals, and of whatever arrives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvc.errors import BudgetError, ParseError
from gvc.noise_map import NU_MAX, NU_MIN
from models.jscc.refinement import JsccRefinement

SHAPE = 2, 48, 64
SYMBOLS = 1000


@pytest.fixture(scope="module")
def refinement() -> JsccRefinement:
    return JsccRefinement(*SHAPE, SYMBOLS)


def residual(deviation: float) -> np.ndarray:
    """Of little detail: what a coarse codec leaves."""
    y, x = np.mgrid[:48, :64] / 8
    shown = np.stack([np.sin(x + t)[..., None] * np.cos(y)[..., None] * [1.0, 0.8, 0.5] for t in (0, 0.4)])
    return np.float32(deviation / shown.std() * shown)


def received(symbols: np.ndarray, snr_db: float) -> tuple[np.ndarray, np.ndarray]:
    variance = 10 ** (-snr_db / 10)
    noise = np.random.default_rng(4).standard_normal((len(symbols), 2)) @ [1, 1j] * np.sqrt(variance / 2)
    return (symbols + noise).astype(np.complex64), np.full(len(symbols), variance, np.float32)


@pytest.mark.parametrize("deviation", [1.5, 6.0, 25.0])
def test_error_falls_with_the_noise_and_never_above_the_residual(refinement: JsccRefinement, deviation: float) -> None:
    sent = residual(deviation)
    symbols, size = refinement.encode(sent, 10.0)
    assert symbols.shape == (SYMBOLS,) and symbols.dtype == np.complex64
    assert np.mean(np.abs(symbols) ** 2) == pytest.approx(1, abs=0.02)
    errors = [np.mean((refinement.decode(*received(symbols, snr), size) - sent) ** 2) for snr in (0, 5, 10, 20)]
    assert (np.diff(errors) < 0).all() and errors[0] < deviation**2 and errors[-1] < 0.5 * deviation**2


def test_nothing_left_stays_nothing(refinement: JsccRefinement) -> None:
    symbols, size = refinement.encode(np.zeros((*SHAPE, 3), np.float32), 10.0)
    assert np.abs(refinement.decode(*received(symbols, 20.0), size)).max() < 0.5


def test_too_few_symbols_are_told() -> None:
    few = JsccRefinement(*SHAPE, 200)
    with pytest.raises(BudgetError, match="it needs 256"):
        few.encode(residual(5.0), 10.0)
    with pytest.raises(ParseError):
        few.decode(*received(np.ones(200, np.complex64), 10.0), 1)


def test_erased_symbols_leave_less_and_lost_metadata_is_told(refinement: JsccRefinement) -> None:
    sent = residual(6.0)
    symbols, size = refinement.encode(sent, 10.0)
    symbols, noise_map = received(symbols, 10.0)
    whole = np.mean((refinement.decode(symbols, noise_map, size) - sent) ** 2)
    symbols[-200:], noise_map[-200:] = 0, NU_MAX
    part = np.mean((refinement.decode(symbols, noise_map, size) - sent) ** 2)
    assert whole < part < sent.var()
    symbols[:], noise_map[:] = 0, NU_MAX
    with pytest.raises(ParseError, match="CRC"):
        refinement.decode(symbols, noise_map, size)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 255), st.sampled_from([1e-3, 1.0, 1e4, 1e30]), st.integers(0, 2**32 - 1))
def test_any_symbols_are_decoded_or_a_parse_error(size: int, scale: float, seed: int) -> None:
    refinement = JsccRefinement(*SHAPE, SYMBOLS)
    random = np.random.default_rng(seed)
    symbols = np.complex64(scale) * (random.standard_normal((SYMBOLS, 2)) @ [1, 1j]).astype(np.complex64)
    good, _ = refinement.encode(residual(5.0), 10.0)
    # sound metadata before anything
    symbols[:616] = good[:616]
    noise_map = random.choice([NU_MIN, 0.5, NU_MAX], SYMBOLS).astype(np.float32)
    try:
        shown = refinement.decode(symbols, noise_map, size)
    except ParseError:
        return
    assert shown.shape == (*SHAPE, 3) and np.isfinite(shown).all()
