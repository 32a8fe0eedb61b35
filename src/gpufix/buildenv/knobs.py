"""Variables of a project's own: it takes its architectures from them, or fetches a ready-made wheel.

Found by reading the build files, never by running them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gpufix.buildenv.variable import Variable
from gpufix.knowledge.compat_arch import CudaArch, parse_arch
from gpufix.model import Target

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
