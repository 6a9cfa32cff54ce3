"""Powers in dB."""

from collections.abc import Sequence

import numpy as np


def mean_db(values: Sequence[float] | np.ndarray) -> float | None:
    """Mean of powers given in dB, in dB; None of nothing."""
    return mean_of_some_db(values) if len(values) else None


def mean_of_some_db(values: Sequence[float] | np.ndarray) -> float:
    """The same of at least one."""
    return float(10 * np.log10(np.mean(10 ** (np.asarray(values, np.float64) / 10))))
