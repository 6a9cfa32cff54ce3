"""Percentile bootstrap (Efron, 1979) of a mean."""

import numpy as np

from gvc import seeds


def mean_ci95(values: np.ndarray, seed: int) -> tuple[float, float]:
    """The 95 % interval of the mean of `values`, float [N], from 2,000 resamples."""
    picks = seeds.stream(seed, "bootstrap").integers(0, len(values), (2000, len(values)))
    low, high = np.quantile(values[picks].mean(1), (0.025, 0.975))
    return float(low), float(high)
