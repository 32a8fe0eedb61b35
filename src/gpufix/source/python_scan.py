"""One Python file as plain facts: what it builds, which names it uses, what it chooses."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import Any

from gpufix.source import python_dtypes, python_environ, python_modules
from gpufix.source.arch_flags import UNKNOWN, parse
from gpufix.source.python_flags import nvcc_flags
from gpufix.source.python_strings import strings
from gpufix.source.python_tree import Tree, dotted_name

ABI = "_GLIBCXX_USE_CXX11_ABI"
_ABI_FLAG = re.compile(rf"-D\s?{ABI}=([01])")
_LITERALS = (
    b"cpp_extension",
    b"GLIBCXX_USE_CXX11",
    b"RastContext",
    b"RasterizeCudaContext",
    b"RasterizeGLContext",
    b"_BACKEND",
    b"TORCH_CUDA_ARCH_LIST",
    b"PYTORCH_ROCM_ARCH",
    b"functional_tensor",
    b"huggingface_hub",
)
_TOTAL_MEM = re.compile(rb"\.total_mem\b")
# What says something only together.
_FLOAT_CALLS = (b"rasterize_gaussians", b"distCUDA2", b"nvdiffrast")
_HALF = re.compile(rb"\bhalf\(|float16|\branges\s*=")
_MOVED = re.compile(rb"\]\.(?:to|cpu|cuda)\(")
_BACKENDS = ("RasterizeCudaContext", "RasterizeGLContext", "RastContext")


def worth_parsing(path: str, data: bytes) -> bool:
    """Whether a file has a word that something here asks for; most have none."""
    if path.rpartition("/")[2] == "setup.py" or any(word in data for word in _LITERALS):
        return True
    if any(pattern.search(data) for pattern in _patterns()):
        return True
    if any(word in data for word in _FLOAT_CALLS) and _HALF.search(data):
        return True
    return b"def device(self" in data and _MOVED.search(data) is not None


@cache
def _patterns() -> tuple[re.Pattern[bytes], ...]:
    """Removed names. Each begins with a literal, by which the search skips quickly."""
    lasts: dict[str, list[str]] = {}
    for name in python_modules.watched():
        package, _, last = name.rpartition(".")
        lasts.setdefault(package.partition(".")[0], []).append(re.escape(last))
    names = {package: "|".join(sorted(found)) for package, found in lasts.items()}
    parts = (
        rf"np\.(?:{names['numpy']})\b",
        rf"numpy(?:\.| import[^\n]*\b)(?:{names['numpy']})\b",
        rf"torch\.(?:{names['torch']})\b",
    )
    return (_TOTAL_MEM, *(re.compile(part.encode()) for part in parts))


def scan(text: str, path: str, folder: str) -> dict[str, Any]:
    """Facts of one file; keys without content are left out. Raises python_tree.NotPython.

    path: as given, for its name; folder: the absolute one that holds it.
    """
    tree = Tree(text, folder)
    builds = "cpp_extension" in text
    is_setup = path.rpartition("/")[2] == "setup.py"
    facts: dict[str, Any] = {
        "extension": builds and python_modules.imports(tree, "torch.utils.cpp_extension"),
        "setup": python_modules.setup_name(tree) if is_setup else None,
        "torch_import": python_modules.import_at_start(tree, "torch") if is_setup else None,
        "nvcc": _nvcc(tree) if builds else [],
        "detects": builds and "get_device_capability" in text,
        "forces": python_environ.forces_cuda(tree) if builds and "is_available" in text else None,
        "knobs": python_environ.knobs(tree) if builds else [],
        "writes": python_environ.writes(tree) if "_ARCH" in text else [],
        "choices": python_environ.choices(tree) if "_BACKEND" in text else [],
        "abi": _abi(tree) if ABI in text else [],
        "names": python_modules.removed(tree),
        "backends": _backends(tree) if "Rast" in text else [],
        "half": python_dtypes.half_calls(tree) if _HALF.search(text.encode()) else [],
        "stale_device": python_dtypes.stale_devices(tree) if "def device(" in text else [],
    }
    return {key: value for key, value in facts.items() if value}


def _nvcc(tree: Tree) -> list[dict[str, Any]]:
    """The flags that matter for architectures: those that name one, or contain "arch"."""
    rows = []
    for flag in nvcc_flags(tree):
        named = [a for text in flag.texts for a in parse(text)]
        if not named and not any("arch" in text for text in flag.texts):
            continue
        rows.append(
            {
                "line": flag.node.lineno,
                "text": flag.texts[0].replace(UNKNOWN, "…"),
                "archs": [[a.kind, a.arch] for a in named],
                "guards": list(flag.guards),
            }
        )
    return rows


def _abi(tree: Tree) -> list[dict[str, Any]]:
    """-D_GLIBCXX_USE_CXX11_ABI=0 in a flag, ("_GLIBCXX_USE_CXX11_ABI", "0") as a macro."""
    rows = []
    for node in tree.nodes:
        value = None
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = _ABI_FLAG.search(node.value)
            documents = isinstance(tree.parents.get(node), ast.Expr)
            value = found.group(1) if found and not documents else None
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
            name, digit = (strings(tree, e)[0] for e in node.elts)
            plain = node.elts[1]
            if isinstance(plain, ast.Constant) and isinstance(plain.value, int):
                digit = str(int(plain.value))
            value = digit if name == ABI and digit in ("0", "1") else None
        if value is not None:
            line = getattr(node, "lineno", 1)
            rows.append({"line": line, "value": int(value), "guards": tree.guards(node)})
    return rows


def _backends(tree: Tree) -> list[dict[str, Any]]:
    """Rasteriser contexts that are made, with the back end named where it is a literal."""
    rows = []
    for node in tree.nodes:
        if not isinstance(node, ast.Call):
            continue
        name = (dotted_name(node.func) or "").rpartition(".")[2]
        if name not in _BACKENDS:
            continue
        given = [k.value for k in node.keywords if k.arg == "backend"]
        value = strings(tree, given[0])[0] if given else None
        rows.append(
            {
                "line": node.lineno,
                "call": name,
                "backend": value if value and UNKNOWN not in value else None,
                "guards": tree.guards(node),
                "tried": tree.tried(node),
            }
        )
    return rows
