"""The receiver's front end: in plain Python, in its GNU Radio block, and beside GNU Radio's own `digital.ofdm_rx`.

All get the same number of bursts at 20 dB SNR with equal gaps: ours carry 3840 symbols (80 OFDM symbols), GNU Radio's
480 bytes in BPSK (81 OFDM symbols). Rates are input samples over process CPU time (all threads, so cores) and over wall
time; `bursts` says how many of those sent came out. Each row runs in a process of its own with a deadline, and is the
fastest (by CPU time) of `--rounds` that take turns, since other work on the machine only ever slows one down.
"""

import json
import subprocess
import tempfile
from typing import Any

from benchmarks.common import emit, parser
from gvc import child as processes

DEADLINE_S = 240
CHUNKS = (4096, 65536)
BUFFERS = (0, 65536, 524288)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--bursts", type=int, default=100, help="different bursts, sent over and over")
    options.add_argument("--repeats", type=int, default=20)
    options.add_argument("--rounds", type=int, default=3)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = {"folder": folder, "bursts": arguments.bursts, "repeats": arguments.repeats}
        ours, theirs = child("make_ours", base), child("make_gnuradio", base)
        tasks = [("plain", {**ours, "chunk": chunk}) for chunk in CHUNKS]
        tasks += [("block", {**ours, "buffer": buffer}) for buffer in BUFFERS]
        tasks.append(("ofdm_rx", theirs))
        rounds = [[child(task, {**base, **more}) for task, more in tasks] for _ in range(arguments.rounds)]
    rows = [max(same, key=lambda row: row["msps_cpu"]) for same in zip(*rounds, strict=True)]
    fastest = max(row["msps_cpu"] for row in rows if row["stage"] == "gvc burst receiver block")
    emit(rows, arguments.json, block_over_ofdm_rx_cpu=fastest / rows[-1]["msps_cpu"])


def child(task: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run a task of `benchmarks.front_end_tasks` in a fresh process with one thread a library; what it returns."""
    environment = processes.environment(OMP_NUM_THREADS="1")
    command = processes.command("benchmarks.front_end_tasks", task, json.dumps(arguments))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DEADLINE_S)
    if done.returncode:
        raise SystemExit(f"{task} failed ({done.returncode}):\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
