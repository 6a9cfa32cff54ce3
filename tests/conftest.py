"""One thread a torch operation (set before torch loads), and the same hypothesis examples on every run."""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("testbed", deadline=None, derandomize=True)
settings.load_profile("testbed")
