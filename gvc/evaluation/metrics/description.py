"""What each metric is, said once: for the tables and figures of reports and the results book, without loading it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gvc import registry
from gvc.errors import GvcError


@dataclass(frozen=True)
class Description:
    """title: short, for an axis. full: with the version or network that the values depend on, for a heading; empty
    where that is the title. unit: empty for none. digits: shown behind the point. least, most: the ends of its range,
    None for open. ms: time of one frame of 256x256 in milliseconds, roughly, to choose by (`python -m
    benchmarks.evaluation`, one thread of a busy machine); None where nobody has measured it. live: measured of every
    frame while the run goes on.
    """

    title: str
    full: str = ""
    unit: str = ""
    digits: int = 4
    higher_is_better: bool = True
    least: float | None = 0.0
    most: float | None = None
    ms: float | None = None
    live: bool = False

    @property
    def heading(self) -> str:
        return self.full or self.title

    @property
    def axis(self) -> str:
        """`PSNR (dB)`, `LPIPS (lower is better)`."""
        notes = [self.unit, "" if self.higher_is_better else "lower is better"]
        told = ", ".join(filter(None, notes))
        return f"{self.title} ({told})" if told else self.title


METRICS = {
    "psnr_db": Description("PSNR", "", "dB", 2, most=100.0, ms=0.2, live=True),
    "ssim": Description("SSIM", least=-1.0, most=1.0, ms=7, live=True),
    "ms_ssim": Description("MS-SSIM", most=1.0, ms=11),
    "lpips": Description("LPIPS", "LPIPS (AlexNet)", higher_is_better=False, ms=60),
    "dists": Description("DISTS", higher_is_better=False, ms=1000),
    "efficientnet": Description("EfficientNet", "EfficientNet-lite0", higher_is_better=False, most=2.0, ms=65),
    "flicker": Description("Flicker", unit="of 255", digits=2, higher_is_better=False, most=255.0, ms=25),
    "vmaf": Description("VMAF", "VMAF v0.6.1", digits=1, most=100.0, ms=30),
    "vmaf_neg": Description("VMAF NEG", "VMAF NEG v0.6.1", digits=1, most=100.0, ms=30),
}
"""In the order of a report's rows."""


def describe(name: str) -> Description:
    """The description of a metric. One from outside may have its own, as its attribute `description`."""
    if name in METRICS:
        return METRICS[name]
    try:
        found = getattr(registry.resolve("metric", name), "description", None)
    except GvcError:
        found = None
    return found if isinstance(found, Description) else Description(name.rpartition(":")[2])


def told(name: str) -> dict[str, Any]:
    """The description as results carry it, so that who reads them need not have the metric."""
    return asdict(describe(name))


def read(name: str, found: Any) -> Description:
    """The description of a metric in results, of which `found` was told there; of our own metrics it is ours."""
    if name in METRICS:
        return METRICS[name]
    known = Description.__dataclass_fields__
    given = {key: value for key, value in found.items() if key in known} if isinstance(found, Mapping) else {}
    return Description(**{"title": name, **given})
