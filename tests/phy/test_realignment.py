"""Where the symbols of a burst lie, from windows that are cut out of a stream with samples missing or doubled."""

import numpy as np
import pytest

from gvc.phy import Numerology
from gvc.phy.layout import burst_layout
from gvc.phy.receiver.burst_windows import BurstWindows
from gvc.phy.receiver.channel_estimator import DftSmoothed
from gvc.phy.receiver.ofdm_windows import SampleBuffer
from gvc.phy.receiver.realignment import Midambles, PayloadPlaces, coherence, find_midambles, place_payload
from tests.phy.conftest import impair
from tests.phy.test_recovery import Sent, sent, slip

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

U = Numerology.load("ofdm64")
SNR_DB = 20
LAYOUT = burst_layout(U, 86)
MIDAMBLES, PAYLOAD = LAYOUT.midamble_rows - U.header_symbols, LAYOUT.payload_rows - U.header_symbols


@pytest.fixture(scope="module")
def stream() -> Sent:
    return sent()


def windows_of(samples: np.ndarray, stream: Sent) -> BurstWindows:
    buffer = SampleBuffer(len(samples), samples.shape[1])
    buffer.append(np.ascontiguousarray(samples), 0)
    rows = np.arange(U.header_symbols, LAYOUT.rows)
    begin = stream.starts[0] + U.preamble_samples + U.cyclic_prefix - U.timing_advance
    starts = begin + U.symbol_samples * rows
    return BurstWindows(buffer, U, begin - 144, starts, 0.0, 0.0, 0.0, rows * 1.0, 1.0)


def placed(stream: Sent, at: int | None, count: int) -> tuple[Midambles, PayloadPlaces]:
    samples = impair(stream.samples, U, snr_db=SNR_DB)
    windows = windows_of(samples if at is None else slip(samples, at, count), stream)
    reference = np.exp(-2j * np.pi * U.carriers * U.timing_advance / U.fft_size).astype(np.complex64)[None]
    typical, weight, smoothing = 1 / (1 + 10 ** (-SNR_DB / 10)), np.ones(len(U.carriers)), DftSmoothed(U).smoothing(20)
    noise = np.full(len(U.carriers), 10 ** (-SNR_DB / 10))
    found = find_midambles(windows, MIDAMBLES, reference, typical, smoothing, noise, weight)
    pilots = U.pilots[LAYOUT.payload_rows]
    return found, place_payload(windows, PAYLOAD, pilots, MIDAMBLES, found, reference, typical, smoothing)


def test_coherence_is_one_for_responses_that_differ_by_a_factor() -> None:
    random = np.random.default_rng(0)
    a, b = random.standard_normal((2, 2, 500)) + 1j * random.standard_normal((2, 2, 500))
    weight = random.uniform(0.5, 2, 500)
    assert coherence(a, 3j * a, weight) == pytest.approx(1)
    assert coherence(a, b, weight) < 0.01
    assert coherence(a, 0 * a, weight) == 0


def test_a_burst_in_place_is_left_there(stream: Sent) -> None:
    found, places = placed(stream, None, 0)
    assert not found.offset.any() and not found.lost.any()
    assert not places.offset.any() and not places.given_up.any() and not places.jump.any() and places.end == 0


@pytest.mark.parametrize("symbol", [3, 40, 70])
@pytest.mark.parametrize("count", [-300, -33, -1, 1, 7, 10, 300])
def test_a_slip_is_placed_within_a_symbol(stream: Sent, symbol: int, count: int) -> None:
    found, places = placed(stream, stream.payload(symbol) + 30, count)
    block = symbol // U.midamble_period
    fell_out = -(min(0, count) // U.symbol_samples)
    assert found.offset[:block].tolist() == [0] * block
    inside = found.offset[block:][~found.lost[block:]]
    assert len(inside) >= 5 - block and np.all(inside == count)
    assert places.end == count
    assert not places.offset[: max(0, symbol - 1 - max(0, count) // U.symbol_samples - (count > 0))].any()
    assert np.all(places.offset[symbol + 1 + fell_out :] == count)
    in_front, behind = places.given_up[: symbol - 1], places.given_up[symbol + 2 + fell_out : 80]
    assert not in_front.any() and not behind.any()
    assert places.given_up[symbol]


@pytest.mark.parametrize("count", [1, 5, 10])
def test_the_last_midamble_is_found_behind_the_end_of_its_window(stream: Sent, count: int) -> None:
    """Its prefix is long enough: nothing behind the last window of a burst in order is needed."""
    found, places = placed(stream, stream.payload(83) + 30, count)
    assert found.offset.tolist() == [0, 0, 0, 0, 0, count] and not found.lost.any()
    assert places.end == count and not places.given_up[:82].any()


@pytest.mark.parametrize("count", [-9, -32])
def test_what_pilots_cannot_see_is_given_up(stream: Sent, count: int) -> None:
    """Pilots 14 carriers apart look alike 64 / 14 samples later, and 32 samples later just the same: where the slip
    was within its block stays open.
    """
    found, places = placed(stream, stream.payload(40) + 30, count)
    assert found.offset.tolist() == [0, 0, count, count, count, count]
    wrong = places.offset != np.where(np.arange(86) < 40, 0, count)
    assert np.all(places.given_up[wrong]) and places.given_up[40]
    assert not places.given_up[:31].any() and not places.given_up[48:].any()
