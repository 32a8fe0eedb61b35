"""What an environment holds and its Python does not see: packages of an earlier minor, packages without a beginning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gpufix.facts.reading import text, text_of
from gpufix.model import OtherSite

_DIST = re.compile(r"([A-Za-z0-9][\w.]*)-([0-9][\w.+!]*)\.dist-info")
_RECORD = 4 << 20
_TOOLS = {"pip", "setuptools", "wheel", "uv", "virtualenv"}
# Packages that begin with an __init__.py; others of the field share a namespace (nvidia, cuda, google).
_WHOLE = (
    "bitsandbytes", "cupy", "flash_attn", "jax", "jaxlib", "keras", "numba", "numpy", "onnxruntime",
    "paddle", "tensorflow", "transformers", "triton", "vllm", "xformers",
)  # fmt: skip


def other_sites(prefix: str, kind: str, site_dirs: Sequence[str]) -> list[OtherSite]:
    """Folders for packages of other Pythons in a virtual environment, with what they hold."""
    if kind not in ("venv", "uv"):
        return []  # a system, or conda, may have several Pythons
    found = []
    for name in _names_in(f"{prefix}/lib"):
        folder = f"{prefix}/lib/{name}/site-packages"
        if re.fullmatch(r"python3\.\d+t?", name) and folder not in site_dirs:
            rows = [m for entry in _names_in(folder) if (m := _DIST.fullmatch(entry))]
            every = [f"{m[1].replace('_', '-')}=={m[2]}" for m in rows if m[1] not in _TOOLS]
            if every:
                version = name.removeprefix("python")
                found.append(
                    OtherSite(
                        folder=text(folder), version=version, packages=[text(r) for r in every]
                    )
                )
    return found


def hollow(site_dirs: Iterable[str]) -> list[str]:
    """Folders of packages whose beginning is gone, and of which no metadata tells."""
    return [text(path) for folder in site_dirs for path in _hollow_in(folder)]


def _hollow_in(folder: str) -> Iterator[str]:
    names = _names_in(folder)
    for name in _WHOLE:
        inner = _names_in(f"{folder}/{name}") if name in names else []
        begins = any(n.startswith("__init__.") for n in inner)
        if (
            inner
            and not begins
            and inner != ["__pycache__"]
            and not _is_recorded(folder, name, names)
        ):
            yield f"{folder}/{name}"


def _is_recorded(folder: str, package: str, names: Sequence[str]) -> bool:
    """Whether some distribution says that it has brought a file of the package."""
    told = re.compile(rf"^{package}/", re.MULTILINE)
    infos = [name for name in names if name.endswith(".dist-info")]
    eggs = any(name.endswith((".egg-info", ".egg-link")) for name in names)
    return eggs or any(told.search(text_of(f"{folder}/{n}/RECORD", _RECORD)) for n in infos)


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(path.name for path in Path(folder).iterdir())
    except OSError:
        return []
