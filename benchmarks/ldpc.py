"""The fast LDPC decoder against Sionna's, on the same received blocks: block error rates and speed.

For each code, AWGN at the Es/N0 where the fast decoder's block error rate is 1e-1 and 1e-2; the gap in dB is the ratio
of the two decoders' error rates over the slope of the waterfall. `--scales` compares normalisations instead.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import common
from flowgraphs.output import Told, steps
from gvc import seeds
from gvc.phy.fec import ldpc, qam
from gvc.phy.fec.mcs import named

SCHEMES = "qpsk-1_3,qpsk-1_2,qpsk-5_6,64qam-1_3,64qam-1_2,64qam-5_6"
Decode = Callable[[np.ndarray], np.ndarray]
HALVINGS = 8
"""Of an interval of 5.12 dB, to 0.02 dB."""


class CodeTrial:
    """Random blocks of a code over AWGN, max-log demapped."""

    def __init__(self, code: ldpc.LdpcCode, seed: int):
        self.code = code
        self.random = seeds.stream(seed, f"benchmark/ldpc/{code.k}/{code.n}/{code.order}")

    def draw(self, snr_db: float, blocks: int) -> tuple[np.ndarray, np.ndarray]:
        """Bits uint8 [blocks, k] and their received log-likelihood ratios float32 [blocks, n]."""
        code, variance = self.code, 10 ** (-snr_db / 10)
        bits = self.random.integers(0, 2, (blocks, code.k), dtype=np.uint8)
        sent = qam.modulate(code.encode(bits).ravel(), code.order)
        noise = self.random.standard_normal(2 * len(sent), dtype=np.float32).view(np.complex64)
        received = sent + np.float32((variance / 2) ** 0.5) * noise
        llr = qam.demodulate(received, np.full(len(sent), variance, np.float32), code.order)
        return bits, llr.reshape(blocks, code.n)

    def run(
        self, snr_db: float, decoders: dict[str, Decode], errors: int, most: int, batch: int = 200
    ) -> tuple[int, dict[str, int], dict[str, float]]:
        """Blocks sent until every decoder has `errors` block errors, errors and seconds of each."""
        count, wrong, seconds = 0, dict.fromkeys(decoders, 0), dict.fromkeys(decoders, 0.0)
        while min(wrong.values()) < errors and count < most:
            bits, llr = self.draw(snr_db, batch)
            for name, decode in decoders.items():
                started = time.perf_counter()
                decoded = decode(llr)
                seconds[name] += time.perf_counter() - started
                wrong[name] += int((decoded != bits).any(1).sum())
            count += batch
        return count, wrong, seconds


def locate(trial: CodeTrial, decode: Decode, target: float, told: Callable[[int], None]) -> tuple[float, float]:
    """Es/N0 [dB] where the block error rate is `target`, and the slope there in decades a dB; `told` gets the number of
    each of the HALVINGS before it is made.
    """
    # Shannon needs `low`; codes of these lengths come within some dB of it.
    low = 10 * np.log10(2 ** (trial.code.order * trial.code.k / trial.code.n) - 1)
    high = low + 0.02 * 2**HALVINGS
    for number in range(HALVINGS):
        told(number)
        middle = (low + high) / 2
        count, wrong, _ = trial.run(middle, {"it": decode}, 20, int(100 / target))
        low, high = (middle, high) if wrong["it"] / count > target else (low, middle)
    counts = [trial.run(high + d, {"it": decode}, 100, int(200 / target)) for d in (-0.1, 0.1)]
    rates = [max(1, wrong["it"]) / count for count, wrong, _ in counts]
    return high, float(np.log10(rates[0] / rates[1]) / 0.2)


def sionna(code: ldpc.LdpcCode) -> Decode:
    """Sionna's decoder with its default boxplus and 20 iterations."""
    import torch
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder

    encoder = LDPC5GEncoder(code.k, code.n, num_bits_per_symbol=code.order)
    decoder = LDPC5GDecoder(encoder, num_iter=20, return_infobits=True, hard_out=True)

    def decode(llr: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            # Sionna's ratio is log P(1) / P(0)
            parts = [decoder(torch.from_numpy(-part)) for part in np.array_split(llr, max(1, len(llr) // 50))]
        return torch.cat(parts).numpy().astype(np.uint8)

    return decode


def bits_of(code: ldpc.LdpcCode) -> Decode:
    """A code's own decoder, bits alone."""
    return lambda llr: code.decode(llr)[0]


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("--mcs", default=SCHEMES)
    options.add_argument("--k", type=int, default=1024)
    options.add_argument("--errors", type=int, default=100)
    options.add_argument("--targets", default="0.1,0.01")
    options.add_argument("--scales", default="", help="compare these normalisations, no Sionna")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    with steps() as told:
        rows = measure(given, told)
    common.emit(rows, given.json)


def _halving(told: Told, what: str) -> Callable[[int], None]:
    return lambda at: told(what, at, HALVINGS)


def measure(given: argparse.Namespace, told: Told) -> list[dict[str, Any]]:
    """The rows; progress goes to `told`."""
    rows: list[dict[str, Any]] = []
    for name in given.mcs.split(","):
        mcs = named(name)
        n = round(given.k / mcs.rate / mcs.order) * mcs.order
        if given.scales:
            for scale in map(float, given.scales.split(",")):
                code = ldpc.LdpcCode(given.k, n, mcs.order, scale)
                what = f"{name}, scale {scale:g}: searching BLER 0.01"
                snr, _ = locate(CodeTrial(code, given.seed), bits_of(code), 0.01, _halving(told, what))
                rows.append({"mcs": name, "k": given.k, "scale": scale, "snr_at_1e-2_db": snr})
                print(rows[-1], flush=True)
            continue
        code = ldpc.LdpcCode(given.k, n, mcs.order)
        fast, slow = bits_of(code), sionna(code)
        fast(CodeTrial(code, 0).draw(30, 1)[1])
        for target in map(float, given.targets.split(",")):
            what = f"{name}: searching BLER {target:g}"
            snr, slope = locate(CodeTrial(code, given.seed), fast, target, _halving(told, what))
            told(f"{name}: both decoders at BLER {target:g}", 0, 0)
            both = {"fast": fast, "sionna": slow}
            count, wrong, seconds = CodeTrial(code, given.seed + 1).run(snr, both, given.errors, int(1e6))
            gap = float(np.log10(wrong["fast"] / wrong["sionna"]) / slope)
            speed = {f"{who}_mbit_per_s": count * code.k / s / 1e6 for who, s in seconds.items()}
            errors = {f"{who}_bler": w / count for who, w in wrong.items()}
            rows.append({"mcs": name, "k": code.k, "snr_db": snr, "blocks": count, **errors, "gap_db": gap, **speed})
            print(rows[-1], flush=True)
        _, _, seconds = CodeTrial(code, given.seed).run(snr + 5, {"fast": fast}, 1, 400)
        rows.append(
            {"mcs": name, "k": code.k, "snr_db": snr + 5, "fast_mbit_per_s": 400 * code.k / seconds["fast"] / 1e6}
        )
        print(rows[-1], flush=True)
    return rows


if __name__ == "__main__":
    main()
