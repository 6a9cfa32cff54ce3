"""One thread a torch operation (set before torch loads), and the same hypothesis examples on every run."""

import os
import signal

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("testbed", deadline=None, derandomize=True)
settings.load_profile("testbed")
# Started with `&` by a script, all this ignores SIGINT, and so would the programs that tests interrupt; what has a
# handler here, they begin with as usual.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
