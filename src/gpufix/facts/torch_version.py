"""torch/version.py read as text, and what a torch version string says about the build."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Literal

from gpufix.facts.files import read

Build = Literal["release", "nightly", "container", "source"]
_LIMIT = 1 << 16
_LOCAL = re.compile(r"(cu\d{2,3}|cpu|xpu|rocm\d+(?:\.\d+)*)(?!\d)")
# Locals of pytorch.org: +cu118, +cpu.cxx11.abi (to 2.6), +cu117.with.pypi.cudnn, +cu128_full
_RELEASE = re.compile(
    r"\d+\.\d+(\.\d+)?(\.post\d+)?"
    r"(\+(cpu(\.cxx11\.abi)?|cu\d+([._](with[._]pypi[._]cudnn|full))?|xpu|rocm\d+(\.\d+){1,2}))?"
)
# NVIDIA's containers and Jetson wheels (2.6.0a0+df5bbc09d1.nv24.12), AMD's own wheels
# (2.7.1+rocm7.0.0.lw.git64359f59, 2.9.0+rocm7.10.0a20251120): no index of pytorch.org has them.
_VENDOR = re.compile(r"[.+]nv\d|\.lw\.git|rocmsdk|rocm\d+(\.\d+)+(a|b|rc|dev)\d")


def read_version(path: Path) -> dict[str, str | None]:
    """String and None constants assigned in version.py: `__version__`, `cuda`, `hip`, ...

    Raises OSError, ValueError (also SyntaxError's cases).
    """
    try:
        tree = ast.parse(read(path, _LIMIT))
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"not Python: {error}") from error
    constants: dict[str, str | None] = {}
    for node in tree.body:
        names = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            names = [node.target]
        value = getattr(node, "value", None)
        if isinstance(value, ast.Constant) and isinstance(value.value, (str, type(None))):
            constants |= {n.id: value.value for n in names if isinstance(n, ast.Name)}
    return constants


def release(version: str) -> str:
    """Without the local part: "2.7.1"."""
    return version.partition("+")[0]


def variant(version: str, constants: dict[str, str | None]) -> str | None:
    """ "cu128", "cpu", "rocm6.4", "xpu", or None: unknown.

    The local part says it on pytorch.org's wheels; conda's and source builds' version.py otherwise.
    """
    if named := _LOCAL.match(version.partition("+")[2]):
        return named[1]
    if cuda := constants.get("cuda"):
        return "cu" + "".join(cuda.split(".")[:2])
    if hip := constants.get("rocm") or constants.get("hip"):
        return "rocm" + ".".join(hip.split(".")[:2])
    if constants.get("xpu"):
        return "xpu"
    return "cpu" if "cuda" in constants and "__version__" in constants else None


def build(version: str) -> Build | None:
    """Who built it, None when the version does not tell."""
    if _RELEASE.fullmatch(version):
        return "release"
    if _VENDOR.search(version):
        return "container"
    if re.search(r"\.dev\d", version):
        return "nightly"
    if re.search(r"a0(\+|$)|\+git|\+[0-9a-f]{7,}", version):
        return "source"
    return None
