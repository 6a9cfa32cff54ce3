"""Metrics by name: each compares distorted frames with their reference, frame by frame.

A metric is a callable `(reference, distorted, fps=25.0) -> float64[N]` on two equally long sequences of uint8
[height, width, 3] RGB pictures (an array [N, height, width, 3] is one), which it reads one after the other, so that
long and large clips need little memory. One that cannot run raises NotMeasured with the reason.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from gvc import registry
from gvc.errors import GvcError, InputError

DEFAULT_METRICS = ("psnr_db", "ssim", "ms_ssim", "lpips", "vmaf")
"""What is measured unless asked otherwise. DISTS, on request, takes more time than all of these together."""


class NotMeasured(GvcError):
    """A metric cannot be computed here; the message is the reason that is reported."""


def measure(
    name: str, reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray], fps: float = 25.0
) -> tuple[np.ndarray | None, str | None]:
    """(float64[N], None), or (None, reason) when metric `name` cannot run on these pictures or this machine.

    Raises InputError for an unknown metric and for pictures that do not match.
    """
    metric = registry.resolve("metric", name)
    if len(reference) != len(distorted):
        raise InputError(f"{len(reference)} reference and {len(distorted)} distorted frames; give pairs")
    if not len(reference):
        return None, "no frames"
    try:
        values = np.asarray(metric(reference, distorted, fps=fps), np.float64)
    except NotMeasured as reason:
        return None, str(reason)
    if values.shape != (len(reference),) or not np.isfinite(values).all():
        return None, f"{name} gave no finite value for every frame"
    return values, None


def pairs(reference: Sequence[np.ndarray], distorted: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Iterate over (reference, distorted) pictures, one pair in memory at a time.

    Raises InputError when the two pictures differ in shape or are not uint8 [height, width, 3].
    """
    for index in range(len(reference)):
        first, second = reference[index], distorted[index]
        if (
            first.shape != second.shape
            or first.ndim != 3
            or first.shape[2] != 3
            or not first.dtype == second.dtype == np.uint8
        ):
            raise InputError(f"frame {index}: {first.shape} {first.dtype} against {second.shape} {second.dtype}")
        yield first, second
