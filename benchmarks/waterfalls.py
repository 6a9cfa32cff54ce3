"""Bit and block error rates over Es/N0 in AWGN: uncoded QAM against theory, the fast LDPC decoder against Sionna's.

Both decoders get the same received blocks. Sionna's is slow and runs only where block errors are frequent. `--out`
writes waterfalls.json, waterfalls.txt (the table as AFF3CT prints it) and waterfalls.png; `--from` draws them anew.
"""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import erfc

from benchmarks import common
from benchmarks.ldpc import CodeTrial, Decode, bits_of, sionna
from gvc.phy.fec import ldpc, qam
from gvc.phy.fec.mcs import named
from gvc.phy.fec.qam import ORDERS

SCHEMES = "qpsk-1_5,qpsk-1_2,16qam-1_2,64qam-1_2,64qam-5_6,256qam-3_4"
STEP_DB = 0.25
BATCH = 200
FEWEST = 1e-3
"""Block error rate at which a waterfall ends."""
SIONNA_FEWEST = 0.03


class Counter:
    """Errors and decoding time of one decoder at one Es/N0."""

    def __init__(self) -> None:
        self.blocks = self.bit_errors = self.block_errors = 0
        self.seconds = 0.0

    def add(self, decode: Decode, llr: np.ndarray, bits: np.ndarray) -> None:
        """Decode a batch and count."""
        began = time.perf_counter()
        wrong = decode(llr) != bits
        self.seconds += time.perf_counter() - began
        self.blocks += len(bits)
        self.bit_errors += int(wrong.sum())
        self.block_errors += int(wrong.any(1).sum())

    def row(self, mcs: str, decoder: str, k: int, es_n0_db: float, bits_a_symbol: float) -> dict[str, Any]:
        """What the table says of it."""
        return {
            "mcs": mcs,
            "decoder": decoder,
            "k": k,
            "es_n0_db": es_n0_db,
            "eb_n0_db": es_n0_db - 10 * np.log10(bits_a_symbol),
            "blocks": self.blocks,
            "bit_errors": self.bit_errors,
            "block_errors": self.block_errors,
            "ber": self.bit_errors / (self.blocks * k),
            "bler": self.block_errors / self.blocks,
            "mbit_per_s": self.blocks * k / self.seconds / 1e6,
            "seconds": self.seconds,
        }


def waterfall(name: str, k: int, errors: int, most: int, seed: int, with_sionna: bool) -> list[dict[str, Any]]:
    """Rows of a code, from where nine blocks of ten are lost down to `FEWEST`, or to what `most` blocks show."""
    mcs = named(name)
    code = ldpc.LdpcCode(k, round(k / mcs.rate / mcs.order) * mcs.order, mcs.order)
    decoders = {"fast": bits_of(code)} | ({"sionna": sionna(code)} if with_sionna else {})
    trial = CodeTrial(code, seed)
    # Nothing is decoded below Shannon's limit.
    es_n0_db = STEP_DB * np.floor(10 * np.log10(2 ** (mcs.order * k / code.n) - 1) / STEP_DB)
    rows: list[dict[str, Any]] = []
    while not rows or (rows[-1]["bler"] > FEWEST and rows[-1]["blocks"] < most):
        counters = {"fast": Counter()}
        first = Counter()
        bits, llr = trial.draw(es_n0_db, BATCH)
        first.add(decoders["fast"], llr, bits)
        if not rows and first.block_errors > 0.9 * BATCH:
            es_n0_db += STEP_DB
            continue
        if with_sionna and first.block_errors > SIONNA_FEWEST * BATCH:
            counters["sionna"] = Counter()
        while counters["fast"].block_errors < errors and counters["fast"].blocks < most:
            bits, llr = trial.draw(es_n0_db, BATCH)
            for decoder, counter in counters.items():
                counter.add(decoders[decoder], llr, bits)
        for decoder, counter in reversed(counters.items()):
            rows.append(counter.row(name, decoder, k, float(es_n0_db), mcs.order * k / code.n))
            print(rows[-1], flush=True)
        es_n0_db += STEP_DB
    return rows


