"""Where a strategy from outside the repository meets ours: what it must have, and a look at what it answers.

Without it, NaN from an equaliser shows three stages later as the denoiser's fault. Only parts from outside are looked
at: ours are tested, and what comes over the air must not end a run.
"""

import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gvc.errors import GvcError, InputError, LinkError

Given = Mapping[str, Any]
"""What a strategy was made with."""

WANTED: dict[str, tuple[str, tuple[str, ...]]] = {
    "channel": ("gvc.channel.base.StreamChannel", ("process", "flush")),
    "synchroniser": ("gvc.phy.receiver.synchroniser.Synchroniser", ("reach", "span", "skip", "detect", "acquire")),
    "channel_estimator": ("gvc.phy.receiver.channel_estimator.ChannelEstimator", ("smoothing", "preamble_smoothing")),
    "equaliser": ("gvc.phy.receiver.equaliser.Equaliser", ("equalise",)),
    "encoder": ("models.stages.FrameEncoder", ("encode", "latents")),
    "denoiser": ("models.stages.SymbolDenoiser", ("denoise",)),
    "sampler": ("models.cddm.sampler.Sampler", ("__call__", "used")),
    "decoder": ("models.stages.FrameDecoder", ("decode",)),
    "codec": ("gvc.coding.codecs.video.codec.Codec", ("encode", "decode")),
    "scheme": ("gvc.coding.scheme.Scheme", ("encode", "decode", "segment_frames", "payload_types")),
    "adaptation": ("gvc.coding.schemes.digital.link_adaptation.Adaptation", ("choose",)),
    "refinement": ("gvc.coding.schemes.hybrid.scheme.Refinement", ("encode", "decode")),
    "judge": ("gvc.evaluation.judges.Judge", ("look",)),
    "engine": ("gvc.sweep.engine.Engine", ("workers", "run", "close")),
}
"""By kind: where the socket is described, and what must be there."""


def guard(kind: str, name: str, made: Any, given: Given) -> Any:
    """`made` itself, each of its methods that a rule below is for replaced by one that checks.

    What such a method raises becomes a LinkError that names it, as does an answer of a wrong shape or type, or one
    that is not finite where what it was given was.

    Raises InputError when something of its kind's socket is missing.
    """
    described, wanted = WANTED.get(kind, ("", ()))
    for part in wanted:
        if not hasattr(made, part):
            raise InputError(f"{kind} '{name}' has no '{part}'; {described} says what a {kind} needs")
    rules = {method: rule for method, rule in RULES.get(kind, {}).items() if hasattr(made, method)}
    who = f"{kind} '{name}'"
    attach(made, {method: functools.partial(_checked, who, method, rule, given) for method, rule in rules.items()})
    return made


def attach(made: Any, checks: Mapping[str, Callable[[Callable[..., Any]], Callable[..., Any]]]) -> None:
    """Put a check around methods of `made`, in place of those attached before; each makes of a method what is called.

    They stand on a class of its own, so that those of a copy are the copy's. An object that takes neither that nor
    attributes stays as it is.
    """
    kind = getattr(type(made), "_unchecked", type(made))
    own = {method for method in checks if method in getattr(made, "__dict__", {})}
    with contextlib.suppress(AttributeError, TypeError):
        for method in own:
            setattr(made, method, checks[method](getattr(made, method)))
        made.__class__ = _checking(kind, {method: check for method, check in checks.items() if method not in own})


