"""Typed errors. `exit_code` is what the command line returns: 1 while running, 2 for bad input."""


class GvcError(Exception):
    """Any failure that the testbed knows by name."""

    exit_code = 1


class LinkError(GvcError):
    """A running link or flowgraph failed."""


class ParseError(GvcError):
    """Received or stored bytes do not follow their format."""


class InputError(GvcError):
    """An argument, file or setting is unusable; the message says what to do."""

    exit_code = 2


class ConfigError(InputError):
    """A configuration key or value is wrong; the message names the key."""


class WeightsError(InputError):
    """A weights file is missing, altered, or belongs to another network."""


class BudgetError(InputError):
    """The bytes allowed are too few for even the coarsest coding; the message says how many it takes."""
