import numpy as np
import pytest

from gvc.errors import InputError
from gvc.phy import BurstTransmitter, Numerology, PictureShape, SymbolFrame
from gvc.phy.layout import burst_layout
from gvc.phy.shape import CountShape


def frame(n: int = 4096, **fields) -> SymbolFrame:
    random = np.random.default_rng(0)
    symbols = (random.standard_normal(n) + 1j * random.standard_normal(n)) / 2**0.5
    return SymbolFrame(**{"frame_id": 0, "symbols": symbols, "shape": PictureShape(256, 256, 32), **fields})


@pytest.mark.parametrize("name", ["ofdm64", "ofdm256"])
def test_bursts_have_unit_power_and_a_gap(name: str) -> None:
    u = Numerology.load(name)
    bursts = BurstTransmitter(u).bursts(frame())
    for burst in bursts:
        gap = u.gap_symbols * u.symbol_samples
        assert burst.dtype == np.complex64
        assert not np.any(burst[-gap:])
        assert np.mean(np.abs(burst[:-gap]) ** 2) == pytest.approx(1, rel=0.05)
        assert 20 * np.log10(np.max(np.abs(burst))) < u.clip_backoff_db + 0.1
    assert sum(len(b) for b in bursts) / u.symbol_samples == pytest.approx(
        sum(len(b) // u.symbol_samples for b in bursts)
    )


def test_correlated_symbols_do_not_raise_peaks() -> None:
    """All symbols equal would be an impulse in time; scrambling spreads it."""
    u = Numerology.load("ofdm64")
    burst = BurstTransmitter(u).bursts(frame(symbols=np.full(4096, 1 + 0j)))[0]
    assert np.mean(np.abs(burst[: burst_layout(u, 86).samples]) ** 2) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"symbols": np.zeros(100)}, "4096"),
        ({"shape": CountShape(4096)}, "payload type 0"),
        ({"shape": PictureShape(256, 272, 32)}, "4352"),
        ({"symbols": np.full(4096, np.nan)}, "finite"),
        ({"payload_type": 64}, "payload type 64"),
        ({"mode": 99}, "mode"),
        ({"symbols": np.zeros((64, 64))}, "dimension"),
    ],
)
def test_bad_frames(fields: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        BurstTransmitter(Numerology.load("ofdm64")).bursts(frame(**fields))
