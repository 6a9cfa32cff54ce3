"""Flicker: change along the motion that the reference does not have.

A pixel is followed from one frame to the next along the optical flow of the reference, where it can be followed. The
warped difference |V_t - W V_{t-1}| is that of W. Lai et al., "Learning blind video temporal consistency", ECCV 2018;
here, the reference's own, from grain, light and the flow's errors, is taken off before the mean, and where it is larger
the difference counts as 0: a picture that is calmer than the reference does not flicker.
"""

from collections.abc import Sequence

import numpy as np

from gvc.evaluation.metrics import NotMeasured, pairs


class Flicker:
    """Flicker of a stream, a pair of frames at a time."""

    def __init__(self) -> None:
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def push(self, reference: np.ndarray, distorted: np.ndarray) -> float | None:
        """Flicker of this frame against the one before, in grey levels of 255; None for the first.

        The mean over pixels that can be followed and over R, G and B of max(0, |D_t - W D_{t-1}| - |R_t - W R_{t-1}|);
        0 where none can be, as at a cut. Pictures are uint8 [height, width, 3].

        Raises NotMeasured for pictures below 16 pixels a side, and for a size that changes.
        """
        from gvc.video import flow

        if min(reference.shape[:2]) < flow.LEAST_SIDE:
            raise NotMeasured(f"flicker needs pictures of at least {flow.LEAST_SIDE}x{flow.LEAST_SIDE} pixels")
        last, self._last = self._last, (reference.copy(), distorted.copy())
        if last is None:
            return None
        if last[0].shape != reference.shape:
            raise NotMeasured("flicker needs one size for all frames")
        back = flow.flow(reference, last[0])
        known = flow.followed(back, flow.flow(last[0], reference))
        if not known.any():
            return 0.0
        own, shown = (
            np.abs(frame - flow.warp(before, back)) for frame, before in zip((reference, distorted), last, strict=True)
        )
        return float(np.maximum(shown - own, 0)[known].mean(dtype=np.float64))


def flicker(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0) -> np.ndarray:
    """Flicker per frame in grey levels of 255, float64[N]; lower is better, 0 where nothing changes that should not.

    The first frame, which follows none, has the second one's value.

    >>> still = np.zeros((3, 16, 16, 3), np.uint8)
    >>> flashing = still + np.array([0, 10, 0], np.uint8)[:, None, None, None]
    >>> flicker(still, flashing).round(3).tolist()
    [10.0, 10.0, 10.0]

    Raises NotMeasured for a single frame, and as `Flicker` does.
    """
    meter = Flicker()
    values = [meter.push(*pair) for pair in pairs(reference, distorted)]
    if len(values) < 2:
        raise NotMeasured("flicker needs at least two frames")
    return np.array([values[1], *values[1:]], np.float64)
