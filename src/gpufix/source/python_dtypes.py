"""Half-precision and device faults that one function, or one class, shows by itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from gpufix.source.python_tree import Tree, dotted_name

_HALF = ("torch.float16", "torch.half", "torch.bfloat16")
_FLOAT_ONLY = ("rasterize_gaussians", "distCUDA2")
_NVDIFFRAST = ("rasterize", "interpolate", "antialias")  # torch has others of these names
_FLOAT_WORDS = (*(name.encode() for name in _FLOAT_ONLY), b"nvdiffrast")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


_HALF_WORDS = re.compile(rb"\bhalf\(|float16|\branges\s*=")
_MOVED_WORDS = re.compile(rb"\]\.(?:to|cpu|cuda)\(")


def may_hand_half(data: bytes) -> bool:
    """Whether a file has the words of `half_calls`."""
    calls = any(word in data for word in _FLOAT_WORDS)
    return calls and _HALF_WORDS.search(data) is not None


def may_move_singly(data: bytes) -> bool:
    """Whether a file has the words of `stale_devices`."""
    return b"def device(self" in data and _MOVED_WORDS.search(data) is not None


def half_calls(tree: Tree) -> list[dict[str, Any]]:
    """Half tensors handed to float32-only calls, and `ranges` made on the GPU.

    Only where the tensor's type or device is written in the same function.
    """
    rows: list[dict[str, Any]] = []
    renderers = {
        alias.asname or alias.name
        for node in tree.each(ast.Import)
        for alias in node.names
        if alias.name.startswith("nvdiffrast")
    }
    calls = [c for c in tree.each(ast.Call) if _float_only(c, renderers)]
    functions = [f for c in calls for f, _ in tree.ancestors(c) if isinstance(f, _Function)]
    for function in dict.fromkeys(functions):
        rows += _in_function(function, renderers)
    return rows


def _float_only(call: ast.Call, renderers: set[str]) -> bool:
    head, _, name = (dotted_name(call.func) or "").rpartition(".")
    return name in _FLOAT_ONLY or (name in _NVDIFFRAST and head in renderers)


def _in_function(function: _Function, renderers: set[str]) -> Iterator[dict[str, Any]]:
    values: dict[str, list[ast.expr]] = {}
    calls: list[ast.Call] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.Call):
            calls.append(node)

    def settled(node: ast.expr) -> ast.expr | None:
        if isinstance(node, ast.Name):
            known = values.get(node.id, [])
            return known[0] if len(known) == 1 else None
        return node

    for call in calls:
        if not _float_only(call, renderers):
            continue
        name = (dotted_name(call.func) or "").rpartition(".")[2]
        for keyword in call.keywords:
            value = settled(keyword.value)
            if name == "rasterize" and keyword.arg == "ranges" and value and _on_gpu(value):
                yield _row(keyword.value, "ranges", name)
        for argument in [*call.args, *(k.value for k in call.keywords)]:
            value = settled(argument)
            if value is not None and _is_half(value):
                yield _row(argument, "half", name)


def _row(node: ast.expr, kind: str, call: str) -> dict[str, Any]:
    return {"line": node.lineno, "kind": kind, "call": call, "text": ast.unparse(node)[:80]}


def _is_half(node: ast.expr) -> bool:
    """x.half(), x.to(torch.float16), torch.zeros(..., dtype=torch.float16)."""
    if not isinstance(node, ast.Call):
        return False
    attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if attribute in ("half", "bfloat16") and not node.args:
        return True
    given = [*node.args] if attribute in ("to", "type") else []
    given += [k.value for k in node.keywords if k.arg == "dtype"]
    return any(dotted_name(value) in _HALF for value in given)


def _on_gpu(node: ast.expr) -> bool:
    """x.cuda(), x.to("cuda"), torch.tensor(..., device="cuda")."""
    if not isinstance(node, ast.Call):
        return False
    attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if attribute == "cuda" and dotted_name(node.func) != "torch.cuda":
        return True
    given = [*node.args] if attribute == "to" else []
    given += [k.value for k in node.keywords if k.arg == "device"]
    texts = [value.value for value in given if isinstance(value, ast.Constant)]
    return any(isinstance(text, str) and text.startswith("cuda") for text in texts)


def stale_devices(tree: Tree) -> list[dict[str, Any]]:
    """Classes whose `device` property asks the first of several modules that are moved singly."""
    rows = []
    for node in tree.each(ast.ClassDef):
        prop = next((f for f in node.body if _is_device_property(f)), None)
        moved = _moved_singly(node) if prop is not None else None
        if prop is not None and moved is not None and _asks_the_first(prop):
            rows.append({"line": prop.lineno, "class": node.name, "moved": moved})
    return rows


def _is_device_property(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.FunctionDef)
        and node.name == "device"
        and any(isinstance(d, ast.Name) and d.id == "property" for d in node.decorator_list)
    )


def _asks_the_first(function: ast.stmt) -> bool:
    """A loop over several modules that returns at the first."""
    return any(
        isinstance(loop, ast.For) and any(isinstance(x, ast.Return) for x in ast.walk(loop))
        for loop in ast.walk(function)
    )


def _moved_singly(node: ast.ClassDef) -> int | None:
    """The line of self.models["x"].to(...) or .cpu(): one module out of a collection."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            owner = call.func.value
            moves = call.func.attr in ("to", "cpu", "cuda") and isinstance(owner, ast.Subscript)
            if moves and (dotted_name(getattr(owner, "value", node)) or "").startswith("self."):
                return call.lineno
    return None
