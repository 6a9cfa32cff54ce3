"""Percentile bootstrap of a mean (B. Efron, "Bootstrap methods: another look at the jackknife", Ann. Statist. 7(1),
1979).
"""

import numpy as np

from gvc import seeds


def mean_ci95(values: np.ndarray, seed: int) -> tuple[float, float]:
    """The 95 % interval of the mean of `values`, float [N]: the 2.5 % and 97.5 % quantiles of the means of 2,000
    resamples, for large N close to mean +- 1.96 deviation / sqrt(N).

    >>> low, high = mean_ci95(np.tile([0.0, 1.0], 50), seed=0)  # mean and deviation 1/2, N = 100
    >>> round(low, 2), round(high, 2), round(1.96 * 0.5 / 10, 3)
    (0.4, 0.6, 0.098)
    """
    picks = seeds.stream(seed, "bootstrap").integers(0, len(values), (2000, len(values)))
    low, high = np.quantile(values[picks].mean(1), (0.025, 0.975))
    return float(low), float(high)
