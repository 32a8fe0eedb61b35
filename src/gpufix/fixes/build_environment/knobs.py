"""Variables of a project's own that a build should be given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gpufix.evidence.arch_runs import for_targets
from gpufix.evidence.view import View
from gpufix.fixes.build_environment.variables import Folder, Variable
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
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
# Those without a default, of builds that go through CMake or a generator: (dotted, separator).
# cumm and spconv README; NATTEN's install page; Transformer Engine build_tools/utils.py.
_KNOWN = {
    "CUMM_CUDA_ARCH_LIST": (True, ";"),
    "NATTEN_CUDA_ARCH": (True, ";"),
    "NVTE_CUDA_ARCHS": (False, ";"),
}
_OF_RUN = "a run of its setup.py with it compiles for the targets"


@dataclass(frozen=True, slots=True)
class _Style:
    dotted: bool
    separator: str


def knobs(view: View, folder: Folder | None, settings: Mapping[str, str]) -> Iterator[Variable]:
    """The project's own variables for the view's targets, beside these settings.

    Runs of its setup.py tell which variable steers the architectures and what it takes. Where the run
    does not come to the flags, as of a build by CMake, the defaults that the build files name tell.
    """
    text = folder.text if folder else ""
    for name in sorted({match[1] for match in _READ.finditer(text)}):
        if _FORCED.fullmatch(name):
            yield Variable(name, "TRUE", "else its setup.py looks for a ready-made wheel")
    told, found = (
        for_targets(view, path, settings) if (path := _setup(view, folder)) else (False, None)
    )
    if found is not None and found.default:
        yield Variable(found.name, found.default, _OF_RUN)
    elif not told:
        yield from as_spelled(text, view.targets)


def _setup(view: View, folder: Folder | None) -> str | None:
    """The folder's setup.py as the project names it."""
    project = view.facts.project
    if project is None:
        return None
    root = project.root.rstrip("/")
    place = folder.path.rstrip("/") if folder else root
    if place != root and not place.startswith(f"{root}/"):
        return None
    path = f"{place}/setup.py".removeprefix(f"{root}/")
    return path if view.source(f"{place}/setup.py") else None


def as_spelled(text: str, targets: Iterable[Target]) -> Iterator[Variable]:
    """Variables whose defaults are architectures, in the spelling of these defaults."""
    archs = _cuda(targets)
    reads = {match[1]: match[2] for match in _READ.finditer(text)}
    for name, default in sorted(reads.items()):
        if archs and name not in _NOT_OWN and (style := _style(name, default)):
            value = _spelled(archs, style)
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


def _spelled(archs: list[CudaArch], style: _Style) -> str:
    plain = [f"{a.major}.{a.minor}" if style.dotted else str(a.number) for a in archs]
    parts = [f"{text}{a.variant}" for text, a in zip(plain, archs, strict=True)]
    return style.separator.join(dict.fromkeys(parts))
