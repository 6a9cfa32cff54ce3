"""What a disturbed burst still holds: the steps of a calm one, each without its assumption that all is well."""

import dataclasses

import numpy as np

from gvc.phy.kernels import watch as kernels
from gvc.phy.numerology import Numerology
from gvc.phy.receiver.burst_windows import BurstWindows
from gvc.phy.receiver.channel_estimator import ChannelEstimator, Smoothing
from gvc.phy.receiver.interpolation import TimeInterpolator
from gvc.phy.receiver.phase_path import follow_phase
from gvc.phy.receiver.realignment import Midambles, Places, coherence, find_midambles, place_payload
from gvc.phy.receiver.uneven_noise import NEAR, SURE, UnevenEstimate, UnevenEstimation, beside, highest

LIKELY = 3e-4
"""Probability that a calm payload symbol of a disturbed burst counts as hit."""
_TURNING = 0.15
"""Radians a symbol by which a block's frequency may differ before its windows are cut anew."""
_STEP = 0.7
"""Radians by which a midamble may turn away from the one before, when the channel alone turns it."""
_FOREIGN = 2.0
"""Times the variance that noise gives to the guard carriers' power over symbols, from which that is no noise."""
_ENOUGH = 12
"""Symbols from which that variance is known well enough."""
_LEAST = 1e-6
"""Of the power of a burst, which is near 1 here; below, noise is none."""


@dataclasses.dataclass
class Recovered:
    """received, response complex64 [rx, M, K] and variance float32 [rx, M, K] for the equaliser, the variance infinite
    where a symbol is given up; trained complex64 [rx, T, K]; noise float32 [rx], mean over the payload; snr as a ratio;
    `shift`: samples by which the burst's end comes late.
    """

    received: np.ndarray
    response: np.ndarray
    variance: np.ndarray
    trained: np.ndarray
    noise: np.ndarray
    snr: float
    shift: int


@dataclasses.dataclass
class Training:
    """A burst's training in order of time: observed complex64 [rx, T, K], freed of the phase `angle` float64 [T];
    guards float32 [rx, T], mean power of the guard carriers; lost bool [T], those not found.
    """

    observed: np.ndarray
    angle: np.ndarray
    guards: np.ndarray
    lost: np.ndarray


@dataclasses.dataclass
class _Empty:
    """The payload's guard carriers: how many bear witness, their mean power float32 [rx, M], and the usual one of a
    symbol of the burst, float32 [rx, 1].
    """

    count: int
    power: np.ndarray
    usual: np.ndarray


@dataclasses.dataclass
class _Reading:
    """Its result, how likely its pilots are (mean logarithm of their density), and the change of phase a symbol in the
    blocks before each midamble and behind the last, float64 [J + 1].
    """

    result: Recovered
    likelihood: float
    turning: np.ndarray


@dataclasses.dataclass
class Rows:
    """Rows of midambles int64 [J] and payload int64 [M] after the header, and the payload's pilots float32 [M, P]."""

    midambles: np.ndarray
    payload: np.ndarray
    pilots: np.ndarray


