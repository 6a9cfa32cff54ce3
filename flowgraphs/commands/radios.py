"""`gvc radios`: the radio files, as data."""

from typing import Annotated

import typer

from flowgraphs.commands.options import AllowCode, names

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
    arms: Annotated[str, typer.Option(help="Receivers that are to run over it.")] = "jscc,jscc+cddm",
    allow_code: AllowCode = False,
    json: JsonOption = None,
) -> None:
    """Make all that a link over this radio needs, and show every key with the value in force.

    Whatever `link`, `tx` or `rx` would refuse of it is an error here (exit code 2) that names the key, and for an
    unknown key or name the nearest valid one.
    """
    from flowgraphs.experiment.run import configure
    from flowgraphs.output import emit
    from gvc.config import radio_path

    wanted = names(arms)
    config = configure(radio, set_ or [], wanted, networks=True)
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