def uncoded(modulation: str, k: int, errors: int, seed: int) -> list[dict[str, Any]]:
    """Hard decisions on QAM, in blocks of about k bits, and beside each measured row the theory."""
    order = ORDERS[modulation]
    k -= k % order
    random = np.random.default_rng([seed, order])
    rows = []
    for es_n0_db in np.arange(0.0, 40.0, 2.0).tolist():
        variance = 10 ** (-es_n0_db / 10)
        expected = gray_qam_ber(order, es_n0_db)
        if expected < 1e-5:
            break
        counter = Counter()
        while counter.bit_errors < errors:
            bits = random.integers(0, 2, (BATCH, k), dtype=np.uint8)
            sent = qam.modulate(bits.ravel(), order)
            noise = random.standard_normal(2 * len(sent), dtype=np.float32).view(np.complex64)
            received = sent + np.float32((variance / 2) ** 0.5) * noise
            llr = qam.demodulate(received, np.full(len(sent), variance, np.float32), order)
            counter.add(lambda values: (values < 0).astype(np.uint8), llr.reshape(bits.shape), bits)
        rows.append(counter.row(f"{modulation}-uncoded", "none", k, float(es_n0_db), order) | {"theory_ber": expected})
    return rows


def gray_qam_ber(order: int, es_n0_db: float) -> float:
    """Bit error rate of `order` bits a symbol under the nearest-point decision, exact: each part is PAM, whose levels'
    bit patterns (TS 38.211) are compared for every level sent and every interval received.
    """
    amplitudes = np.sort(qam.levels(order).astype(np.float64))
    patterns = np.argsort(qam.levels(order))
    edges = np.concatenate([[-np.inf], (amplitudes[1:] + amplitudes[:-1]) / 2, [np.inf]])
    deviation = np.sqrt(10 ** (-es_n0_db / 10) / 2)
    below = 1 - erfc((edges[None] - amplitudes[:, None]) / deviation / np.sqrt(2)) / 2
    distances = np.array([[bin(int(one ^ other)).count("1") for other in patterns] for one in patterns])
    return float((np.diff(below, axis=1) * distances).sum() / len(amplitudes) / (order / 2))


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as AFF3CT prints a simulation, one part a code and decoder."""
    rule = "# " + "-" * 21 + "||" + "-" * 54 + "||" + "-" * 21
    fields = "# " + "-" * 10 + "|" + "-" * 10 + "||" + "|".join(["-" * 10] * 5)[:-1] + "-||" + "-" * 10 + "|" + "-" * 10
    lines = []
    for mcs, decoder in dict.fromkeys((row["mcs"], row["decoder"]) for row in rows):
        own = [row for row in rows if (row["mcs"], row["decoder"]) == (mcs, decoder)]
        lines += [
            f"# Code: 5G LDPC, {mcs}, K = {own[0]['k']}; decoder: {decoder}; channel: AWGN"
            if decoder != "none"
            else f"# {mcs}, frames of {own[0]['k']} bits, hard decisions; channel: AWGN",
            rule,
            "# "
            + f"{'Signal Noise Ratio':^21}||"
            + f"{'Bit Error Rate (BER) and Frame Error Rate (FER)':^54}||"
            + f"{'Throughput and time':^21}",
            rule,
            "# "
            + f"{'Es/N0':^10}|{'Eb/N0':^10}||"
            + "|".join(f"{word:^10}" for word in ("FRA", "BE", "FE", "BER", "FER"))
            + f"||{'SIM_THR':^10}|{'ET/RT':^10}",
            f"# {'(dB)':^10}|{'(dB)':^10}||" + "|".join([" " * 10] * 5) + f"||{'(Mb/s)':^10}|{'(hhmmss)':^10}",
            fields,
        ]
        for row in own:
            spent = round(row["seconds"])
            lines.append(
                f"  {row['es_n0_db']:9.2f} |{row['eb_n0_db']:9.2f} ||{row['blocks']:9d} |{row['bit_errors']:9d} "
                f"|{row['block_errors']:9d} |{row['ber']:9.2e} |{row['bler']:9.2e} ||{row['mbit_per_s']:9.3f} "
                f"| {spent // 3600:02d}h{spent // 60 % 60:02d}'{spent % 60:02d}"
            )
        lines.append("# End of the simulation.\n")
    return "\n".join(lines)


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Left: uncoded bit error rates on their theory. Right: block error rates of the codes, both decoders."""
    from matplotlib.figure import Figure

    from gvc.report.style import DPI, LIGHT, MARKERS, WIDTH_INCHES, applied

    with applied(LIGHT):
        figure = Figure((WIDTH_INCHES, 4.2))
        left, right = figure.subplots(1, 2)
        for index, (modulation, order) in enumerate(ORDERS.items()):
            own = [row for row in rows if row["mcs"] == f"{modulation}-uncoded"]
            if not own:
                continue
            at = np.arange(0.0, own[-1]["es_n0_db"] + 0.1, 0.25)
            colour = LIGHT.arms[index]
            left.plot(at, [gray_qam_ber(order, value) for value in at], color=LIGHT.muted, ls="solid", lw=0.9)
            left.plot(*_xy(own, "ber"), ls="none", marker=MARKERS[index], ms=4, color=colour, label=modulation)
        left.set(title="Uncoded: measured (marks), theory (lines)", ylabel="bit error rate", ylim=(5e-6, 0.7))
        codes = list(dict.fromkeys(row["mcs"] for row in rows if row["decoder"] != "none"))
        for index, mcs in enumerate(codes):
            colour, marker = LIGHT.arms[index % 4], MARKERS[index % 4]
            fast = [row for row in rows if (row["mcs"], row["decoder"]) == (mcs, "fast") and row["block_errors"]]
            slow = [row for row in rows if (row["mcs"], row["decoder"]) == (mcs, "sionna")]
            right.plot(*_xy(fast, "bler"), color=colour, ls="solid", lw=1.2)
            right.plot(*_xy(slow, "bler"), ls="none", marker=marker, ms=5, mfc="none", color=colour)
            right.annotate(
                mcs.replace("_", "/"),
                (fast[0]["es_n0_db"], 3e-3),
                xytext=(-3, 0),
                textcoords="offset points",
                ha="right",
                va="bottom",
                rotation="vertical",
                fontsize=8,
                color=LIGHT.ink,
            )
        marks = ", Sionna (marks)" if any(row["decoder"] == "sionna" for row in rows) else ""
        right.set(title=f"5G LDPC: fast decoder (lines){marks}", ylabel="block error rate", ylim=(2e-4, 1.2))
        for axes in (left, right):
            axes.set(yscale="log", xlabel="Es/N0 (dB)")
        left.legend(loc="lower left")
        figure.savefig(path, dpi=DPI)


def _xy(rows: list[dict[str, Any]], key: str) -> tuple[list[float], list[float]]:
    return [row["es_n0_db"] for row in rows], [row[key] for row in rows]


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("--mcs", default=SCHEMES)
    options.add_argument("--k", type=int, default=1024)
    options.add_argument("--errors", type=int, default=100, help="block errors a point")
    options.add_argument("--most", type=int, default=100_000, help="blocks a point")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--no-sionna", action="store_true")
    options.add_argument("--out", type=Path, help="folder for waterfalls.json, .txt and .png")
    options.add_argument("--from", dest="source", type=Path, help="rows of an earlier waterfalls.json")
    given = options.parse_args()
    rows = []
    if given.source:
        rows = json.loads(given.source.read_text())["rows"]
    else:
        for modulation in ORDERS:
            rows += uncoded(modulation, given.k, 10 * given.errors, given.seed)
        for name in given.mcs.split(","):
            rows += waterfall(name, given.k, given.errors, given.most, given.seed, not given.no_sionna)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "waterfalls.txt").write_text(table(rows))
        draw(rows, given.out / "waterfalls.png")
    if not given.source:
        common.emit(rows, str(given.out / "waterfalls.json") if given.out else given.json)


if __name__ == "__main__":
    main()
