"""One experiment over a link: run it, decode the other arms, evaluate, keep everything in a run folder."""

import datetime
import functools
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gvc import __version__
from gvc.coding.arms import bind
from gvc.coding.scheme import ReceivedSlot
from gvc.config import DEFAULT_RADIO, LinkConfig, build
from gvc.errors import GvcError, InputError, LinkError
from gvc.evaluation.metrics import DEFAULT_METRICS
from gvc.evaluation.service.session import KEEP, MAX_KEEP
from gvc.machine import commit, machine
from gvc.registry import names, nearest
from gvc.storage.run_folder import RunFolder

PACES = ("none", "source", "both")
PACED_FRAMES = 100
KNOWN_METRICS = ("psnr_db", "ssim", "ms_ssim", "lpips", "dists", "vmaf")
"""Keys that every arm of a result has: null with a reason where one was not asked for or could not be measured."""
DEFAULT_ARMS = ("jscc", "jscc+cddm")
TIMED_ARM = "jscc+cddm"

Told = Callable[[str, int, int], None]
"""Progress: (what, done, of how many; 0 when unknown)."""


@dataclass(frozen=True)
class Plan:
    """What to run. `frames` 0 means the whole clip; `out` None means runs/TIME.

    The pictures, symbols and bursts of the first `keep` frames stay in the run folder, and metrics other than PSNR and
    SSIM are over those. With several arms the symbols and originals of all frames lie on the disk until the last arm is
    decoded; memory is bounded in any case.
    """

    clip: str
    radio: str = DEFAULT_RADIO
    overrides: Sequence[str] = ()
    arms: Sequence[str] = DEFAULT_ARMS
    metrics: Sequence[str] = DEFAULT_METRICS
    pace: str = "both"
    frames: int = 0
    seed: int = 1
    out: str | Path | None = None
    keep: int = KEEP
    told: Told = field(default=lambda what, done, total: None)

    def __post_init__(self) -> None:
        if self.pace not in PACES:
            raise InputError(f"pace '{self.pace}'{nearest(self.pace, list(PACES))} (known: {', '.join(PACES)})")
        if self.frames < 0:
            raise InputError(f"--frames {self.frames}: give a number from 1, or leave it out for the whole clip")
        if not 1 <= self.keep <= MAX_KEEP:
            raise InputError(f"--keep {self.keep}: give a number of frames from 1 to {MAX_KEEP}")
        for metric in self.metrics:
            if metric not in names("metric"):
                known = names("metric")
                raise InputError(f"unknown metric '{metric}'{nearest(metric, known)} (known: {', '.join(known)})")
        if not self.arms or len(set(self.arms)) < len(self.arms):
            raise InputError("name each arm once, and at least one, for example --arms jscc,jscc+cddm")


def configure(
    radio: str, overrides: Sequence[str], arms: Sequence[str] = (), simulated: bool = True, networks: bool = False
) -> LinkConfig:
    """The configuration, checked as a whole (`models.link_check`); threads are set here, before torch is loaded.

    Raises InputError and its kin.
    """
    config = build(radio, overrides)
    # A limit set after torch has loaded does not reach GNU Radio's threads.
    os.environ["OMP_NUM_THREADS"] = str(config.model.threads)
    from models.link_check import check_link

    return check_link(config, arms, simulated, networks=networks)


