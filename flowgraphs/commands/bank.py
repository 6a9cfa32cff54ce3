"""`gvc bank`: noise maps with their true errors, recorded from the real receiver, for training."""

from pathlib import Path
from typing import Annotated

import typer

from flowgraphs import output
from flowgraphs.commands.options import AllowCode
from gvc.errors import InputError
from gvc.storage import files


def bank(
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write, .safetensors.")],
    radio: Annotated[list[str] | None, typer.Option(help="Radio by name or path; may be given several times.")] = None,
    frames: Annotated[int, typer.Option(help="Frames for each radio.")] = 1000,
    size: Annotated[str, typer.Option(help="Picture size, WIDTHxHEIGHT.")] = "256x256",
    cbr: Annotated[str, typer.Option(help="Channel bandwidth ratio.")] = "1/48",
    snr_db: Annotated[str, typer.Option(help="Lowest and highest mean SNR in dB.")] = "-2,22",
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key.")] = None,
    seed: Annotated[int, typer.Option(help="Root seed.")] = 0,
    allow_code: AllowCode = False,
    json: Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - for stdout.")] = None,
) -> None:
    """Send random symbols over each radio's channel and keep what the receiver claims and what is true."""
    import numpy as np
    from safetensors.numpy import save

    from flowgraphs.experiment.run import configure
    from gvc.config import DEFAULT_RADIO
    from gvc.simulation.bank import record_radio
    from models.latents import latents_of

    radios = radio or [DEFAULT_RADIO]
    if frames < 1:
        raise InputError(f"--frames {frames}: give at least 1")
    try:
        low, high = (float(part) for part in snr_db.split(","))
    except ValueError as error:
        raise InputError(f"--snr-db {snr_db}: write the lowest and the highest, for example -2,22") from error
    if not -30 <= low <= high <= 60:
        raise InputError(f"--snr-db {snr_db}: give the lowest and the highest within -30 and 60 dB")
    overrides = [f"video.size={size}", f"model.cbr={cbr}", *(settings or [])]
    configurations = [(name, configure(name, overrides)) for name in radios]
    banks = []
    for name, config in configurations:
        if config.video.size is None:
            raise InputError("a bank needs a picture size: --size WIDTHxHEIGHT")
        width, height = config.video.size
        with output.steps() as told:
            banks.append(
                record_radio(
                    config,
                    frames=frames,
                    height=height,
                    width=width,
                    latents=latents_of(config.model.cbr),
                    snr_db=(low, high),
                    seed=seed,
                    progress=lambda done, name=name, told=told: told(name, done, frames),
                )
            )
    arrays = {key: np.concatenate([b.arrays[key] for b in banks]) for key in banks[0].arrays}
    blob = save(arrays, metadata={**banks[0].metadata, "radios": ",".join(radios)})
    try:
        with files.whole(out) as draft:
            draft.write_bytes(blob)
    except OSError as error:
        raise InputError(f"cannot write '{out}': {error.strerror}; choose another place") from error
    kept = ~arrays["erased"]
    squared = arrays["error_re"].astype(np.float32) ** 2 + arrays["error_im"].astype(np.float32) ** 2
    output.emit(
        {
            "bank": out,
            "bytes": len(blob),
            "radios": radios,
            "frames": len(arrays["noise_map"]),
            "frames_lost": sum(b.frames_lost for b in banks),
            "symbols_a_frame": arrays["noise_map"].shape[1],
            "erased_fraction": float(1 - kept.mean()),
            "error_over_claim": float(np.mean(squared[kept] / arrays["noise_map"].astype(np.float32)[kept])),
        },
        json,
    )
