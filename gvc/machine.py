"""The machine that a figure was measured on."""

import os
import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from typing import Any

from gvc.paths import ROOT

CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16")
PACKAGES = ("numpy", "scipy", "numba", "torch", "sionna-no-rt", "av", "imageio-ffmpeg", "pillow")


@cache
def machine() -> dict[str, Any]:
    """CPU name, usable cores, the vector extensions that matter here, memory [GiB], versions and thread settings.

    Nothing heavy is imported: versions are read from package metadata.
    """
    fields = _cpuinfo()
    flags = fields.get("flags", "").split()
    return {
        "cpu": fields.get("model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "cpu_flags": [flag for flag in CPU_FLAGS if flag in flags],
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "versions": versions(),
    }


def versions() -> dict[str, str | None]:
    """Installed versions of the packages that figures depend on; None where one is absent."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


@cache
def commit() -> str | None:
    """The git commit of this checkout, with `, changed` when files differ from it; None outside a checkout."""
    if not (ROOT / ".git").exists():
        return None
    try:
        git = ["git", "-C", str(ROOT), "--no-optional-locks"]
        options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 10, "check": True}
        name = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], **options).stdout.strip()
        changed = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no"], **options).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{name}, changed" if changed else name


def _cpuinfo() -> dict[str, str]:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            first = file.read().split("\n\n", 1)[0]
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}
