"""One experiment over a link: run it, decode the other arms, evaluate, keep everything in a run folder."""

import datetime
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gvc import __version__
from gvc.coding.peers import is_peer
from gvc.config import DEFAULT_RADIO, LinkConfig, build
from gvc.decibel import mean_db
from gvc.errors import InputError, LinkError
from gvc.evaluation.freezes import freezes
from gvc.machine import machine
from gvc.registry import names, nearest
from gvc.run import RunFolder

PACES = ("none", "source", "both")
PACED_FRAMES = 100
DEFAULT_METRICS = ("psnr_db", "ssim", "ms_ssim", "lpips", "dists", "vmaf")
DEFAULT_ARMS = ("jscc", "jscc+cddm")
TIMED_ARM = "jscc+cddm"

Told = Callable[[str, int, int], None]
"""Progress: (what, done, of how many; 0 when unknown)."""


@dataclass(frozen=True)
class Plan:
    """What to run. `frames` 0 means the whole clip; `out` None means runs/TIME."""

    clip: str
    radio: str = DEFAULT_RADIO
    overrides: Sequence[str] = ()
    arms: Sequence[str] = DEFAULT_ARMS
    metrics: Sequence[str] = DEFAULT_METRICS
    pace: str = "both"
    frames: int = 0
    seed: int = 1
    out: str | Path | None = None
    told: Told = field(default=lambda what, done, total: None)

    def __post_init__(self) -> None:
        if self.pace not in PACES:
            raise InputError(f"pace '{self.pace}'{nearest(self.pace, list(PACES))} (known: {', '.join(PACES)})")
        if self.frames < 0:
            raise InputError(f"--frames {self.frames}: give a number from 1, or leave it out for the whole clip")
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
    """
    config = configure(plan.radio, plan.overrides, plan.arms)
    if config.driver != "simulation":
        raise InputError(f"radio '{plan.radio}' has driver '{config.driver}': link simulates; use tx and rx")
    from flowgraphs import adaptation
    from flowgraphs.link import LinkGraph
    from flowgraphs.runner import run
    from gvc.evaluation.process import EvaluatorProcess

    neural = [name for name in plan.arms if not is_peer(name)]
    timed = TIMED_ARM if TIMED_ARM in plan.arms else [*neural, *plan.arms][0]
    created = datetime.datetime.now(datetime.UTC).astimezone()
    out = plan.out or Path("runs") / created.strftime("%Y%m%d-%H%M%S")

    def graph(config: LinkConfig, arm: str = timed, **options: Any) -> LinkGraph:
        built = LinkGraph(config, plan.clip, plan.seed, arm=arm, **options)
        plan.told("preparing", 0, 0)
        built.rehearse()
        return built

    with RunFolder(out) as folder:
        # The clip and the weights are looked at before anything is started.
        first = graph(config, frames=plan.frames, paced=plan.pace == "source", recording=folder)
        fps = first.source.clip.fps
        evaluator = EvaluatorProcess(folder.path, tuple(plan.metrics), fps=fps, idle_timeout_s=600)
        with evaluator, _its_last_words(evaluator):
            first.sink.attach(evaluator.endpoint)
            ran_s = run(first, first.flow, watch=lambda: plan.told(timed, first.sink.frames_displayed, plan.frames))
            latencies = first.sink.latencies_s if plan.pace == "source" else []
            spent = {}
            for name in plan.arms:
                spent[name] = _spent(first)
                if name != timed and is_peer(name):
                    other = graph(_without_taps(config), name, frames=first.source.sent)
                    other.sink.join(first.sink)
                    run(other, other.flow, watch=lambda g=other, a=name: plan.told(a, g.sink.frames_displayed, 0))
                    spent[name] = _spent(other)
                elif name != timed:
                    _decode_again(plan, first, name)
            if plan.pace == "both":
                second = graph(_without_taps(config), frames=min(PACED_FRAMES, first.source.sent), paced=True)
                sink, source = second.sink, second.source
                run(second, second.flow, watch=lambda: plan.told("paced", sink.frames_displayed, source.sent))
                latencies = second.sink.latencies_s
            plan.told("evaluating", 0, 0)
            first.sink.finish()
            metrics = evaluator.wait(
                120 + 5 * first.source.sent * len(plan.arms),
                told=lambda said: plan.told(said or "evaluating", 0, 0),
            )
        result = _result(plan, config, first, ran_s, metrics, latencies, spent)
        if first.trainer is not None:
            plan.told("recovery curve", 0, 0)
            result["adaptation"] = adaptation.outcome(first)
        first.recorder.save()
        result["created"] = created.isoformat(timespec="seconds")
        from flowgraphs.output import plain

        folder.commit(plain(result))
    return {**result, "out": str(out)}


@contextmanager
def _its_last_words(evaluator: Any) -> Iterator[None]:
    """Add what the evaluator said to an error of the link."""
    try:
        yield
    except LinkError as error:
        if not evaluator.log:
            raise
        raise LinkError(f"{error}\nthe evaluator's last words: {evaluator.log[-1]}") from error


def _without_taps(config: LinkConfig) -> LinkConfig:
    """A further graph must not write over the first one's dump files."""
    return config.model_copy(update={"dump": {}})


