"""Pictures through the linear ground: any size, any rate, lost maps, prefixes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gvc import seeds
from gvc.coding.schemes.digital.link_adaptation import Fixed, Measured
from gvc.coding.schemes.ground.ground import (
    BANDS,
    WORD_BYTES,
    GroundEstimate,
    LinearGround,
    SentGround,
    Word,
    band_means,
    band_shares,
)
from gvc.coding.schemes.ground.layout import core_room, layer_room
from gvc.coding.schemes.ground.side import Side, decode
from gvc.errors import BudgetError, InputError, ParseError
from gvc.noise_map import NU_MAX


def photo(height: int = 96, width: int = 128) -> np.ndarray:
    """uint8 [height, width, 3]: smooth shapes, an edge, and texture on one side."""
    draw = seeds.stream(1, "photo")
    y, x = np.mgrid[:height, :width] / 32
    shown = 0.5 + 0.2 * np.sin(x)[..., None] * [1, 0.6, 0.3] + 0.15 * np.cos(1.7 * y + x)[..., None]
    shown[x > 2.3] += 0.1
    shown[:, width // 2 :] += 0.08 * draw.standard_normal((height, width - width // 2, 1))
    return (shown.clip(0, 1) * 255).round().astype(np.uint8)


def received(
    sent: SentGround, snr_db: float, shape: tuple[int, ...], lost: float = 0.0, with_map: bool = True
) -> GroundEstimate:
    draw = seeds.stream(2, "noise")
    count = len(sent.symbols)
    noise_map = np.full(count, 10 ** (-snr_db / 10), np.float32)
    noise = draw.standard_normal((count, 2)) @ [1, 1j] * np.sqrt(noise_map / 2)
    symbols = (sent.symbols + noise).astype(np.complex64)
    gone = np.arange(count) >= (1 - lost) * count
    symbols[gone], noise_map[gone] = 0, NU_MAX
    packed = sent.map if with_map else None
    word = Word.unpack(sent.word.pack())
    return LinearGround().decode(symbols, noise_map, word, packed, *shape[:2])


def psnr(estimate: GroundEstimate, picture: np.ndarray) -> float:
    height, width = picture.shape[:2]
    shown = estimate.picture[0, :, :height, :width].clamp(0, 1).permute(1, 2, 0).numpy() * 255
    return float(10 * np.log10(255**2 / np.mean((shown - picture) ** 2)))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (50, 100), (96, 128)])
@pytest.mark.parametrize("cbr", [1 / 192, 1 / 48, 1 / 24])
@pytest.mark.parametrize("counts", [(1,), (1, 8, 64)])
def test_any_size_and_rate(height: int, width: int, cbr: float, counts: tuple[int, ...]) -> None:
    picture = photo(height, width)
    symbols = max(round(cbr * picture.size), 32)
    sent = LinearGround(counts).encode(picture, symbols, 10.0)
    assert len(sent.symbols) <= symbols and len(sent.symbols) % 32 == 0
    assert np.mean(np.abs(sent.symbols) ** 2) == pytest.approx(1, abs=0.01)
    assert sent.word.count in counts
    estimate = received(sent, 10.0, picture.shape)
    assert psnr(estimate, picture) > 15
    assert estimate.noise.shape == estimate.truncation.shape == (1, BANDS, -(-height // 32), -(-width // 32))
    assert (estimate.totals() >= 0).all()


def test_more_symbols_and_less_noise_are_better() -> None:
    picture = photo()
    ground = LinearGround()
    by_rate = [psnr(received(ground.encode(picture, n, 10.0), 10.0, picture.shape), picture) for n in (256, 768, 1536)]
    by_snr = [psnr(received(ground.encode(picture, 768, s), s, picture.shape), picture) for s in (0.0, 10.0, 20.0)]
    assert by_rate == sorted(by_rate) and by_snr == sorted(by_snr)


def test_classes_beat_one_class_and_are_left_where_the_map_is_dear() -> None:
    picture = photo()
    one = LinearGround((1,)).encode(picture, 768, 10.0)
    many = LinearGround().encode(picture, 768, 10.0, lambda length: 4 * length)
    assert one.map == b"" and many.word.count > 1
    assert psnr(received(many, 10.0, picture.shape), picture) > psnr(received(one, 10.0, picture.shape), picture)
    assert LinearGround((1, 64)).encode(picture, 768, 10.0, lambda length: 40 * length).word.count == 1


def test_without_the_map_there_is_still_a_picture() -> None:
    picture = photo()
    for layered in (False, True):
        sent = LinearGround((64,), layered).encode(picture, 768, 10.0)
        with_map, without = (received(sent, 10.0, picture.shape, with_map=w) for w in (True, False))
        grey = 10 * np.log10(255**2 / np.mean((picture - 127.5) ** 2))
        assert psnr(with_map, picture) > psnr(without, picture) > grey + 3
        assert without.totals().sum(1).mean() > with_map.totals().sum(1).mean()


def test_a_layered_frame_decodes_from_its_first_layers() -> None:
    picture = photo()
    sent = LinearGround((64,), layered=True).encode(picture, 1536, 20.0)
    blocks = 12
    ends = [core_room(blocks) // 2 + k * layer_room(blocks) // 2 for k in (0, 2, 5)]
    values = [psnr(received(sent, 20.0, picture.shape, 1 - e / len(sent.symbols)), picture) for e in ends]
    whole = psnr(received(sent, 20.0, picture.shape), picture)
    assert values == sorted(values) and whole > values[-1]
    # the same symbols' worth of the picture, had no more been sent
    alone = LinearGround((64,), layered=True).encode(picture, ends[1], 20.0)
    assert values[1] > psnr(received(alone, 20.0, picture.shape), picture) - 1.5


def test_lost_symbols_cost_quality_not_the_frame() -> None:
    picture = photo()
    sent = LinearGround().encode(picture, 768, 10.0)
    losses = [psnr(received(sent, 10.0, picture.shape, lost), picture) for lost in (0.0, 0.1, 0.5)]
    assert losses == sorted(losses, reverse=True) and losses[2] > 15


def test_a_flat_picture_is_carried() -> None:
    picture = np.full((64, 64, 3), 200, np.uint8)
    black = LinearGround().encode(picture * 0, 256, 10.0)
    assert np.isfinite(black.symbols).all() and Word.unpack(black.word.pack()) == black.word
    sent = LinearGround().encode(picture, 256, 10.0)
    assert np.isfinite(sent.symbols).all()
    assert psnr(received(sent, 10.0, picture.shape), picture) > 25


def test_too_few_symbols_and_unknown_sets_are_refused() -> None:
    with pytest.raises(BudgetError, match="larger frame"):
        LinearGround().encode(photo(), 32, 10.0)
    with pytest.raises(InputError, match="known: 1, 8, 64"):
        LinearGround((3,))


@given(st.booleans(), st.sampled_from([1, 8, 64]), st.floats(-40, 20), st.floats(-7, 20), st.floats(-20, 20))
def test_a_word_comes_back_rounded(layered: bool, count: int, noise_db: float, log_q: float, log_scale: float) -> None:
    word = Word(layered, count, noise_db, log_q, log_scale)
    back = Word.unpack(word.pack())
    assert back == word.rounded() == back.rounded()
    assert (back.layered, back.count) == (layered, count)
    assert abs(back.noise_db - noise_db) <= 0.126 and abs(back.log_q - log_q) <= 0.063
    assert abs(back.log_scale - log_scale) <= 0.002


@given(st.binary(max_size=8))
def test_bytes_are_a_word_or_an_error(data: bytes) -> None:
    try:
        word = Word.unpack(data)
    except ParseError:
        return
    assert len(data) >= WORD_BYTES and word.count in (1, 8, 64)


@settings(max_examples=40)
@given(st.binary(min_size=WORD_BYTES, max_size=40), st.integers(0, 99))
def test_whatever_was_received_is_a_picture_or_an_error(data: bytes, seed: int) -> None:
    draw = seeds.stream(seed, "received")
    symbols = (10 ** draw.uniform(-3, 3) * draw.standard_normal((96, 2)) @ [1, 1j]).astype(np.complex64)
    noise_map = draw.uniform(1e-3, NU_MAX, 96).astype(np.float32)
    try:
        word = Word.unpack(data)
    except ParseError:
        return
    for packed in (data[WORD_BYTES:], None):
        estimate = LinearGround().decode(symbols, noise_map, word, packed, 64, 64)
        assert all(part.isfinite().all() for part in (estimate.picture, estimate.noise, estimate.truncation))


def test_a_number_of_symbols_that_nobody_sends_is_an_error() -> None:
    sent = LinearGround().encode(photo(), 768, 10.0)
    for count in (0, 32, len(sent.symbols) - 1):
        with pytest.raises(ParseError, match="no frame"):
            LinearGround().decode(sent.symbols[:count], np.ones(count, np.float32), sent.word, sent.map, 96, 128)


def test_bands_share_out_a_block() -> None:
    device = torch.device("cpu")
    assert torch.allclose(band_means(device).sum(0), torch.ones(BANDS))
    assert ((band_means(device) > 0).sum(1) == 1).all()
    assert band_shares(device).sum() == pytest.approx(1)


@pytest.mark.parametrize(("snr_db", "length"), [(0.0, 37), (10.0, 5), (10.0, 80), (20.0, 37)])
def test_the_side_block_arrives_in_the_symbols_that_it_claims(snr_db: float, length: int) -> None:
    side = Side(Measured("awgn", 0.5).choose, snr_db)
    data = seeds.stream(3, "side").bytes(length)
    symbols = side.encode(data)
    assert len(symbols) == side.symbols(length)
    noise = seeds.stream(4, "side").standard_normal((len(symbols), 2)) @ [1, 1j] * np.sqrt(10 ** (-snr_db / 10) / 2)
    noise_map = np.full(len(symbols), 10 ** (-snr_db / 10), np.float32)
    back = decode(side.mcs(length), (symbols + noise).astype(np.complex64), noise_map)
    assert back is not None and back.startswith(data) and not any(back[length:])
    assert decode(side.mcs(length), (symbols * 0).astype(np.complex64), noise_map) is None


def test_a_fixed_scheme_is_kept() -> None:
    assert Side(Fixed("64qam-5_6").choose, 0.0).mcs(9).name == "64qam-5_6"
