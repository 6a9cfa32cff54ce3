"""Options that several commands share."""

from typing import Annotated

import typer

from gvc.permission import allow_code

AllowCode = Annotated[
    bool, typer.Option("--allow-code", callback=allow_code, help="Run code that the file names (package.module:Class).")
]
"""Of every command that reads a radio or sweep file. Parsing it is all: see `gvc.permission`."""


def names(text: str) -> list[str]:
    """What an option's comma-separated list names."""
    return [name.strip() for name in text.split(",") if name.strip()]
