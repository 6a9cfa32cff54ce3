"""What online training did in a run: the symbol error of every frame, with it and without it."""

from typing import Any

import numpy as np


def outcome(graph: Any) -> dict[str, Any]:
    """What the trainer of a `flowgraphs.link.LinkGraph` did, and its recovery curve, for run.json.

    `curve`: of each received frame, by number, the squared error a symbol in dB of the linear estimate z / (1 + nu), of
    the denoiser as shipped, and of the denoiser as it was trained then. The shipped one runs again over the recorded
    symbols; the sent ones are known because the link simulates.
    """
    from gvc.coding.arms import bind

    shipped = bind(graph.arm, graph.config).any_scheme.receiver
    recorder = graph.recorder
    curve: dict[str, list[float]] = {"frame_id": [], "linear_db": [], "shipped_db": [], "trained_db": []}
    for index, shape in enumerate(recorder.frames):
        symbols, noise_map = recorder.symbols(index)
        true, trained = recorder.truth(index)
        if not np.isfinite(true).all():
            continue
        again = shipped.denoise(symbols, noise_map, shape.height, shape.width, shape.latents).symbols
        curve["frame_id"].append(shape.frame_id)
        for name, estimate in (("linear", symbols / (1 + noise_map)), ("shipped", again), ("trained", trained)):
            error = np.mean(np.abs(estimate - true) ** 2)
            curve[f"{name}_db"].append(float(10 * np.log10(max(error, 1e-12))))
    return {**graph.trainer.summary(), "curve": curve}
