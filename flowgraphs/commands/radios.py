"""`gvc radios`: the radio files, as data."""

from typing import Annotated

import typer

radios = typer.Typer(no_args_is_help=True, help="List the radio files, or check one.")

JsonOption = Annotated[
    str | None, typer.Option("--json", metavar="PATH", help="Write one JSON object to PATH ('-': stdout).")
]


@radios.command("list")
def list_radios(json: JsonOption = None) -> None:
    """List the radios that `--radio NAME` knows."""
    from flowgraphs.output import emit
    from gvc.paths import radios_dir

    found = [_summary(path.stem) for path in sorted(radios_dir().glob("*.yaml"))]
    shown = [{key: radio[key] for key in ("name", "driver", "description")} for radio in found]
    emit({"radios": found}, json, {"radios": shown})


@radios.command("check")
def check_radio(
    radio: Annotated[str, typer.Argument(help="A name from `gvc radios list`, or a path to a YAML file.")],
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key.")] = None,
    json: JsonOption = None,
) -> None:
    """Read a radio file as `link` would, and show every key with the value in force.

    An unknown key or name is an error (exit code 2) that names the nearest valid one.
    """
    from flowgraphs.output import emit
    from gvc import registry
    from gvc.config import build, radio_path
    from gvc.phy.numerology import Numerology

    config = build(radio, set_ or [])
    # A name that does not exist is found here rather than when the flowgraph is built.
    for kind, name in (
        ("channel", config.channel.name),
        ("synchroniser", config.phy.synchroniser),
        ("channel_estimator", config.phy.channel_estimator),
        ("equaliser", config.phy.equaliser),
    ):
        registry.resolve(kind, name)
    Numerology.load(config.phy.numerology)
    emit({"radio": radio, "file": str(radio_path(radio)), "valid": True, **config.model_dump(mode="json")}, json)


def _summary(name: str) -> dict:
    from gvc.config import build

    config = build(name)
    return {
        "name": name,
        "driver": config.driver,
        "channel": config.channel.name,
        "sample_rate_hz": config.sample_rate_hz,
        "coherence_bands": config.coherence_bands,
        "description": config.description,
    }