def _decode_again(plan: Plan, graph: Any, arm: str) -> None:
    """Decode the recorded frames by another arm, on the same received symbols, and send them to the evaluator."""
    from flowgraphs import stages
    from gvc_blocks import flow

    flow.fresh()
    denoiser = stages.denoiser(_without_taps(graph.config), arm)
    decoder = stages.decoder(graph.config, arm, denoiser)
    recorder = graph.recorder
    shown = 0
    for index, frame in enumerate(recorder.frames):
        plan.told(arm, index, len(recorder.frames))
        symbols, noise_map = recorder.symbols(index)
        shape = (frame.height, frame.width, frame.latents)
        estimate, denoised = denoiser.estimate(symbols, noise_map, *shape) if denoiser else (None, False)
        pixels = decoder.pixels(symbols, estimate if denoised else None, noise_map, *shape)
        for lost in range(shown, frame.frame_id):
            graph.sink.sender.send_lost(lost, arm)
        graph.sink.sender.send_decoded(frame.frame_id, arm, pixels, frame.mode)
        shown = frame.frame_id + 1
    for lost in range(shown, graph.source.sent):
        graph.sink.sender.send_lost(lost, arm)


def _result(
    plan: Plan,
    config: LinkConfig,
    graph: Any,
    ran_s: float,
    metrics: dict[str, Any],
    latencies_s: list[float],
    spent: dict[str, dict[str, float]],
) -> dict[str, Any]:
    source, transmitter, recorder, sink = graph.source, graph.transmitter, graph.recorder, graph.sink
    width, height = source.clip.size
    sent, received = source.sent, len(recorder.frames)
    seconds = sink.last_displayed_s - source.first_s if sink.frames_displayed else ran_s
    not_measured = dict(metrics.get("not_measured", {}))
    realtime = sent / source.clip.fps / seconds if sink.frames_displayed and plan.pace != "source" else None
    if realtime is None:
        not_measured["realtime_factor"] = "no frame received" if plan.pace != "source" else "the run was paced"
    if not latencies_s:
        not_measured["latency_ms"] = "no frame received" if plan.pace != "none" else "no paced run was asked for"
    snrs = [burst.snr_db for burst in recorder.bursts]
    evms = [burst.evm_db for burst in recorder.bursts]
    if not snrs:
        not_measured["snr_est_db"] = not_measured["evm_db"] = "no burst received"
    arms = {
        name: {
            **{metric: metrics["arms"].get(name, {}).get(metric) for metric in plan.metrics},
            **{key: value for key, value in metrics["arms"].get(name, {}).items() if key != "per_frame"},
            **_frozen(metrics["arms"].get(name, {}), source.clip.fps),
            **spent[name],
        }
        for name in plan.arms
    }
    denoised = graph.denoiser.frames_denoised if graph.denoiser is not None else 0
    counters = graph.receiver.assembler.counters.as_dict()
    demodulator = graph.receiver.demodulator
    counters |= {name: getattr(demodulator, name) for name in ("samples", "bad_samples", "candidates", "bad_headers")}
    bursts_sent = transmitter.modulator.bursts_sent
    return {
        "clip": str(plan.clip),
        "radio": str(plan.radio),
        "size": [width, height],
        "fps_source": source.clip.fps,
        "frames_sent": sent,
        "frames_received": received,
        "frames_lost": sent - received,
        "bursts_sent": bursts_sent,
        "bursts_received": len(recorder.bursts),
        "bursts_lost": bursts_sent - len(recorder.bursts),
        **rates(transmitter, sent, width, height),
        "snr_set_db": config.channel.snr_db,
        "snr_est_db": mean_db(snrs),
        "evm_db": mean_db(evms),
        "seconds": seconds,
        "realtime_factor": realtime,
        "latency_ms": percentiles_ms(latencies_s),
        "denoiser_active_fraction": denoised / received if received else 0.0,
        "timed_arm": graph.arm,
        "arms": arms,
        "not_measured": not_measured,
        "stages": graph.timings(),
        "counters": {"receiver": counters},
        "seed": plan.seed,
        "command": " ".join(["gvc", *sys.argv[1:]]),
        "config": config.model_dump(),
        "versions": {"gvc": __version__, **machine()["versions"]},
        "machine": machine(),
        "weights": _weights(config, plan.arms),
    }


def _spent(graph: Any) -> dict[str, float]:
    """What an arm sent, and what its scheme reports of it, summed over segments."""
    transmitter = graph.transmitter
    reports = getattr(graph.decoder, "reports", [])
    told = {key: sum(report.get(key, 0.0) for report in reports) for report in reports[:1] for key in report}
    told.pop("efficiency", None)
    return {"channel_uses": transmitter.payload_symbols, "energy": transmitter.energy, **told}


def _frozen(measured: dict[str, Any], fps: float) -> dict[str, float]:
    """Freezes of an arm as WebRTC counts them, and their seconds."""
    if "per_frame" not in measured:
        return {}
    found = freezes(~np.array(measured["per_frame"]["lost"], bool), fps)
    return {"freezes": found.count, "frozen_s": found.seconds}


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
    from models.arms import ENCODER, Places
    from models.arms import arm as arm_of
    from models.cddm.gate import GATE
    from models.weights import manifest

    places = Places(config.model.preset)
    arms = [name for name in arms if not is_peer(name)]
    if not arms:
        return {}
    wanted = {("jscc", ENCODER)} | {arm_of(name).decoder for name in arms}
    denoisers = {("cddm", arm_of(name).denoiser) for name in arms if arm_of(name).denoised}
    if denoisers:
        wanted |= denoisers | ({("cddm", GATE)} if config.model.gate else set())
    found = {}
    for network, file in sorted(wanted):
        entry = manifest(places.folders[network]).get(file, {})
        found[f"{network}/{config.model.preset}/{file}"] = {"sha256": entry.get("sha256"), "label": entry.get("label")}
    return found