class Recovery:
    """Reads a burst that pulses, interferers, lost samples or a wandering oscillator have disturbed.

    Midambles are searched where they are not in place, and symbols given up where that place changes (`realignment`);
    training tells the noise by carrier and the channel is estimated with less weight on what is hit (`uneven_noise`);
    each symbol's phase is followed as fast as it moves (`phase_path`). Pilots and guard carriers tell together the
    noise of every payload symbol: where they exceed the claim beyond chance, the symbol has their excess for its own,
    and neighbours of such a symbol need less to be believed; where its power alone does, it has that. What the pilots
    of all other symbols say of gain and noise goes before what training says, since the payload may be clipped or
    quantised otherwise.

    Two readings compete. One takes each training symbol's phase away before it interpolates, and so stands any motion
    of the oscillator; the other takes away sudden changes of phase and frequency only, interpolates the channel with
    its phase, and so stands a fade through zero. Of these and the ordinary one, that is kept under which the pilots
    are most likely.

    Args:
        numerology: the transmitter's.
        estimator, interpolator: of the channel.
        clip_noise: of the transmitter's peak limiter, relative to the signal.
    """

    def __init__(
        self, numerology: Numerology, estimator: ChannelEstimator, interpolator: TimeInterpolator, clip_noise: float
    ):
        self._numerology = numerology
        self._clip_noise = clip_noise
        self._group = 2 + numerology.header_symbols
        self._estimation = UnevenEstimation(estimator, interpolator, self._group)

    def read(
        self, windows: BurstWindows, early: Training, still: BurstWindows, calm: np.ndarray, rows: Rows,
        smoothing: Smoothing, ordinary: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> Recovered | None:  # fmt: skip
        """The burst, or None where the `ordinary` reading (received, response, variance) is the most likely.

        windows: freed of the CFO as seen in `early`, the training before the payload. still: freed of the CFO as seen
        over the whole burst; `calm` complex64 [rx, T, K] is the training in them. smoothing: for the SNR of `early`.
        """
        noise, smoothing = self._estimation.first_look(early.observed, smoothing)
        found, places, moving = self._moving(windows, early, noise, rows, smoothing)
        turning = np.where(np.abs(moving.turning) > _TURNING, moving.turning, 0)
        if turning.any():
            block = np.searchsorted(rows.midambles, np.arange(len(windows.starts)))
            windows.turning[:] = turning[block]
            found, places, moving = self._moving(windows, early, noise, rows, smoothing)
        if turning.any() or np.any(places.offset) or np.any(found.lost):
            windows.path[:] = _path(windows, found, places, rows)
            still = windows
            late = found.observed * np.exp(1j * (found.angle - windows.path[rows.midambles]))[:, None]
            calm = np.concatenate([early.observed, late], axis=1).astype(np.complex64)
        training = self._training(still, early, found, calm, np.zeros(calm.shape[1]))
        resting = self._read(still, training, places, noise, rows, smoothing)
        best = max(resting, moving, key=lambda reading: reading.likelihood)
        # Where midambles are out of place, or no payload symbol has one to rely on, the ordinary reading is none.
        if np.any(found.offset) or places.given_up.all():
            return best.result
        usual = _likelihood(*ordinary, rows.pilots, self._numerology.pilot_index)
        return best.result if best.likelihood > usual else None

    def _moving(
        self, windows: BurstWindows, early: Training, noise: np.ndarray, rows: Rows, smoothing: Smoothing
    ) -> tuple[Midambles, Places, _Reading]:
        """Where midambles and payload are, and the reading that trusts no phase."""
        weight = 1 / (noise + 0.1 * np.mean(np.abs(early.observed) ** 2))
        reference = smoothing.apply(early.observed.mean(axis=1))
        each = early.observed.transpose(1, 0, 2)
        typical = float(np.median([coherence(one, reference, weight) for one in each]))
        found = find_midambles(windows, rows.midambles, reference, typical, smoothing, noise, weight)
        places = place_payload(windows, rows.payload, rows.pilots, rows.midambles, found, reference, typical, smoothing)
        angle = np.array([np.angle(np.vdot(reference, one * weight)) for one in each])
        aligned = early.observed * np.exp(-1j * angle).astype(np.complex64)[:, None]
        observed = np.concatenate([aligned, found.observed], axis=1)
        training = self._training(windows, early, found, observed, np.append(angle, found.angle))
        return found, places, self._read(windows, training, places, noise, rows, smoothing)

    def _training(
        self, windows: BurstWindows, early: Training, found: Midambles, observed: np.ndarray, angle: np.ndarray
    ) -> Training:
        guards = np.concatenate([early.guards, windows.cut(found.rows, found.offset)[1]], axis=1)
        return Training(observed, angle, guards, np.append(early.lost, found.lost))

    def _read(
        self, windows: BurstWindows, training: Training, places: Places, noise: np.ndarray, rows: Rows,
        smoothing: Smoothing,
    ) -> _Reading:  # fmt: skip
        received, guards = windows.cut(rows.payload, places.offset)
        guards = guards + _LEAST
        every = np.concatenate([training.guards + _LEAST, guards[:, ~places.given_up]], axis=1)
        usual = np.median(every, axis=1, keepdims=True)
        # A narrow-band signal, or what leaks from one, comes and goes in all of them at once: no witness of noise.
        count = len(self._numerology.guard_bins)
        spread = 1.4826 * np.median(np.abs(every / usual - 1), axis=1)
        foreign = every.shape[1] >= _ENOUGH and bool(np.any(count * spread**2 > _FOREIGN))
        empty = _Empty(0 if foreign else count, guards, usual)
        loud = np.zeros(training.guards.shape[1], bool)
        if empty.count:
            loud = np.mean((training.guards + _LEAST) / usual, axis=0) > highest(NEAR, len(every) * empty.count)
        estimate = self._estimation.estimate(
            training.observed, training.lost, loud, noise, smoothing, len(rows.payload)
        )
        phase, shaky, turning = self._follow(estimate, received, self._above(empty), training, places, rows)
        received = received * np.exp(-1j * phase).astype(np.complex64)[:, None]
        result, likelihood = self._judge(estimate, places, received, shaky, empty, rows.pilots)
        return _Reading(result, likelihood, turning)

    def _follow(
        self, estimate: UnevenEstimate, received: np.ndarray, above: np.ndarray, training: Training, places: Places,
        rows: Rows,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        """The payload's phase and its variance, float64 [M], from its pilots and from the training around it; and the
        change of phase a symbol in each block, float64 [J + 1].
        """
        at, group = self._numerology.pilot_index, self._group
        noise = np.median(estimate.carriers, axis=1)[:, None] + above
        h = estimate.response[:, :, at]
        product = np.sum(h.conj() * received[:, :, at] * rows.pilots / noise[:, :, None], axis=(0, 2))
        strength = np.sum(np.abs(h) ** 2 / noise[:, :, None], axis=(0, 2))
        known = np.abs(estimate.trained) ** 2 / (estimate.carriers[:, None] + estimate.symbols[:, :, None])
        trained = np.where(training.lost, np.inf, 0.5 / np.maximum(np.sum(known, axis=(0, 2)), 1e-9))
        symbols = np.where(places.given_up, np.inf, 0.5 / np.maximum(strength, 1e-9))
        count = len(rows.midambles)
        order = np.argsort(np.concatenate([np.arange(-group, 0), rows.midambles, rows.payload]))
        block = np.concatenate(
            [np.zeros(group, int), 1 + np.arange(count), 1 + np.searchsorted(rows.midambles, rows.payload)]
        )
        jump = np.append(np.zeros(group + count, bool), places.jump)
        phase, variance, slope = follow_phase(
            np.append(training.angle, np.angle(product))[order], np.append(trained, symbols)[order], block[order],
            jump[order],
        )  # fmt: skip
        back = np.argsort(order)[group + count :]
        turning = np.append(slope[1:], np.zeros(count + 2 - len(slope)))
        return phase[back], np.minimum(variance[back], 1.0), turning

    def _above(self, empty: _Empty) -> np.ndarray:
        """What the guard carriers of a payload symbol have beyond the usual where that is more than chance: [rx, M]."""
        if not empty.count:
            return np.zeros_like(empty.power)
        hot = np.mean(empty.power / empty.usual, axis=0) > highest(SURE, len(empty.power) * empty.count)
        return np.where(hot, np.maximum(empty.power - empty.usual, 0), 0)

    def _judge(
        self, estimate: UnevenEstimate, places: Places, received: np.ndarray, shaky: np.ndarray, empty: _Empty,
        pilots: np.ndarray,
    ) -> tuple[Recovered, float]:  # fmt: skip
        """Gain and noise as pilots and guard carriers see them. shaky: variance of each symbol's phase, float64 [M]."""
        at = self._numerology.pilot_index
        response = estimate.response
        variance = estimate.carriers[:, None] + estimate.inherited
        variance = variance + np.abs(response) ** 2 * (shaky[:, None] + self._clip_noise)
        hit = self._hit(received, response, variance, empty, pilots, places.given_up)[0]
        calm = ~hit & ~places.given_up
        if np.count_nonzero(calm) >= 4:
            v, h = variance[:, calm][:, :, at], response[:, calm][:, :, at]
            y = received[:, calm][:, :, at] * pilots[calm]
            expected = float(np.sum(np.abs(h) ** 2 / v))
            # Less than 1 by the response's own error.
            own = 1 - float(np.sum(estimate.inherited[:, calm][:, :, at] / v)) / expected
            gain = float(np.sum((y * h.conj()).real / v)) / expected / max(own, 0.5)
            # A gain that is far off is no receiver's: the burst was not understood, and that is to be seen.
            if abs(gain - 1) > 2.5 / (2 * expected) ** 0.5 and 0.5 < gain < 2:
                response, h = response * np.float32(gain), h * np.float32(gain)
            # The pilots that gave the phase lie closer to it than the truth does.
            squares = float(np.sum(1 - 2 * np.minimum(np.abs(h) ** 2 * shaky[calm][:, None] / v, 0.25)))
            ratio = float(np.sum(np.abs(y - h) ** 2 / v)) / squares
            if abs(np.log(ratio)) > 2 / squares**0.5:
                variance = variance * ratio
        excess = self._hit(received, response, variance, empty, pilots, places.given_up)[1]
        variance = variance + excess
        kept = ~places.given_up
        variance[:, places.given_up] = np.inf
        noise = estimate.carriers.mean(axis=1) + (excess[:, kept].mean(axis=(1, 2)) if kept.any() else 0)
        result = Recovered(
            np.ascontiguousarray(received, np.complex64), np.ascontiguousarray(response, np.complex64),
            np.ascontiguousarray(variance, np.float32), estimate.trained, noise.astype(np.float32),
            max(float(estimate.signal.sum() / noise.sum()), 1e-3), places.end,
        )  # fmt: skip
        return result, _likelihood(result.received, result.response, result.variance, pilots, at)

    def _hit(
        self, received: np.ndarray, response: np.ndarray, variance: np.ndarray, empty: _Empty, pilots: np.ndarray,
        given_up: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Which payload symbols have more noise than claimed, bool [M], and how much more, [rx, M, K]."""
        at = self._numerology.pilot_index
        claim = variance[:, :, at]
        error = np.abs(received[:, :, at] - response[:, :, at] * pilots) ** 2
        rx, count = len(received), len(at)
        squares = count + empty.count
        own = np.sum(error / claim, axis=(0, 2))
        both = (own + empty.count * np.sum(empty.power / empty.usual, axis=0)) / (rx * squares)
        sure = (both > highest(LIKELY, rx * squares)) | (own / (rx * count) > highest(SURE, rx * count))
        hit = beside(sure | given_up, both > highest(NEAR, rx * squares)) & ~given_up
        more = (np.sum(error - claim, axis=2) + empty.count * (empty.power - empty.usual)) / squares
        # What misses both, another burst's short training for one, shows in the power of the data.
        power = kernels.symbol_power(received, response, variance)
        loud = ~given_up & (power > kernels.most_power(power[~given_up], len(received[0, 0]) ** -0.5))
        expected = np.abs(response) ** 2 + variance
        weight = 1 / expected
        over = np.sum(weight * (np.abs(received) ** 2 - expected), axis=2) / np.sum(weight, axis=2)
        # Where all three see it, their mean over all squares: the larger of two would be too large on average.
        all_three = (squares * more + received.shape[2] * over) / (squares + received.shape[2])
        more = np.where(loud, np.where(hit, all_three, over), more)[:, :, None]
        if not empty.count:  # the narrow-band signal has grown, and its leakage on all carriers with it
            more = np.where(loud[:, None], more, variance * (own / (rx * count) - 1)[:, None])
        return hit | loud, np.where((hit | loud)[:, None], np.maximum(more, 0), 0)


def _likelihood(
    received: np.ndarray, response: np.ndarray, variance: np.ndarray, pilots: np.ndarray, at: np.ndarray
) -> float:
    """Mean logarithm of the density of the pilots, at carriers `at`; given up, they are noise of their mean power."""
    claim = np.maximum(variance[:, :, at], _LEAST)
    error = np.abs(received[:, :, at] - response[:, :, at] * pilots) ** 2
    nothing = np.abs(received[:, :, at]) ** 2
    power = float(nothing.mean()) + _LEAST
    kept = np.isfinite(claim)
    density = np.where(kept, error / claim + np.log(claim), nothing / power + np.log(power))
    return -float(np.mean(density))


def _path(windows: BurstWindows, found: Midambles, places: Places, rows: Rows) -> np.ndarray:
    """The part of the phase that comes from sudden changes, float64 [R]: the line of each row's frequency, and a step
    where samples went missing or a midamble is out of line with the one before.
    """
    path = np.cumsum(windows.turning)
    apart = np.diff(np.append(0.0, found.angle - path[found.rows]))
    apart = np.angle(np.exp(1j * apart))
    moved = np.diff(np.append(0, found.offset)) != 0
    jumps = rows.payload[places.jump]
    before = -1
    for j, row in enumerate(found.rows):
        if not found.lost[j] and (moved[j] or (windows.turning.any() and abs(apart[j]) > _STEP)):
            inside = jumps[(jumps > before) & (jumps < row)]
            path[int(inside[0]) if len(inside) else (before + 1 + row) // 2 :] += apart[j]
        before = row
    return path
