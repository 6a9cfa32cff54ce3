"""The training loop that every network uses: time-boxed, resumable, with EMA weights and a collapse check."""

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gvc.errors import GvcError, InputError

PATIENCE = 500


class CollapseError(GvcError):
    """Training has diverged, or settled on a constant output."""


class StepLog:
    """What a run prints on stderr and keeps for the model card; `keep` goes on where an earlier run ended.

    Raises InputError when the log to go on with is damaged.
    """

    def __init__(self, path: Path, keep: bool = False):
        self.path = path
        self.rows: list[dict[str, Any]] = _rows(path) if keep and path.exists() else []

    def add(self, **row: object) -> None:
        """Append one row, show it and write the file whole."""
        self.rows.append(row)
        shown = (f"{k} {v:.5g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
        print("  ".join(shown), file=sys.stderr)
        self.path.write_text("".join(json.dumps(r) + "\n" for r in self.rows))

    def steps(self) -> dict[str, int]:
        """Steps that each stage has made, over all runs of this log."""
        made: dict[str, int] = {}
        last: dict[str, int] = {}
        for row in self.rows:
            if row["stage"] == "start":
                last = {}
            if "step" in row:
                stage, step = row["stage"], row["step"]
                made[stage] = made.get(stage, 0) + step - last.get(stage, 0)
                last[stage] = step
        return made


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"step log '{path}' cannot be gone on with: {error}; remove it or leave out --resume"
        ) from error
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or "stage" not in row or not isinstance(row.get("step", 0), int):
            raise InputError(f"step log '{path}' is damaged in line {number}; remove it or leave out --resume")
    return rows


def fit(
    name: str,
    loss_of: Callable[[], Tensor],
    networks: list[nn.Module],
    log: StepLog,
    seconds: float | None = None,
    steps: int | None = None,
    rate: float = 3e-4,
    constant_loss: float = math.inf,
    feed: Callable[[int], None] | None = None,
) -> int:
    """Minimise `loss_of()` (one random batch a call) over `networks` and leave their EMA weights in them.

    Runs for `seconds` or `steps`, whichever ends first; AdamW with warm-up, cosine decay and a gradient clip of 0.5.
    On CUDA the whole step is captured as a graph, so `loss_of` must draw on the device and never wait for it; `feed` is
    called with the step's number before each, outside the graph, and may renew what `loss_of` draws from.
    Returns the steps made. Raises CollapseError when the loss is not finite, or when after a tenth of the run and
    PATIENCE steps it is not clearly below `constant_loss`, the loss of a constant output.
    """
    parameters = [p for network in networks for p in network.parameters()]
    device = parameters[0].device
    graphed = device.type == "cuda"
    rate_now = torch.tensor(rate * 1e-3, device=device) if graphed else rate
    optimiser = torch.optim.AdamW(parameters, lr=rate_now, weight_decay=1e-5, capturable=graphed, foreach=True)
    average = [p.detach().clone() for p in parameters]
    decay = torch.zeros((), device=device)
    total = torch.zeros((), device=device)

    def step() -> None:
        loss = loss_of()
        optimiser.zero_grad(set_to_none=not graphed)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 0.5, foreach=True)
        optimiser.step()
        total.add_(loss.detach())
        # lerp with a device scalar: the EMA stays inside the captured graph
        torch._foreach_mul_(average, decay)
        torch._foreach_add_(average, torch._foreach_mul([p.detach() for p in parameters], 1 - decay))

    run = _captured(step, optimiser) if graphed else step
    total.zero_()
    started = shown = time.monotonic()
    done = counted = 0
    warm_up = max(1, min(1000 if graphed else 300, (steps or 3000) // 10))
    while True:
        elapsed = time.monotonic() - started
        progress = max(done / steps if steps else 0.0, elapsed / seconds if seconds else 0.0)
        if progress >= 1:
            break
        now = rate * min(1, (done + 1) / warm_up) * (0.5 * (1 + math.cos(math.pi * min(progress, 1))) * 0.99 + 0.01)
        if graphed:
            optimiser.param_groups[0]["lr"].fill_(now)
        else:
            optimiser.param_groups[0]["lr"] = now
        decay.fill_(min(0.999, 1 - 10 / (done + 11)))
        if feed is not None:
            feed(done)
        run()
        done += 1
        counted += 1
        if time.monotonic() - shown > 15 or done == steps:
            loss = total.item() / counted
            log.add(stage=name, step=done, seconds=round(time.monotonic() - started, 1), loss=loss, rate=now)
            total.zero_()
            counted, shown = 0, time.monotonic()
            if not math.isfinite(loss) or (progress > 0.1 and done >= PATIENCE and loss > 0.8 * constant_loss):
                raise CollapseError(
                    f"{name}: training has collapsed after {done} steps (loss {loss:.4g}; a constant output gives "
                    f"{constant_loss:.4g}): start again with a lower --rate"
                )
    if counted:
        log.add(stage=name, step=done, seconds=round(time.monotonic() - started, 1), loss=total.item() / counted)
    for parameter, mean in zip(parameters, average, strict=True):
        parameter.data.copy_(mean)
    return done


def _captured(step: Callable[[], None], optimiser: torch.optim.Optimizer) -> Callable[[], None]:
    """The step as a CUDA graph: launch overhead would otherwise dominate these small networks."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(4):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    optimiser.zero_grad(set_to_none=False)
    with torch.cuda.graph(graph):
        step()
    return graph.replay
