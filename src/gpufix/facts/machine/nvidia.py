"""NVIDIA's GPUs and driver: NVML asked in a child process, libcuda and its files read."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from gpufix.facts.context import CollectContext
from gpufix.facts.reading import json_number, read, text, why
from gpufix.knowledge import cuda
from gpufix.model import Gpu, GpuProcess
from gpufix.process import NoAnswer, ask

_CACHE_LIMIT = 16 << 20
# The loader's default folders, then those that images and distributions add to its cache:
# WSL2, Google's and old NVIDIA's container images, Jetson, NixOS.
_FOLDERS = (
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
)
_UNLISTED = ("/usr/lib/wsl/lib", "/usr/local/nvidia/lib64", "/run/opengl-driver/lib")


def driver_library(ctx: CollectContext, name: str) -> Path | None:
    """The file that the loader would use for `name` ("libcuda.so.1"), in its order of search.

    The last places are ones that the loader reaches only by LD_LIBRARY_PATH: a file there is a
    sign of the driver (`reachable` tells the difference).
    """
    for path in (*_candidates(ctx, name), *(ctx.at(f"{d}/{name}") for d in _UNLISTED)):
        if _is_elf64(path):
            return path
    return None


def reachable(ctx: CollectContext, name: str) -> Path | None:
    """As driver_library, but only what the loader would really find."""
    return next((path for path in _candidates(ctx, name) if _is_elf64(path)), None)


def _candidates(ctx: CollectContext, name: str) -> list[Path]:
    listed = ctx.environ.get("LD_LIBRARY_PATH", "")
    folders = [d for d in re.split("[:;]", listed) if d.startswith("/")]
    own = [ctx.at(d) / name for d in folders]
    return [*own, *_cached(ctx, name), *(ctx.at(f"{d}/{name}") for d in _FOLDERS)]


def _cached(ctx: CollectContext, name: str) -> list[Path]:
    """What /etc/ld.so.cache has under this file name. Its strings are NUL-terminated paths."""
    try:
        cache = read(ctx.at("/etc/ld.so.cache"), _CACHE_LIMIT)
    except OSError:
        return []
    end = b"/" + name.encode() + b"\0"
    found: list[Path] = []
    at = cache.find(end)
    while at >= 0 and len(found) < 8:
        start = cache.rfind(b"\0", 0, at) + 1
        found.append(ctx.at(cache[start:at].decode("utf-8", "replace")) / name)
        at = cache.find(end, at + 1)
    return found


def _is_elf64(path: Path) -> bool:
    """The loader passes over files of another word size (a 32-bit driver beside the 64-bit one)."""
    try:
        return read(path, 5) == b"\x7fELF\x02"
    except OSError:
        return False


# Seconds; NVML hangs on some sick drivers. On Windows a program may be scanned before it starts.
TIME_LIMIT = 10.0 if os.name == "nt" else 2.0
_INITIAL_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of the kernel


def present(ctx: CollectContext, pci_devices: int) -> bool:
    """Whether anything on this machine speaks of NVIDIA. NVML is not started without it."""
    return (
        pci_devices > 0
        or ctx.at("/proc/driver/nvidia").exists()
        or any(ctx.at("/dev").glob("nvidia*"))
        or ctx.at("/usr/lib/wsl/lib/libcuda.so.1").exists()
        or ctx.at("/etc/nv_tegra_release").exists()
        or driver_library(ctx, "libnvidia-ml.so.1") is not None
    )


def binding() -> str | None:
    """The file of the nvidia-ml-py module in gpufix's own environment."""
    try:
        spec = importlib.util.find_spec("pynvml")
    except (ImportError, ValueError):
        return None
    return spec.origin if spec else None


def ask_nvml(ctx: CollectContext) -> dict[str, Any]:
    """NVML's survey (see nvml.py); {} and a gap when it gave none."""
    module = binding()
    if module is None:
        ctx.gap("gpus", "NVML", "the nvidia-ml-py module is not installed beside gpufix")
        return {}
    script = str(Path(__file__).with_name("nvml.py"))
    argv = [sys.executable, "-I", "-S", "-B", script, module]
    try:
        answer = ask(argv, ctx.environ, TIME_LIMIT)
        if answer.code != 0:
            ctx.gap("gpus", "NVML", f"its process ended with status {answer.code}")
            return {}
        survey = json.loads(answer.out)
    except (NoAnswer, ValueError, RecursionError) as error:
        ctx.gap("gpus", "NVML", text(str(error)))
        return {}
    if not isinstance(survey, dict) or "failure" in survey:
        ctx.gap("gpus", "NVML", text(str(survey)[:300]))
        return {}
    return survey