def run_link(plan: Plan) -> dict[str, Any]:
    """Run `plan`; the result, which also lies in the run folder as run.json. `out` says where.

    The unpaced graph decodes one arm; the others are decoded afterwards from the recorded symbols and noise maps. The
    paced graph, over at most 100 frames, is timed alone: nothing is sent to the evaluator meanwhile.

    Raises LinkError when the run is not complete: what came of it is kept, and the error says where.
    """
    config = configure(plan.radio, plan.overrides, plan.arms)
    if config.driver != "simulation":
        raise InputError(f"radio '{plan.radio}' has driver '{config.driver}': link simulates; use tx and rx")
    from flowgraphs.experiment import adaptation
    from flowgraphs.link import LinkGraph
    from flowgraphs.runner import run
    from gvc.evaluation.service.process import EvaluatorProcess

    senders = {name: bind(name, config).sender for name in plan.arms}
    timed = timed_arm(senders)
    created = datetime.datetime.now(datetime.UTC).astimezone()
    out = plan.out or Path("runs") / created.strftime("%Y%m%d-%H%M%S")

    def graph(config: LinkConfig, arm: str = timed, **options: Any) -> LinkGraph:
        built = LinkGraph(config, plan.clip, plan.seed, arm=arm, **options)
        plan.told("preparing", 0, 0)
        built.rehearse()
        return built

    again = [name for name in plan.arms if name != timed and senders[name] == senders[timed]]
    with RunFolder(out) as folder:
        # The clip and the weights are looked at before anything is started.
        first = graph(
            config,
            frames=plan.frames,
            paced=plan.pace == "source",
            recording=folder,
            keep=plan.keep,
            keep_symbols=bool(again) or config.model.adapt.enabled,
        )
        fps = first.source.clip.fps
        # It ends with this process: a silence while other arms are decoded is no reason to.
        evaluator = EvaluatorProcess(
            folder.path, plan.metrics, fps=fps, idle_timeout_s=math.inf, keep=plan.keep, arms=len(plan.arms)
        )
        with evaluator:
            ran = _Ran(plan, config, first, created)
            try:
                first.sink.attach(evaluator.endpoint, evaluator.token, evaluator.check, _say)

                def watch(what: str, built: LinkGraph, total: int) -> None:
                    evaluator.check()
                    plan.told(what, built.sink.frames_displayed, total)

                ran.seconds = run(first, first.flow, watch=lambda: watch(timed, first, plan.frames))
                if plan.pace == "source":
                    ran.latencies_s = list(first.sink.latencies_s)
                if len(plan.arms) > 1 and first.source.sent > plan.keep:
                    _say(f"symbols or originals of all {first.source.sent} frames stay on disk for the other arms")
                for name in plan.arms:
                    ran.spent[name] = _spent(first)
                    if name in again:
                        _decode_again(plan, first, name)
                    elif name != timed:
                        other = graph(_without_taps(config), name, frames=first.source.sent)
                        other.sink.join(first.sink)
                        run(other, other.flow, watch=functools.partial(watch, name, other, first.source.sent))
                        ran.spent[name] = _spent(other)
                if plan.pace == "both":
                    frames = min(PACED_FRAMES, first.source.sent)
                    second = graph(_without_taps(config), frames=frames, paced=True)
                    run(second, second.flow, watch=lambda: watch("paced", second, frames))
                    ran.latencies_s = list(second.sink.latencies_s)
                plan.told("evaluating", 0, 0)
                first.sink.finish()
                ran.metrics = evaluator.wait(told=plan.told)
                _check_complete(ran.metrics, first.sink.sender)
            except Exception as error:
                kept = _keep(folder, ran, evaluator)
                if kept is None:
                    raise
                words = f"what came is kept in {kept}, marked `complete: false`"
                if isinstance(error, GvcError):
                    raise type(error)(f"{error}\n{words}") from error
                _say(words)
                raise
        result = ran.result()
        if first.trainer is not None:
            plan.told("recovery curve", 0, 0)
            result["adaptation"] = adaptation.outcome(first)
        if first.recorder is not None:
            first.recorder.save()
        folder.commit(result)
    return {**result, "out": str(out)}


def timed_arm(senders: Mapping[str, str]) -> str:
    """Of arms with their senders, the one whose transmission is timed and recorded: TIMED_ARM, else the first of those
    that share one transmission, most of all.
    """
    if TIMED_ARM in senders:
        return TIMED_ARM
    shared = Counter(senders.values())
    return max(senders, key=lambda name: shared[senders[name]])


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _check_complete(metrics: dict[str, Any], sender: Any) -> None:
    """Raise LinkError unless the evaluator has all of the link's own stream, and of nothing else a part."""
    own = metrics["streams"].get(f"{sender.stream:016x}", {"sent": sender.sent, "received": 0, "ended": False})
    if not metrics["complete"] or not own["ended"] or own["received"] != sender.sent:
        raise LinkError(
            f"the evaluation is not complete: {own['received']} of {sender.sent} messages came to the evaluator"
            + ("" if own["ended"] else ", and not their end")
        )


