"""Where an evaluator listens, and the token that its streams are signed with."""

import os
import secrets

from gvc.errors import InputError

TOKEN_BYTES = 16
TOKEN_VARIABLE = "GVC_EVALUATOR_TOKEN"


def split(endpoint: str, least_port: int = 1) -> tuple[str, str]:
    """(transport, address) of tcp://HOST:PORT or ipc://PATH.

    Raises InputError for anything else, and for a port outside `least_port` to 65535, which libzmq would take modulo
    65536.
    """
    transport, _, address = endpoint.partition("://")
    if transport not in ("tcp", "ipc") or not address:
        raise InputError(f"'{endpoint}' is no endpoint; give tcp://127.0.0.1:PORT or ipc://PATH")
    if transport == "tcp":
        port = address.rpartition(":")[2]
        if not (port.isascii() and port.isdecimal() and least_port <= int(port[:9]) <= 65535):
            free = " (0 takes a free one)" if not least_port else ""
            raise InputError(
                f"{endpoint} cannot be bound or reached: port '{port}' is none of {least_port}..65535{free}"
            )
    return transport, address


def new_token() -> bytes:
    """A token that nobody can guess."""
    return secrets.token_bytes(TOKEN_BYTES)


def token_from(text: str, where: str) -> bytes:
    """The token written in hexadecimal in `text`; raises InputError naming `where` it stood when it is none."""
    try:
        token = bytes.fromhex(text)
    except ValueError:
        token = b""
    if len(token) != TOKEN_BYTES:
        raise InputError(
            f"{where} holds no evaluator's token: give the {2 * TOKEN_BYTES} hexadecimal digits it printed"
        )
    return token


def token_of_environment() -> bytes | None:
    """The token in GVC_EVALUATOR_TOKEN, None where that is not set; raises InputError when it is none."""
    text = os.environ.get(TOKEN_VARIABLE)
    return None if text is None else token_from(text.strip(), TOKEN_VARIABLE)
