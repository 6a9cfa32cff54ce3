import numpy as np
import pytest

from gvc.config import build
from gvc.errors import InputError, LinkError
from gvc.noise_map import NU_MAX
from gvc.simulation.bank import record_radio


def test_bank_of_a_radio() -> None:
    steps: list[int] = []
    bank = record_radio(
        build("sim-awgn"), frames=6, height=64, width=80, latents=32, snr_db=(5, 15), progress=steps.append
    )
    n = 16 * 4 * 5
    shapes = {name: (values.shape, values.dtype) for name, values in bank.arrays.items()}
    assert shapes == {
        "noise_map": ((6, n), np.float16),
        "error_re": ((6, n), np.float16),
        "error_im": ((6, n), np.float16),
        "erased": ((6, n), bool),
        "snr_db": ((6,), np.float32),
    }
    error = bank.arrays["error_re"].astype(float) ** 2 + bank.arrays["error_im"].astype(float) ** 2
    assert np.mean(error / bank.arrays["noise_map"]) == pytest.approx(1, abs=0.15)
    assert steps[-1] == 6 and bank.frames_lost == 0
    assert bank.metadata["latents"] == "32"


def test_erased_symbols_carry_no_error() -> None:
    bank = record_radio(build("sim-tdl-c-900ns"), frames=12, height=64, width=64, snr_db=(0, 6), seed=5)
    erased = bank.arrays["erased"]
    assert erased.any()
    assert np.all(bank.arrays["error_re"][erased] == 0)
    assert np.all(bank.arrays["noise_map"][erased] >= np.float16(NU_MAX))


def test_same_seed_same_bank() -> None:
    one, other = (record_radio(build("sim-awgn"), frames=2, height=32, width=32, seed=1) for _ in range(2))
    assert all(np.array_equal(one.arrays[name], other.arrays[name]) for name in one.arrays)


def test_bad_requests() -> None:
    with pytest.raises(InputError, match="rising"):
        record_radio(build("sim-awgn"), frames=2, snr_db=(5, 0))
    with pytest.raises(LinkError, match="none of 2"):
        record_radio(build("sim-awgn"), frames=2, height=16, width=16, snr_db=(-20, -20))
    with pytest.raises(InputError, match="numerology"):
        record_radio(build("sim-awgn", ["phy.numerology=ofdm256"]), frames=1)
