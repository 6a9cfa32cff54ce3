"""The whole receiver with its denoiser on one thread: milliseconds and multiplications of every stage, and realtime.

Frames of a clip pass encoder, bursts and channel first; timed are front end (samples to symbols and noise map),
denoiser at each number of steps, and decoder, one after the other on one core. `realtime_factor` is that of one core;
`python -m benchmarks.link` has the running flowgraph, which spreads the stages. `form` compares the network as written
(eager) with its frozen graph, which the receiver uses, and their largest difference.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks.common import emit, parser
from flowgraphs.experiment.run import configure
from gvc.config import LinkConfig
from gvc.errors import LinkError
from gvc.phy import BurstTransmitter, FrameAssembler, Numerology, PictureShape, SymbolFrame
from gvc.simulation.offline import channel_of, receiver_of
from gvc.video.clip import open_clip

STEPS = (1, 2, 4, 8)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--clip", default="bikes.mp4")
    options.add_argument("--size", default="256x256")
    options.add_argument("--radio", default="sim-tdl-c-900ns")
    options.add_argument("--preset", default="default")
    options.add_argument("--frames", type=int, default=40)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = options.parse_args()
    own = [f"video.size={arguments.size}", f"model.threads={arguments.threads}", *arguments.set]
    config = configure(arguments.radio, own)
    torch.set_num_threads(arguments.threads)
    from models.stages import FrameDecoder, FrameDenoiser, FrameEncoder

    source = open_clip(arguments.clip, size=config.video.size, frames=arguments.frames)
    pictures = list(source)
    height, width = pictures[0].shape[:2]
    encoder, decoder = FrameEncoder(arguments.preset), FrameDecoder(arguments.preset, "jscc+cddm")
    about = height, width, encoder.latents
    front, received = _receive(config, [encoder.encode(p) for p in pictures], about)
    rows: list[dict[str, Any]] = [{"stage": "front end", "ms": front}]
    symbols, noise_map = received
    for steps in STEPS:
        denoiser = FrameDenoiser(arguments.preset, steps=steps)
        ms = _median_ms(partial(denoiser.denoise, symbols, noise_map, *about), arguments.frames)
        rows.append({"stage": f"denoiser, {steps} steps", "ms": ms, "gmac": steps * _gmac(denoiser, *about)})
    cleaned = FrameDenoiser(arguments.preset).denoise(symbols, noise_map, *about)
    ms = _median_ms(lambda: decoder.decode(cleaned, noise_map, *about), arguments.frames)
    rows.append({"stage": "decoder", "ms": ms, "gmac": _gmac(decoder, *about)})
    for steps in STEPS:
        whole = front + rows[1 + STEPS.index(steps)]["ms"] + ms
        rows.append({"stage": f"receiver, {steps} steps", "ms": whole, "realtime_factor": 1e3 / whole / source.fps})
    for name, stage in (("denoiser", FrameDenoiser(arguments.preset)), ("decoder", decoder)):
        rows += _forms(name, stage, about, arguments.frames)
    emit(rows, arguments.json, dtype=str(decoder.dtype), frames=len(pictures), size=[width, height])


def _receive(
    config: LinkConfig, frames: list[np.ndarray], about: tuple[int, int, int]
) -> tuple[float, tuple[np.ndarray, np.ndarray]]:
    """Milliseconds a frame of the front end, and (symbols, noise map) of the first frame received."""
    u = Numerology.load(config.phy.numerology)
    transmitter, receiver, assembler = BurstTransmitter(u), receiver_of(config), FrameAssembler(u)
    channel = channel_of(config, config.channel.snr_db, 1)
    first, spent = None, []
    for index, symbols in enumerate(frames):
        bursts = transmitter.bursts(SymbolFrame(index, symbols, PictureShape(*about)))
        samples = channel.process(np.concatenate(bursts))
        started = time.perf_counter()
        found = [frame for burst in receiver.push(samples) for frame in assembler.push(burst)]
        spent.append(time.perf_counter() - started)
        if found and first is None:
            first = found[0].symbols, found[0].noise_map
    if first is None:
        raise LinkError("no frame was received")
    # the first calls compile kernels
    return 1e3 * statistics.median(spent[len(spent) // 4 :]), first


def _median_ms(work: Callable[[], object], repeats: int) -> float:
    for _ in range(3):
        work()
    spent = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return 1e3 * statistics.median(spent)


def _inputs(height: int, width: int, latents: int) -> tuple[torch.Tensor, ...]:
    from models.latents import MAX_LATENTS, grid

    torch.manual_seed(0)
    rows, columns = grid(height, width)
    noise = torch.rand(1, MAX_LATENTS // 2, rows, columns) * 0.2 + 0.001
    return torch.randn(1, MAX_LATENTS, rows, columns), noise, torch.tensor([float(latents)])


def _gmac(stage: Any, height: int, width: int, latents: int) -> float:
    from models.layers import multiply_accumulates

    return multiply_accumulates(stage.network, *_inputs(height, width, latents)) / 1e9


def _forms(name: str, stage: Any, about: tuple[int, int, int], repeats: int) -> list[dict]:
    from models.frozen import Frozen

    inputs, frozen = _inputs(*about), Frozen(stage.network)
    spent: dict[str, list[float]] = {"eager": [], "frozen": []}
    with torch.inference_mode():
        difference = (frozen(*inputs) - stage.network(*inputs)).abs().max().item()
        # in turns, so that other work on the machine meets both alike
        for _ in range(3 * repeats):
            for form, network in (("eager", stage.network), ("frozen", frozen)):
                started = time.perf_counter()
                network(*inputs)
                spent[form].append(time.perf_counter() - started)
    ms = {form: 1e3 * statistics.median(values[repeats // 2 :]) for form, values in spent.items()}
    rows = [{"stage": name, "form": form, "ms": value} for form, value in ms.items()]
    return [rows[0], {**rows[1], "differs_by": difference}]


if __name__ == "__main__":
    main()
