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
_WORDS = (
    r"cpp_extension|GLIBCXX_USE_CXX11|total_mem\b|RastContext|Rasterize(?:Cuda|GL)Context|"
    r"_BACKEND|TORCH_CUDA_ARCH_LIST|PYTORCH_ROCM_ARCH|ranges\s*=|rasterize_gaussians|distCUDA2|"
    r"def device\(self|\bsetup\("
)
_BACKENDS = ("RasterizeCudaContext", "RasterizeGLContext", "RastContext")


@cache
def words() -> re.Pattern[bytes]:
    """What a file must contain to be worth parsing."""
    lasts = {name.rpartition(".")[2] for name in python_modules.watched() if name.isascii()}
    names = "|".join(sorted(re.escape(last) for last in lasts if last.isidentifier()))
    packages = "np|numpy|torch|huggingface_hub|transforms"
    return re.compile(
        rf"{_WORDS}|(?:{packages})\.(?:{names})\b|from (?:{packages})\S* import[^\n]*\b(?:{names})\b".encode()
    )


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
        "knobs": python_environ.knobs(tree) if builds else [],
        "writes": python_environ.writes(tree),
        "choices": python_environ.choices(tree),
        "abi": _abi(tree),
        "names": python_modules.removed(tree),
        "backends": _backends(tree),
        "half": python_dtypes.half_calls(tree),
        "stale_device": python_dtypes.stale_devices(tree),
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
