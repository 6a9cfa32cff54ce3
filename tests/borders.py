"""In tests our own strategies are looked at as those from outside are: shapes and types at every Protocol border."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from gvc import border, registry

_guarded = registry.guarded


def guarded(kind: str, name: str, made: Any, given: Mapping[str, Any]) -> Any:
    """As `gvc.registry.guarded`; an answer of ours that is not as `gvc.border` says is an AssertionError."""
    if registry.is_outside(kind, name):
        return _guarded(kind, name, made, given)
    rules = {method: rule for method, rule in border.RULES.get(kind, {}).items() if hasattr(made, method)}
    who = f"{kind} '{name}'"
    border.attach(
        made, {method: functools.partial(_checked, who, method, rule, given) for method, rule in rules.items()}
    )
    return made


def _checked(who: str, method: str, rule: border.Rule, given: border.Given, call: Callable[..., Any]) -> Any:
    @functools.wraps(call)
    def checked(*arguments: Any, **keywords: Any) -> Any:
        answer = call(*arguments, **keywords)
        wrong = "" if keywords else rule(answer, arguments, given)
        assert not wrong, f"{who}: `{method}` {wrong}"
        return answer

    return checked
