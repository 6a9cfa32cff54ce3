"""What each pretrained network is for: it teaches or it judges, never both. The table is fixed once.

A loss that looks through a network makes pictures that please this network, whatever becomes of them otherwise. So a
network that training may use says nothing about what was trained, and those that judge are of other architectures.
"""

from dataclasses import dataclass
from enum import StrEnum

from gvc.errors import InputError


class Role(StrEnum):
    """`TEACHER`: training code may look through it. `JUDGE`: only results do."""

    TEACHER = "teacher"
    JUDGE = "judge"


@dataclass(frozen=True)
class Network:
    """A pretrained network: its role, its files below the content folder, and who looks through it.

    `used` are registered strategies, "kind:name".
    """

    role: Role
    files: tuple[str, ...]
    used: tuple[str, ...]


def _graph(group: str, name: str) -> tuple[str, ...]:
    return f"{group}/{name}.json", f"{group}/{name}.bin"


NETWORKS = {
    "alexnet": Network(Role.TEACHER, ("metrics/lpips_alex.safetensors",), ("metric:lpips",)),
    "nanodet": Network(Role.TEACHER, _graph("teachers", "nanodet"), ("teacher:nanodet",)),
    "vgg16": Network(Role.JUDGE, ("metrics/lpips_vgg.safetensors", "metrics/dists.safetensors"), ("metric:dists",)),
    "efficientnet-lite0": Network(Role.JUDGE, ("metrics/efficientnet_lite0.safetensors",), ("metric:efficientnet",)),
    "centernet": Network(Role.JUDGE, _graph("judges", "centernet"), ("judge:centernet",)),
    "movenet": Network(Role.JUDGE, _graph("judges", "movenet-lightning"), ("judge:movenet",)),
    "blazeface": Network(Role.JUDGE, _graph("judges", "blazeface"), ("judge:face-mesh",)),
    "facemesh": Network(Role.JUDGE, _graph("judges", "facemesh"), ("judge:face-mesh",)),
    "pp-ocr-v4": Network(
        Role.JUDGE,
        ("judges/ch_PP-OCRv4_det_infer.onnx", "judges/ch_PP-OCRv4_rec_infer.onnx"),
        ("judge:ocr",),
    ),
}


def may_teach(name: str) -> None:
    """Raise InputError for a network that judges, and for one that has no role: called by everything trained with."""
    teachers = [known for known, network in NETWORKS.items() if network.role is Role.TEACHER]
    if name not in teachers:
        role = "judges" if name in NETWORKS else "has no role"
        raise InputError(f"network '{name[:60]}' {role}: what trains never judges (teachers: {', '.join(teachers)})")


def of(kind: str, name: str) -> Role | None:
    """The role of a registered strategy, such as of("metric", "lpips"); None where it looks through no network."""
    roles = {network.role for network in NETWORKS.values() if f"{kind}:{name}" in network.used}
    return roles.pop() if roles else None
