"""The version of a CUDA toolkit, from its files; nvcc is run only when they do not tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gpufix.facts.child import ChildError, run
from gpufix.facts.context import Context
from gpufix.facts.files import read, text
from gpufix.facts.programs import shown
from gpufix.facts.toolkit_places import Place
from gpufix.model import CondaPackage, Distribution
from gpufix.names import normalise

_TIME_LIMIT = 2.0  # seconds for `nvcc --version`
_NVCC_PACKAGES = ("nvidia-cuda-nvcc", "cuda-nvcc", "cuda-nvcc-tools", "cudatoolkit-dev")
_RUNTIME_PACKAGES = ("nvidia-cuda-runtime", "cuda-cudart", "cudatoolkit")


def toolkit_version(
    ctx: Context,
    place: Place,
    compiler: Path | None,
    includes: Iterable[Path],
    distributions: Sequence[Distribution | CondaPackage],
) -> str | None:
    """ "12.8"; the compiler's version counts where toolkit and headers differ."""
    roots = [*([compiler.parent.parent] if compiler else []), place.root]
    known = (v for root in roots for v in (_from_json(root), _from_text(root)) if v)
    version = next(known, None)
    if version is None and place.origin in ("wheel", "conda"):
        version = _from_packages(place.root, compiler, distributions)
    version = version or next(_from_headers([*includes, *(r / "include" for r in roots)]), None)
    return version or (_from_compiler(ctx, compiler) if compiler else None)


def _from_json(root: Path) -> str | None:
    try:
        table = json.loads(read(root / "version.json", 1 << 20))
        rows = [table[key]["version"] for key in ("cuda_nvcc", "cuda") if key in table]
        return _minor(rows[0]) if rows else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _from_text(root: Path) -> str | None:
    """version.txt, up to CUDA 11.0 and in Debian's package: "CUDA Version 11.0.194"."""
    found = re.search(r"CUDA Version (\d+\.\d+)", _text(root / "version.txt", 4096))
    return found[1] if found else None


def _from_packages(
    root: Path, compiler: Path | None, distributions: Sequence[Distribution | CondaPackage]
) -> str | None:
    """From the wheel or conda package that brought it; a cu12 wheel carries the major in its name."""
    for names in (_NVCC_PACKAGES, _RUNTIME_PACKAGES) if compiler else (_RUNTIME_PACKAGES,):
        for dist in distributions:
            if re.sub(r"-cu\d+$", "", normalise(dist.name)) in names and _serves(dist, root):
                return _minor(dist.version)
    return None


def _serves(dist: Distribution | CondaPackage, root: Path) -> bool:
    """site/nvidia/cu13 belongs to CUDA 13's wheels, site/nvidia to the -cu11 and -cu12 ones."""
    if isinstance(dist, CondaPackage):
        return True
    suffix = re.search(r"-cu\d+$", dist.name)
    return suffix is None if root.name.startswith("cu") else suffix is not None


def _from_headers(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        # The definition stands before the first function, some 14,000 bytes in.
        found = re.search(r"#define CUDA_VERSION (\d{4,6})\b", _text(folder / "cuda.h", 65536))
        if found:
            yield f"{int(found[1]) // 1000}.{int(found[1]) % 1000 // 10}"


def _from_compiler(ctx: Context, nvcc: Path) -> str | None:
    try:
        said = text(run([str(nvcc), "--version"], ctx.environ, _TIME_LIMIT).out)
    except ChildError as error:
        ctx.gap("toolkits", shown(ctx, nvcc), error)
        return None
    found = re.search(r"release (\d+\.\d+)", said)
    return found[1] if found else None


def _minor(version: object) -> str | None:
    found = re.match(r"\d+\.\d+", version) if isinstance(version, str) else None
    return found[0] if found else None


def _text(path: Path, limit: int) -> str:
    try:
        return text(read(path, limit))
    except OSError:
        return ""
