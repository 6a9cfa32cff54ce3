"""Where the symbols of a burst really lie: samples that are missing or doubled shift all that follow."""

import dataclasses

import numpy as np

from gvc.phy.receiver.burst_windows import BurstWindows
from gvc.phy.receiver.channel_estimator import Smoothing

REACH = 400
"""Samples by which a midamble is searched before and after its place."""
KEPT = 0.4
"""Coherence, relative to what noise leaves, below which a midamble is not where it should be."""
LEAST = 0.15


def coherence(one: np.ndarray, other: np.ndarray, weight: np.ndarray) -> float:
    """|<one, other>|^2 over their powers, carriers weighted: 1 for responses [rx, K] that differ by a factor only."""
    power = float(np.sum(np.abs(one) ** 2 * weight) * np.sum(np.abs(other) ** 2 * weight))
    return float(abs(np.vdot(one, other * weight)) ** 2) / power if power > 0 else 0.0


def estranged(one: np.ndarray, other: np.ndarray, noise: np.ndarray, weight: np.ndarray) -> bool:
    """Whether a training symbol's response has, beyond noise of variance `noise` [K], clearly another shape than the
    smoothed `other`, both complex64 [rx, K]. One in which there is more noise than signal may be in a fade.
    """
    floor = float(len(one) * np.sum(noise * weight))
    signal = float(np.sum(np.abs(one) ** 2 * weight)) - floor
    if signal < floor:
        return False
    return float(abs(np.vdot(one, other * weight)) ** 2) < KEPT * signal * float(np.sum(np.abs(other) ** 2 * weight))


@dataclasses.dataclass
class Midambles:
    """rows: int64 [J], after the header. observed: complex64 [rx, J, K], freed of the phase `angle`, float64 [J],
    against what came before. offset: int64 [J], samples by which each is late. lost: bool [J], not found.
    """

    rows: np.ndarray
    observed: np.ndarray
    angle: np.ndarray
    offset: np.ndarray
    lost: np.ndarray


@dataclasses.dataclass
class Places:
    """offset: int64 [M], samples by which payload symbols are late. given_up: bool [M], those where samples went
    missing and those that nobody knows where to find. jump: bool [M], the phase may be any from this symbol on. end:
    samples by which the last midamble found is late.
    """

    offset: np.ndarray
    given_up: np.ndarray
    jump: np.ndarray
    end: int = 0


def find_midambles(
    windows: BurstWindows, rows: np.ndarray, reference: np.ndarray, typical: float, smoothing: Smoothing,
    noise: np.ndarray, weight: np.ndarray,
) -> Midambles:  # fmt: skip
    """Midambles `rows`, int64 [J], followed from the header's response `reference`, complex64 [rx, K], with which a
    single training symbol has the coherence `typical`; `noise` [K] and `weight` [K] are those of the carriers.

    Midambles look alike. So each is searched back to half way to the one before, and where several places resemble it,
    the following midamble decides.
    """
    back = np.minimum(REACH, np.append(REACH, np.diff(windows.starts[rows]) // 2))
    observed, angle, offsets, lost = [], [], [], []
    offset = 0
    for j, row in enumerate(rows):
        here = windows.training(row, offset)
        gone = estranged(here, reference, noise, weight)
        if gone:
            places = np.arange(offset - back[j], offset + REACH + 1)
            found = windows.likeness(row, places, reference, weight)
            alike = found > max(LEAST, KEPT * typical)
            if j + 1 < len(rows):
                found = found + windows.likeness(rows[j + 1], places, reference, weight)
            best = int(np.argmax(np.where(alike, found, 0)))
            if alike[best] and places[best] != offset:
                offset, gone = int(places[best]), False
                here = windows.training(row, offset)
        phase = float(np.angle(np.vdot(reference, here * weight)))
        here = here * np.complex64(np.exp(-1j * phase))
        if not gone:
            reference = smoothing.apply(here)
        observed.append(here)
        angle.append(phase)
        offsets.append(offset)
        lost.append(gone)
    return Midambles(rows, np.stack(observed, axis=1), np.array(angle), np.array(offsets), np.array(lost))


def place_payload(
    windows: BurstWindows, rows: np.ndarray, pilots: np.ndarray, midamble_rows: np.ndarray, found: Midambles,
    reference: np.ndarray, typical: float, smoothing: Smoothing,
) -> Places:  # fmt: skip
    """Where payload symbols `rows`, int64 [M], lie: where both neighbouring midambles do, and where these disagree, up
    to the change where the one does and behind it where the other does. The change is where the pilots, float32 [M, P],
    agree best with both. Behind the last midamble that was found, symbols count as long as their pilots agree.
    """
    u = windows.numerology
    chance = 1 / (len(reference) * pilots.shape[1])
    usual = typical + (1 - typical) * chance
    half = (chance + usual) / 2
    places = Places(np.zeros(len(rows), np.int64), np.zeros(len(rows), bool), np.zeros(len(rows), bool))

    def fit(index: np.ndarray, offset: int, response: np.ndarray) -> np.ndarray:
        """Coherence of the pilots of symbols `index`, less half way between chance and the usual: [index]."""
        at = windows.cut(rows[index], offset)[0][:, :, u.pilot_index] * pilots[index]
        h = smoothing.apply(response)[:, None, u.pilot_index]
        power = np.sum(np.abs(h) ** 2, axis=(0, 2)) * np.sum(np.abs(at) ** 2, axis=(0, 2))
        match = np.abs(np.sum(h.conj() * at, axis=(0, 2))) ** 2
        return match / np.maximum(power, np.finfo(np.float32).tiny) - half

    left, at_left = 0, -1
    for j, row in enumerate(midamble_rows):
        if found.lost[j]:
            continue
        index = np.flatnonzero((rows > at_left) & (rows < row))
        right = int(found.offset[j])
        places.offset[index] = left
        if right != left:
            before, after = fit(index, left, reference), fit(index, right, found.observed[:, j])
            gap = -(-max(0, left - right) // u.symbol_samples)  # symbols that fell out altogether
            score = np.array([before[:m].sum() + after[m + gap :].sum() for m in range(len(index) + 1)])
            change = first = last = int(np.argmax(score))
            open_to = np.flatnonzero(score > score[change] - (usual - chance) / 2)
            # One more is open where the change lies within a symbol, and symbols that came twice are right in both.
            if np.ptp(open_to) > 1 - (-max(0, right - left) // u.symbol_samples):
                first, last = int(open_to[0]), int(open_to[-1])
            places.offset[index[change:]] = right
            places.given_up[index[max(0, first - 1) : last + gap + 1]] = True
            places.jump[index[min(change, len(index) - 1)]] = True
        left, at_left, reference = right, row, found.observed[:, j]
    places.end = left
    index = np.flatnonzero(rows > at_left)
    if len(index):
        places.offset[index] = left
        agree = fit(index, left, reference)
        balance = [agree[:m].sum() - agree[m:].sum() for m in range(len(index) + 1)]
        change = int(np.argmax(balance))
        if change < len(index):
            places.given_up[index[max(0, change - 1) :]] = True
    places.given_up |= ~windows.inside(rows, places.offset)
    return places
