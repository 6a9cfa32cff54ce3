"""How pictures and symbols travel from one Python block to the next: CPU milliseconds to send and receive."""

import statistics
import threading
import time
from collections.abc import Callable

import numpy as np
import pmt

from benchmarks.common import emit, parser
from gvc_blocks.runtime.credit import Credit
from gvc_blocks.runtime.flow import Flow, Parcel


def by_to_pmt(values: np.ndarray) -> np.ndarray:
    """pmt's own conversion of numpy arrays."""
    return pmt.to_python(pmt.to_pmt(values))


def by_list(values: np.ndarray) -> np.ndarray:
    """A uniform vector made from a list."""
    if values.dtype == np.uint8:
        return np.array(pmt.u8vector_elements(pmt.init_u8vector(len(values), values.tolist())), np.uint8)
    return np.array(pmt.c32vector_elements(pmt.init_c32vector(len(values), values.tolist())), np.complex64)


def by_store(values: np.ndarray) -> np.ndarray:
    """A dictionary with a token into the flow's store."""
    stopping = threading.Event()
    credit = Credit(1, _FLOW.condition)
    credit.acquire(stopping)
    token = _FLOW.put(Parcel(values, 1, credit))
    message = pmt.make_dict()
    for key, number in (("token", token), ("frame_id", 1)):
        message = pmt.dict_add(message, pmt.intern(key), pmt.from_long(number))
    received = pmt.to_long(pmt.dict_ref(message, pmt.intern("token"), pmt.PMT_NIL))
    parcel = _FLOW.get(received)
    _FLOW.done(received, parcel)
    return parcel.content


_FLOW = Flow()
CONTENTS: dict[str, np.ndarray] = {
    "picture 256x256": np.zeros(3 * 256 * 256, np.uint8),
    "picture 640x272": np.zeros(3 * 640 * 272, np.uint8),
    "picture 1920x1080": np.zeros(3 * 1920 * 1080, np.uint8),
    "symbols of 256x256": np.ones(4096, np.complex64),
    "symbols of 1920x1080": np.ones(130_560, np.complex64),
}
WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "pmt.to_pmt": by_to_pmt,
    "pmt vector of a list": by_list,
    "token into the store": by_store,
}


def measure(repeats: int) -> list[dict]:
    """A row for each content and way."""
    rows = []
    for content, values in CONTENTS.items():
        for way, carry in WAYS.items():
            times = []
            for _ in range(repeats):
                began = time.thread_time()
                carried = carry(values)
                times.append(time.thread_time() - began)
                assert np.array_equal(carried, values)
            rows.append(
                {"content": content, "bytes": values.nbytes, "way": way, "cpu_ms": 1e3 * statistics.median(times)}
            )
    return rows


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--repeats", type=int, default=5, help="of which the median counts (default 5)")
    arguments = options.parse_args()
    emit(measure(arguments.repeats), arguments.json)


if __name__ == "__main__":
    main()
