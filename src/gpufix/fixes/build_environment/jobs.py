"""How many compilers at once, and variables of a project's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gpufix.checks.toolchain.tch208_build_will_exhaust_memory import JOB_BYTES
from gpufix.evidence.view import View
from gpufix.fixes.build_environment.variables import Variable
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
from gpufix.model import Target

# Peak of g++ 12 on a file that includes torch/extension.h of torch 2.13: 1.63 GiB with -O0,
# 1.86 GiB with -O3 -g. JOB_BYTES is nvcc's, measured alike.
HOST_JOB_BYTES = 2 << 30


def most_jobs(view: View, gpu: bool, requested: int | None = None) -> int:
    """Compilers that may run at once: at least 1, never more than memory holds.

    `requested` (--jobs) and MAX_JOBS lower the number of processors, or raise it up to memory's limit.
    """
    wanted = requested or _set(view.env("MAX_JOBS")) or view.facts.host.cpus
    return max(1, min(wanted, in_memory(view, gpu)))


def in_memory(view: View, gpu: bool) -> int:
    """Compilers that fit into the memory that is free now; when that is unknown, one a processor."""
    host = view.facts.host
    free = host.memory if host.memory_available is None else host.memory_available
    if free is None:
        return max(1, host.cpus)
    return max(1, free // (JOB_BYTES if gpu else HOST_JOB_BYTES))


def most_folders(view: View, gpu: bool, requested: int | None = None) -> int:
    """Folders that may be built at once.

    One more than jobs: what a build does besides compiling (metadata, linking, installing) keeps
    one processor busy at most. Each has a compiler of its own, so memory bounds them too.
    """
    jobs = most_jobs(view, gpu, requested)
    return jobs if requested else min(jobs + 1, in_memory(view, gpu))


def share(free: int, waiting: int) -> int:
    """Jobs for the folder that starts next, when `free` are unused and `waiting` folders are left."""
    return max(1, free // max(1, waiting))


def job_variables(jobs: int, text: str, reason: str) -> Iterator[Variable]:
    """MAX_JOBS for cpp_extension, its counterpart for CMake, and what multiplies them, off.

    flash-attention's NVCC_THREADS compiles several architectures at once within one job.
    """
    yield Variable("MAX_JOBS", str(jobs), reason)
    yield Variable("CMAKE_BUILD_PARALLEL_LEVEL", str(jobs), reason)
    if "NVCC_THREADS" in text:
        yield Variable("NVCC_THREADS", "1", f"each would take memory besides MAX_JOBS={jobs}")


def reason_for(view: View, gpu: bool) -> str:
    """ "2 processors; 22 GiB of memory at 3 GiB for each compiler"."""
    host = view.facts.host
    free = host.memory if host.memory_available is None else host.memory_available
    each = (JOB_BYTES if gpu else HOST_JOB_BYTES) >> 30
    memory = f"{free >> 30} GiB of memory" if free is not None else "memory unknown"
    processors = f"{host.cpus} processor{'' if host.cpus == 1 else 's'}"
    return f"{processors}; {memory} at {each} GiB for each compiler"


def _set(value: str | None) -> int | None:
    return int(value[:6]) if value and value.isdecimal() and int(value[:6]) > 0 else None


# os.environ.get("NAME", "default"), os.getenv("NAME"), os.environ["NAME"], "NAME" in os.environ
_READ = re.compile(
    r"""(?:environ(?:\.get)?\s*[\[(]|getenv\s*\()\s*["']([A-Z][A-Z0-9_]{2,60})["']"""
    r"""(?:\s*,\s*["']([^"'\n]{0,200})["'])?"""
)
_ARCHS = re.compile(r"(?:\d{2,3}[af]?|\d{1,2}\.\d[af]?)(?:\+PTX)?")
_FORCED = re.compile(r"[A-Z][A-Z0-9_]*_FORCE_BUILD")
# Read by torch or CMake themselves, in their own way.
_NOT_OWN = {"TORCH_CUDA_ARCH_LIST", "PYTORCH_ROCM_ARCH", "CUDAARCHS"}
# Those without a default to learn the spelling from: (dotted, separator).
# tiny-cuda-nn bindings/torch/setup.py; cumm and spconv README; NATTEN's install page; Transformer
# Engine build_tools/utils.py.
_KNOWN = {
    "TCNN_CUDA_ARCHITECTURES": (False, ","),
    "CUMM_CUDA_ARCH_LIST": (True, ";"),
    "NATTEN_CUDA_ARCH": (True, ";"),
    "NVTE_CUDA_ARCHS": (False, ";"),
}
# Compares the parts with these strings and ignores the others; code for sm_80 serves 8.x
# (flash-attention setup.py, cuda_archs and cc_flag).
_ONLY = {"FLASH_ATTN_CUDA_ARCHS": (80, 90, 100, 110, 120)}


@dataclass(frozen=True, slots=True)
class _Style:
    dotted: bool
    separator: str


def knobs(text: str, targets: Iterable[Target]) -> Iterator[Variable]:
    """The project's own variables for these targets, in the spelling of its defaults."""
    archs = _cuda(targets)
    reads = {match[1]: match[2] for match in _READ.finditer(text)}
    for name, default in sorted(reads.items()):
        if _FORCED.fullmatch(name):
            yield Variable(name, "TRUE", "else its setup.py looks for a ready-made wheel")
        elif archs and name not in _NOT_OWN and (style := _style(name, default)):
            value = _spelled(name, archs, style)
            if value:
                yield Variable(name, value, "its build files take the architectures from it")


def _cuda(targets: Iterable[Target]) -> list[CudaArch]:
    found = (parse_arch(t.arch) for t in targets if t.vendor == "nvidia")
    return sorted({arch for arch in found if isinstance(arch, CudaArch)})


def _style(name: str, default: str | None) -> _Style | None:
    if name in _KNOWN:
        return _Style(*_KNOWN[name])
    if "ARCH" not in name or not default:
        return None
    parts = [part for part in re.split(r"[;, ]+", default.strip()) if part]
    if not parts or not all(_ARCHS.fullmatch(part) for part in parts):
        return None
    separator = next((c for c in ";, " if c in default.strip()), ";")
    return _Style("." in parts[0], separator)


def _spelled(name: str, archs: list[CudaArch], style: _Style) -> str:
    if name in _ONLY:
        numbers = {_within(arch.number, _ONLY[name]) for arch in archs}
        return style.separator.join(str(n) for n in sorted(filter(None, numbers)))
    plain = [f"{a.major}.{a.minor}" if style.dotted else str(a.number) for a in archs]
    parts = [f"{text}{a.variant}" for text, a in zip(plain, archs, strict=True)]
    return style.separator.join(dict.fromkeys(parts))


def _within(number: int, choices: tuple[int, ...]) -> int | None:
    """The newest choice of the same major that is not above: its machine code serves the number."""
    fitting = [c for c in choices if c // 10 == number // 10 and c <= number]
    return max(fitting, default=None)
