"""Inner loops of the receiver, compiled by numba and kept in its cache beside the code."""
