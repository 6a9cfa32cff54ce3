"""In tests our own strategies are looked at as those from outside are: shapes and types at every Protocol border."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from gvc import border, registry

_create = registry.create


def create(kind: str, name: str, options: Mapping[str, Any] | None = None, /, **given: Any) -> Any:
    """As `gvc.registry.create`; an answer that is not as `gvc.border` says is an AssertionError."""
    made = _create(kind, name, options, **given)
    for method, rule in border.RULES.get(kind, {}).items():
        if hasattr(made, method):
            border._replace(made, method, _checked(f"{kind} '{name}'", method, getattr(made, method), rule, given))
    return made


def _checked(who: str, method: str, call: Callable[..., Any], rule: border.Rule, given: border.Given) -> Any:
    @functools.wraps(call)
    def checked(*arguments: Any, **keywords: Any) -> Any:
        answer = call(*arguments, **keywords)
        wrong = "" if keywords else rule(answer, arguments, given)
        assert not wrong, f"{who}: `{method}` {wrong}"
        return answer

    return checked