def said_of_driver(survey: dict[str, Any]) -> tuple[str | None, str | None]:
    """Of a survey: the highest CUDA that the driver serves, and what NVML said when it failed."""
    error, number = survey.get("error"), survey.get("cuda")
    version = cuda.of_number(number) if isinstance(number, int) else None
    return version, text(str(error)[:300]) if error else None


def from_nvml(ctx: CollectContext, survey: dict[str, Any]) -> list[Gpu]:
    """The devices of a survey; a device that NVML cannot open is a gap."""
    found = []
    devices = survey.get("devices")
    for device in devices if isinstance(devices, list) else []:
        try:
            if device["error"]:
                ctx.gap("gpus", f"NVIDIA GPU {device['index']}", text(str(device["error"])))
            else:
                found.append(_gpu(ctx, device))
        except (KeyError, TypeError, ValueError) as error:
            ctx.gap("gpus", "NVML", f"unusable answer: {error!r}")
    return found


def _gpu(ctx: CollectContext, device: dict[str, Any]) -> Gpu:
    capability = device["capability"]
    return Gpu(
        vendor="nvidia",
        index=json_number(device["index"]),
        name=None if device["name"] is None else text(str(device["name"])[:200]),
        arch=f"sm_{int(capability[0])}{int(capability[1])}" if capability else None,
        memory_total=_bytes(device["total"]),
        memory_free=_bytes(device["free"]),
        processes=[_process(ctx, each) for each in device["processes"]],
        source="nvml",
    )


def _bytes(value: object) -> int | None:
    return None if value is None else json_number(value)


def _process(ctx: CollectContext, row: dict[str, Any]) -> GpuProcess:
    pid = json_number(row["pid"])
    return GpuProcess(pid=pid, name=process_name(ctx, pid), memory=_bytes(row["memory"]))


def process_name(ctx: CollectContext, pid: int) -> str | None:
    """A process's name from /proc.

    Inside a container a driver may speak of the host's process numbers: there the name is given
    only when that process is seen to hold a GPU device open.
    """
    folder = ctx.at(f"/proc/{pid}")
    try:
        if str(ctx.at("/proc/self/ns/pid").readlink()) != _INITIAL_PID_NAMESPACE and not any(
            _is_gpu_node(str(file.readlink())) for file in (folder / "fd").iterdir()
        ):
            return None
        return text(read(folder / "comm", 64)).strip() or None
    except OSError:
        return None


def _is_gpu_node(path: str) -> bool:
    return path.startswith(("/dev/nvidia", "/dev/kfd", "/dev/dri/", "/dev/dxg"))


def from_proc(ctx: CollectContext) -> list[Gpu]:
    """Devices as the kernel module lists them, without capability or memory."""
    found: list[Gpu] = []
    for folder in sorted(ctx.at("/proc/driver/nvidia/gpus").glob("*")):
        try:
            lines = text(read(folder / "information", 4096))
        except OSError as error:
            ctx.gap("gpus", folder, why(error))
            continue
        model = re.search(r"^Model:\s*(.+?)\s*$", lines, re.M)
        name = model[1] if model and "Unknown" not in model[1] else None
        found.append(Gpu(vendor="nvidia", index=len(found), name=name, source="proc"))
    return found or _tegra(ctx)


def _tegra(ctx: CollectContext) -> list[Gpu]:
    """Jetson boards: the GPU is part of the chip and has neither PCI address nor /proc entry."""
    if not ctx.at("/etc/nv_tegra_release").exists():
        return []
    try:
        name = text(read(ctx.at("/proc/device-tree/model"), 200)).strip("\0 ")
    except OSError as error:
        ctx.gap("gpus", "/proc/device-tree/model", why(error))
        return []
    return [Gpu(vendor="nvidia", index=0, name=name or None, integrated=True, source="proc")]
