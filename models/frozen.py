"""A network as a frozen graph: its weights folded in as constants, bit for bit the same output, less overhead."""

import warnings

import torch
from torch import Tensor, nn

MOST_GRAPHS = 4
"""Kept at a time: a stream has one picture size, an attacker's headers may have many."""


class Frozen:
    """Calls `network` through a graph that is traced and frozen anew for each shape of its inputs.

    Frozen, denoiser and decoder take 4 to 13 % less time on a CPU (`benchmarks.receiver_speed`).
    What is traced must not branch on values. The weights are those at the first call of a shape: whoever changes them
    calls the network itself.
    """

    def __init__(self, network: nn.Module):
        self.network = network
        self._graphs: dict[tuple, torch.jit.ScriptModule] = {}

    def __call__(self, *inputs: Tensor) -> Tensor:
        shapes = tuple(x.shape for x in inputs)
        if shapes not in self._graphs:
            if len(self._graphs) == MOST_GRAPHS:
                self._graphs.clear()
            self._graphs[shapes] = self._trace(inputs)
        return self._graphs[shapes](*inputs)

    def _trace(self, inputs: tuple[Tensor, ...]) -> torch.jit.ScriptModule:
        with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
            # torch.export has no CPU form that is faster without a compiler at hand (measured), so the older one serves
            warnings.simplefilter("ignore")
            plain = tuple(x.clone() for x in inputs)
            return torch.jit.freeze(torch.jit.trace(self.network, plain, check_trace=False))
