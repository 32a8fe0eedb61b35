"""Code that a Python runs before any import: lines of .pth files, and the customizing modules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import basename, dirname

from gpufix.files import read_whole
from gpufix.model import PthFile, Python
from gpufix.source.python.tree import parsed

# Code of .pth files that finds no modules but the standard library's, or none; pynvml's leads to nvidia-ml-py's,
# cuda-bindings' lets people ask for cuda.__version__.
NO_HOOKS = {
    "_pynvml_redirector.pth",
    "_cuda_bindings_redirector.pth",
    "distutils-precedence.pth",
    "_virtualenv.pth",
    "a1_coverage.pth",
    "coloredlogs.pth",
    "matplotlib.pth",
}

# numba-cuda's finder has its own modules found in the place of Numba's.
_FINDS = {"_numba_cuda_redirector.pth": frozenset({"numba.cuda"})}
_EDITABLE = re.compile(r"\bimport (__editable___\w+_finder)\b")  # as setuptools writes it
_LIMIT = 1 << 20


def telling(python: Python) -> Iterator[PthFile]:
    """The .pth files whose code may load something."""
    for pth in python.pth_files:
        if pth.runs_code and basename(pth.path) not in NO_HOOKS:
            yield pth


def found_by(pth: PthFile) -> frozenset[str] | None:
    """The modules that the code of a .pth file has found; None where that is not known."""
    name = basename(pth.path)
    if not pth.runs_code or name in NO_HOOKS or "nspkg" in pth.path:
        return frozenset()
    return _FINDS[name] if name in _FINDS else _editable(pth)


def _editable(pth: PthFile) -> frozenset[str] | None:
    """Of setuptools' finder for projects installed editable: what its table names."""
    try:
        line = read_whole(pth.path, _LIMIT).decode("utf-8", "replace").strip()
        finder = _EDITABLE.match(line)
        if finder is None or "\n" in line:
            return None
        text = read_whole(f"{dirname(pth.path)}/{finder[1]}.py", _LIMIT).decode("utf-8", "replace")
        tables = [
            ast.literal_eval(node.value)
            for node in parsed(text).body
            if isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id in ("MAPPING", "NAMESPACES")
            and node.value is not None
        ]
    except (OSError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    return frozenset(name for table in tables for name in table) if len(tables) == 2 else None


def customizing(python: Python) -> list[str]:
    """The modules that `site` imports when they are there."""
    return ["sitecustomize", *(["usercustomize"] if python.user_site else [])]


def runs_code(python: Python) -> bool:
    """Whether there is any."""
    if next(telling(python), None) is not None:
        return True
    places = (Path(folder, name) for folder in python.sys_path for name in customizing(python))
    return any(place.with_suffix(".py").exists() or place.is_dir() for place in places)