def _checking(kind: type, checks: Mapping[str, Callable[[Callable[..., Any]], Callable[..., Any]]]) -> type:
    """`kind`, with checks around methods."""

    def around(method: str, check: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Callable[..., Any]:
        return lambda made, *given, **named: check(getattr(super(checking, made), method))(*given, **named)

    about = {
        "_unchecked": kind,
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
    }
    checking = type(kind.__name__, (kind,), {**about, **{name: around(name, check) for name, check in checks.items()}})
    return checking


def _checked(who: str, method: str, rule: "Rule", given: Given, call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def checked(*arguments: Any, **keywords: Any) -> Any:
        try:
            answer = call(*arguments, **keywords)
        except GvcError:
            raise
        except Exception as error:
            raise LinkError(f"{who} failed in `{method}`: {type(error).__name__}: {error}") from error
        # The testbed calls by position; a call from elsewhere by name goes unchecked.
        wrong = "" if keywords else rule(answer, arguments, given)
        if wrong:
            raise LinkError(f"{who}: `{method}` {wrong}")
        return answer

    return checked


Rule = Callable[[Any, tuple[Any, ...], Given], str]
"""(answer, arguments, what the strategy was made with) -> what is wrong with the answer, empty for nothing."""


def _array(what: str, value: Any, kind: str, shape: tuple[int | None, ...], finite: bool = True) -> str:
    """What is wrong with an array that should have dtype kind `kind` and `shape` (None: any length)."""
    word = {"c": "complex", "f": "float", "u": "uint8"}[kind]
    wanted = f"{word} [{', '.join('n' if length is None else str(length) for length in shape)}]"
    if not isinstance(value, np.ndarray):
        return f"gave {what} as a {type(value).__name__}, not as an array {wanted}"
    fits = len(value.shape) == len(shape) and all(w in (None, n) for n, w in zip(value.shape, shape, strict=True))
    if not fits or value.dtype.kind != kind or (kind == "u" and value.dtype != np.uint8):
        return f"gave {what} as {value.dtype} {list(value.shape)}, not as {wanted}"
    if finite and not np.isfinite(value).all():
        return f"gave {what} with {np.count_nonzero(~np.isfinite(value))} values that are not finite"
    return ""


def _finite(arguments: tuple[Any, ...]) -> bool:
    """Whether all arrays among the arguments are finite: only then is the answer to blame for what is not."""
    return all(np.isfinite(value).all() for value in arguments if isinstance(value, np.ndarray))


def _first(*found: str) -> str:
    return next(filter(None, found), "")


def _samples(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    return _array("samples", answer, "c", (given.get("rx_antennas", 1), None), finite=False)


def _column(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    return "" if isinstance(answer, int | np.integer) else f"gave a {type(answer).__name__}, not a column or -1"


def _acquisition(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    good = answer is None or all(hasattr(answer, part) for part in ("window", "step", "quality"))
    return "" if good else f"gave a {type(answer).__name__}, not an Acquisition or None"


def _smoothing(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    count = len(given["numerology"].carriers)
    parts = ("noise_gain", "bias", "self_weight")
    if not all(hasattr(answer, part) for part in ("matrix", *parts)):
        return f"gave a {type(answer).__name__}, not a Smoothing"
    empty = getattr(answer.matrix, "shape", None) == (0, 0)
    matrix = _array("matrix", answer.matrix, "c", (0, 0) if empty else (count, count))
    return _first(matrix, *(_array(part, getattr(answer, part), "f", (count,)) for part in parts))


def _equalised(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    if not isinstance(answer, tuple) or len(answer) != 2:
        return f"gave a {type(answer).__name__}, not symbols and their variance"
    (symbols, variance), shape, finite = answer, arguments[0].shape[1:], _finite(arguments)
    return _first(_array("symbols", symbols, "c", shape, finite), _array("variance", variance, "f", shape, finite))


def _coded(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    return _array("symbols", answer, "c", (None,))


def _denoised(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    return _array("symbols", answer, "c", arguments[0].shape, _finite(arguments))


def _sampled(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    wanted = list(arguments[0].shape)
    if not hasattr(answer, "isfinite") or list(answer.shape) != wanted:
        return f"gave {type(answer).__name__} {list(getattr(answer, 'shape', []))}, not a tensor {wanted}"
    return "" if answer.isfinite().all() or not arguments[0].isfinite().all() else "gave values that are not finite"


def _scheme(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    good = hasattr(answer, "payload_type") and hasattr(answer, "rate_index")
    return "" if good else f"gave a {type(answer).__name__}, not an Mcs"


def _stream(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    if not isinstance(answer, bytes):
        return f"gave a {type(answer).__name__}, not bytes"
    return "" if len(answer) <= arguments[1] else f"gave {len(answer)} bytes where {arguments[1]} were allowed"


def _pictures(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    _, n, height, width = arguments
    if not isinstance(answer, list) or len(answer) != n:
        return f"gave a {type(answer).__name__}, not a list of {n} pictures"
    return _first(*(_array("a picture", part, "u", (height, width, 3)) for part in answer if part is not None))


def _refined(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], int | np.integer):
        return f"gave a {type(answer).__name__}, not symbols and a number"
    return _array("symbols", answer[0], "c", (given["symbols"],))


def _residual(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    return _array("a residual", answer, "f", (given["n"], given["height"], given["width"], 3))


def _picture(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    return _array("a picture", answer, "u", (*arguments[2:4], 3))


def _slots(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    n = len(arguments[0])
    if not isinstance(answer, list) or len(answer) != n:
        return f"gave a {type(answer).__name__}, not a list of {n} slots"
    for slot in answer:
        if not all(hasattr(slot, part) for part in ("symbols", "payload_type", "mode")):
            return f"gave a {type(slot).__name__}, not a Slot"
        wrong = _array("symbols", slot.symbols, "c", (given["count"],))
        if wrong:
            return wrong
    return ""


def _shown(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    if not all(hasattr(answer, part) for part in ("pictures", "concealed", "report")):
        return f"gave a {type(answer).__name__}, not a Decoded"
    slots, height, width = arguments
    concealed = np.shape(answer.concealed) == (len(slots),)
    pictures = _array("pictures", answer.pictures, "u", (len(slots), height, width, 3))
    return pictures or ("" if concealed else f"gave `concealed` of another length than {len(slots)}")


# What a judge finds, by the parts that each kind has: the shape of each, None for the number of things found.
_FINDINGS: tuple[dict[str, tuple[int | None, ...]], ...] = (
    {"boxes": (None, 4), "scores": (None,)},
    {"points": (None, None, 2), "scores": (None, None)},
    {"corners": (None, 4, 2), "scores": (None,)},
)


def _finding(answer: Any, arguments: tuple[Any, ...], given: Given) -> str:
    for shapes in _FINDINGS:
        if all(hasattr(answer, part) for part in shapes):
            count = len(answer.scores) if isinstance(answer.scores, np.ndarray) else 0
            named = ("classes", "lines")
            lengths = {len(part) for name in named if (part := getattr(answer, name, None)) is not None}
            if lengths - {count}:
                return f"gave {count} scores for {max(lengths)} things"
            return _first(
                *(_array(part, getattr(answer, part), "f", (count, *rest[1:])) for part, rest in shapes.items())
            )
    return f"gave a {type(answer).__name__}, not Detections, Keypoints or Text"


RULES: dict[str, dict[str, Rule]] = {
    "channel": {"process": _samples, "flush": _samples},
    "synchroniser": {"detect": _column, "acquire": _acquisition},
    "channel_estimator": {"smoothing": _smoothing, "preamble_smoothing": _smoothing, "adapt": _smoothing},
    "equaliser": {"equalise": _equalised},
    "encoder": {"encode": _coded},
    "denoiser": {"denoise": _denoised},
    "sampler": {"__call__": _sampled},
    "decoder": {"decode": _picture},
    "codec": {"encode": _stream, "decode": _pictures},
    "scheme": {"encode": _slots, "decode": _shown},
    "adaptation": {"choose": _scheme},
    "judge": {"look": _finding},
    "refinement": {"encode": _refined, "decode": _residual},
}