def _keep(folder: RunFolder, ran: "_Ran", evaluator: Any) -> Path | None:
    """Keep what came of a run that failed; None when nothing was displayed, or it cannot be kept."""
    if not ran.graph.source.sent:
        return None
    try:
        ran.metrics = ran.metrics or evaluator.salvage(ran.plan.told) or {"arms": {}}
        for name in ran.plan.arms:
            ran.spent.setdefault(name, {})
        ran.graph.recorder.save()
        return folder.keep(ran.result())
    except (GvcError, OSError) as error:
        _say(f"what came cannot be kept: {error}")
        return None


def _without_taps(config: LinkConfig) -> LinkConfig:
    """A further graph must not write over the first one's dump files."""
    return config.model_copy(update={"dump": {}})


def _decode_again(plan: Plan, graph: Any, arm: str) -> None:
    """Decode the recorded frames by another arm, on the same received symbols, and send them to the evaluator."""
    from gvc.coding.segments import Piece, Segment, SegmentReceiver

    receiver = SegmentReceiver(bind(arm, graph.config, graph.source.clip.fps).load(sending=False))
    recorder, sender = graph.recorder, graph.sink.sender
    next_frame = 0

    def show(segments: list[Segment], next_frame: int) -> int:
        for picture in (picture for segment in segments for picture in segment.shown):
            for lost in range(next_frame, picture.frame_id):
                sender.send_lost(lost, arm)
            sender.send_decoded(picture.frame_id, arm, picture.pixels, 0)
            next_frame = picture.frame_id + 1
        return next_frame

    for index, frame in enumerate(recorder.frames):
        plan.told(arm, index, len(recorder.frames))
        symbols, noise_map = recorder.symbols(index)
        slot = ReceivedSlot(symbols, noise_map, frame.payload_type, frame.mode)
        picture = frame.height, frame.width, frame.latents
        next_frame = show(receiver.push(Piece(slot, frame.frame_id, picture, frame.slot, frame.slots)), next_frame)
    for lost in range(show(receiver.flush(), next_frame), graph.source.sent):
        sender.send_lost(lost, arm)


