"""Speed of the stream channels, next to Sionna's own path, and the error of their resampler.

Million samples a second of one core: process CPU time of one thread, median of `--repeats` passes over `--samples`
samples in chunks. Every row has noise; `cfo_hz` and `sro_ppm` say what else acts. Sionna's rows are its `TDL`,
`cir_to_time_channel` and `ApplyTimeChannel`, as in its documentation, with a response for every sample, and with one
for all 10,000.
The error is that of tones at the edge of the band (26 of 64 carriers) and in it, against their closed form.
"""

import os
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch and BLAS load

import numpy as np

from benchmarks.common import cpu_seconds, emit, parser
from gvc import registry

RATE_HZ, CENTER_HZ, SNR_DB = 1e6, 2.4e9, 12.0
CHUNKS = (4096, 65536)
TDL_A: dict[str, Any] = {"delay_spread_s": 30e-9}
TDL_C: dict[str, Any] = {"delay_spread_s": 900e-9}
OFF: dict[str, Any] = {"cfo_hz": 0.0, "sro_ppm": 0.0}
CFO: dict[str, Any] = {"cfo_hz": 4800.0, "sro_ppm": 0.0}
BOTH: dict[str, Any] = {"cfo_hz": 4800.0, "sro_ppm": None}
HOSTILE: list[dict[str, Any]] = [
    {"kind": "pulses", "level_db": 10, "samples": 400, "every_s": 0.01},
    {"kind": "interferer", "level_db": -10, "bandwidth_hz": 50e3},
    {"kind": "phase-noise", "linewidth_hz": 100},
    {"kind": "quantisation", "bits": 8},
]
CASES: list[tuple[str, dict[str, Any]]] = [
    ("awgn", OFF),
    ("awgn", CFO),
    ("awgn", BOTH),
    ("rayleigh-block", CFO),
    ("rayleigh-block", BOTH),
    ("blockage", BOTH),
    ("impaired", BOTH | {"impairments": HOSTILE}),
    ("tdl-a", TDL_A | CFO),
    ("tdl-a", TDL_A | BOTH),
    ("tdl-c", TDL_C | OFF),
    ("tdl-c", TDL_C | CFO),
    ("tdl-c", TDL_C | BOTH),
    ("tdl-c", TDL_C | BOTH | {"rx_antennas": 2}),
    ("tdl-c", TDL_C | BOTH | {"speed_mps": 30.0}),
    ("tdl-d", TDL_C | BOTH),
]


def stream(name: str, parameters: dict, signal: np.ndarray, chunk: int, repeats: int) -> dict:
    """One row: `signal` through a channel in chunks."""
    channel = registry.create(
        "channel", name, sample_rate_hz=RATE_HZ, center_frequency_hz=CENTER_HZ, snr_db=SNR_DB, **parameters
    )

    def work() -> None:
        for start in range(0, len(signal), chunk):
            channel.process(signal[start : start + chunk])

    return {"channel": name, "chunk": chunk, "msps": len(signal) / cpu_seconds(work, repeats)["cpu_seconds"] / 1e6} | {
        "cfo_hz": channel.cfo_hz,
        "sro_ppm": round(channel.sro_ppm, 6),
        "rx_antennas": channel.rx_antennas,
        **{key: value for key, value in parameters.items() if key in ("delay_spread_s", "speed_mps")},
    }


def sionna(name: str, delay_spread_s: float, samples: int, repeats: int, every_sample: bool) -> dict:
    """One row: Sionna's time-domain channel and its noise, with a response for every sample or one for all of them."""
    import torch
    from sionna.phy.channel import ApplyTimeChannel, cir_to_time_channel, time_lag_discrete_time_channel
    from sionna.phy.channel.tr38901 import TDL

    torch.set_num_threads(1)
    tdl = TDL(name[-1].upper(), delay_spread_s, CENTER_HZ, min_speed=3.0, device="cpu")
    first, last = time_lag_discrete_time_channel(RATE_HZ, float(tdl.delays.max()))
    apply = ApplyTimeChannel(samples, last - first + 1, device="cpu")
    signal = torch.ones((1, 1, 1, samples), dtype=torch.complex64)
    instants = samples + last - first

    def work() -> None:
        gains, delays = tdl(1, instants if every_sample else 1, RATE_HZ)
        response = cir_to_time_channel(RATE_HZ, gains, delays, first, last)
        apply(signal, response.expand(*response.shape[:5], instants, -1), 10 ** (-SNR_DB / 10))

    seconds = cpu_seconds(work, min(repeats, 3))["cpu_seconds"]
    label = f"{name} (Sionna, a response {'a sample' if every_sample else f'in {samples} samples'})"
    return {"channel": label, "chunk": samples, "msps": samples / seconds / 1e6} | {
        "cfo_hz": 0.0, "sro_ppm": 0.0, "rx_antennas": 1, "delay_spread_s": delay_spread_s, "speed_mps": 3.0,
    }  # fmt: skip


def resampling_error(ppm: float) -> dict:
    """One row: mean squared error of tones at receiver instants, relative to their power."""
    count = 200_000
    error_db = {}
    for carrier in (2, 13, 26):
        cycles = carrier / 64
        tone = np.exp(2j * np.pi * cycles * np.arange(count)).astype(np.complex64)
        channel = registry.create(
            "channel", "awgn", sample_rate_hz=RATE_HZ, center_frequency_hz=CENTER_HZ, sro_ppm=ppm, delay_samples=0.5
        )
        out = channel.process(tone)[0, 100:]
        instants = np.arange(100, 100 + len(out)) * (1 + 1e-6 * ppm) - 0.5
        error = np.mean(np.abs(out - np.exp(2j * np.pi * cycles * instants)) ** 2)
        error_db[f"error_db_at_{cycles:.3f}_fs"] = round(10 * float(np.log10(error)), 1)
    return {"resampler": "Kaiser-windowed sinc, 24 taps", "sro_ppm": ppm} | error_db


def measure(samples: int, repeats: int) -> list[dict]:
    """All rows."""
    signal = (np.random.default_rng(0).standard_normal((samples, 2), dtype=np.float32) / np.sqrt(2)).astype(np.float32)
    signal = signal.view(np.complex64)[:, 0]
    rows = [stream(name, parameters, signal, chunk, repeats) for name, parameters in CASES for chunk in CHUNKS]
    return rows + [sionna("tdl-c", 900e-9, 10_000, repeats, every_sample) for every_sample in (True, False)]


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--samples", type=int, default=2_000_000, help="samples in one pass (default 2,000,000)")
    options.add_argument("--repeats", type=int, default=5, help="passes, of which the median counts (default 5)")
    arguments = options.parse_args()
    rows = measure(arguments.samples, arguments.repeats)
    emit(rows + [resampling_error(ppm) for ppm in (0.0, 2.0, 20.0, 100.0, 500.0)], arguments.json)


if __name__ == "__main__":
    main()
