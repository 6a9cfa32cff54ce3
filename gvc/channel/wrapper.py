"""What channels around another channel share."""

from typing import Any

import numpy as np

from gvc import registry
from gvc.channel.base import COMMON_PARAMETERS, Channel
from gvc.errors import ConfigError


class Wrapper(Channel):
    """A channel `_path` with something around it. Noise and carrier offset are of the receiver, and come once.

    Args:
        path: registry name of the channel inside, which lies in a lower `layer`.
        parameters: those of `gvc.channel.base.Channel`, and the path's own.

    Raises ConfigError, too, for a path that cannot stand inside.
    """

    def __init__(self, *, path: str, **parameters: Any):
        common = {key: parameters[key] for key in COMMON_PARAMETERS if key in parameters}
        rates = {key: parameters.pop(key) for key in ("sample_rate_hz", "center_frequency_hz")}
        super().__init__(**rates, **common)
        inside = registry.create("channel", path, **rates, **{**parameters, "snr_db": None})
        if not isinstance(inside, Channel) or inside.layer >= self.layer:
            raise ConfigError(
                f"channel parameter path = {path!r}: give a channel that derives from Channel and may stand inside"
                f" '{self.name}'"
            )
        self._path = inside

    def propagate(self, samples: np.ndarray) -> np.ndarray:
        """See `Channel.propagate`."""
        return self._path.propagate(samples)

    def tail(self) -> np.ndarray:
        """See `Channel.tail`."""
        return self._path.tail()