@dataclass
class _Ran:
    """What is known of a run so far, and what becomes run.json."""

    plan: Plan
    config: LinkConfig
    graph: Any
    created: datetime.datetime
    seconds: float = 0.0
    metrics: dict[str, Any] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    spent: dict[str, dict[str, float]] = field(default_factory=dict)

    def result(self) -> dict[str, Any]:
        """The result; a run that is not complete has nulls where it did not come to."""
        plan, config, graph, measured = self.plan, self.config, self.graph, self.metrics.get("arms", {})
        source, transmitter, recorder, sink = graph.source, graph.transmitter, graph.recorder, graph.sink
        width, height = source.clip.size
        sent, received = source.sent, recorder.frames_received
        seconds = sink.last_displayed_s - source.first_s if sink.frames_displayed else self.seconds
        reasons = dict(self.metrics.get("not_measured", {}))
        for metric in KNOWN_METRICS:
            if metric not in plan.metrics:
                reasons[metric] = f"not asked for: --metrics ...,{metric}"
        realtime = sent / source.clip.fps / seconds if sink.frames_displayed and plan.pace != "source" else None
        if realtime is None:
            reasons["realtime_factor"] = "no frame received" if plan.pace != "source" else "the run was paced"
        if not self.latencies_s:
            reasons["latency_ms"] = "no frame received" if plan.pace != "none" else "no paced run was asked for"
        if not recorder.bursts_received:
            reasons["snr_est_db"] = reasons["evm_db"] = "no burst received"
        arms = {
            name: {
                **dict.fromkeys((*KNOWN_METRICS, *plan.metrics)),
                **{key: value for key, value in measured.get(name, {}).items() if key != "per_frame"},
                **self.spent[name],
            }
            for name in plan.arms
        }
        denoised = graph.decoder.told["denoised"]
        counters = graph.receiver.assembler.counters.as_dict()
        demodulator = graph.receiver.demodulator
        counts = ("samples", "bad_samples", "candidates", "bad_headers", "not_understood", "disturbed_bursts")
        counters |= {name: getattr(demodulator, name) for name in counts}
        bursts_sent = transmitter.modulator.bursts_sent
        return {
            "clip": str(plan.clip),
            "radio": str(plan.radio),
            "size": [width, height],
            "fps_source": source.clip.fps,
            "frames_sent": sent,
            "frames_received": received,
            "frames_lost": sent - received,
            "frames_kept": min(sent, plan.keep),
            "complete": True,
            "bursts_sent": bursts_sent,
            "bursts_received": recorder.bursts_received,
            "bursts_lost": bursts_sent - recorder.bursts_received,
            **rates(transmitter, sent, width, height),
            "snr_set_db": config.channel.snr_db,
            "snr_est_db": recorder.snr_est_db,
            "evm_db": recorder.evm_db,
            "seconds": seconds,
            "realtime_factor": realtime,
            "latency_ms": percentiles_ms(self.latencies_s),
            "denoiser_active_fraction": denoised / received if received else 0.0,
            "timed_arm": graph.arm,
            "arms": arms,
            "not_measured": reasons,
            "partly_measured": self.metrics.get("partly_measured", {}),
            "stages": graph.timings(),
            "counters": {
                "receiver": counters,
                "evaluator": {name: self.metrics.get(name) for name in ("messages_received", "foreign", "malformed")},
            },
            "seed": plan.seed,
            "created": self.created.isoformat(timespec="seconds"),
            "command": " ".join(["gvc", *sys.argv[1:]]),
            "config": config.model_dump(),
            "versions": _versions(),
            "machine": machine(),
            "weights": _weights(config, plan.arms),
        }


def _versions() -> dict[str, str | None]:
    """What the run was made with: this checkout, packages, GNU Radio, codecs."""
    from gnuradio import gr

    from gvc.coding.codecs.video.versions import codec_versions

    ours = {"gvc": __version__, "commit": commit()}
    return {**ours, **machine()["versions"], "gnuradio": gr.version(), **codec_versions()}


def _spent(graph: Any) -> dict[str, float]:
    """What an arm sent, and what its scheme reports of it, summed over segments."""
    transmitter = graph.transmitter
    told = {name: value for name, value in graph.decoder.told.items() if name not in ("efficiency", "denoised")}
    return {"channel_uses": transmitter.payload_symbols, "energy": transmitter.energy, **told}


def rates(transmitter: Any, frames: int, width: int, height: int) -> dict[str, float]:
    """`cbr`, payload symbols a frame over 3 x height x width, and `overhead`, complex samples sent beyond the payload
    symbols over payload symbols: preambles, headers, pilots, cyclic prefixes, empty carriers and gaps.
    """
    payload = max(1, transmitter.payload_symbols)
    return {
        "cbr": transmitter.payload_symbols / max(1, frames * 3 * width * height),
        "overhead": transmitter.samples_sent / payload - 1,
    }


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float | None]:
    """p50, p95 and p99 in milliseconds; nulls of nothing."""
    levels = (50, 95, 99)
    if not len(seconds):
        return {f"p{level}": None for level in levels}
    return {f"p{level}": float(1e3 * np.percentile(seconds, level)) for level in levels}


def _weights(config: LinkConfig, arms: Sequence[str]) -> dict[str, Any]:
    """SHA-256 of the weights in use and of the gate's table, from their manifests."""
    from models.weights import described

    return described(path for name in arms for path in bind(name, config).weights())
