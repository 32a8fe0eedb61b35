"""Half-precision and device faults that one function, or one class, shows by itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from gpufix.source.python.modules import Bindings
from gpufix.source.python.tree import Tree, dotted_name
from gpufix.source.source_facts import HalfCall, StaleDevice

_HALF = ("torch.float16", "torch.half", "torch.bfloat16")
_FLOAT_ONLY = ("rasterize_gaussians", "distCUDA2")
_WITH_RANGES = ("nvdiffrast.torch.rasterize", "nvdiffrast.torch.DepthPeeler")
_RANGES_AT = 4  # glctx, pos, tri, resolution, ranges
_FLOAT_ONLY_FULL = (
    *_WITH_RANGES, "nvdiffrast.torch.interpolate", "nvdiffrast.torch.antialias",
    "nvdiffrast_chunked.rasterize",  # gpufix's own: takes `ranges` anywhere
)  # fmt: skip
_FLOAT_WORDS = [name.encode() for name in _FLOAT_ONLY]
_Function = ast.FunctionDef | ast.AsyncFunctionDef
# A function on few lines: up to the next one at the margin of methods, or of classes.
_DEVICE = re.compile(
    rb"def device\(self\)[^\n]*:[ \t]*\n((?:(?:[ ]{5,}[^\n]*)?\n)*)(?=[ ]{0,4}[@\w#]|\Z)"
)
_LOOP = re.compile(rb"\bfor\b")


_HALF_WORDS = re.compile(rb"\bhalf\(|float16|\branges\s*=|\b(?:rasterize|DepthPeeler)\(")


def may_hand_half(data: bytes, imports: bytes) -> bool:
    """Whether a file has the words of `half_calls`. imports: its lines with imports."""
    called = b"nvdiffrast" in imports or any(map(data.__contains__, _FLOAT_WORDS))
    return called and _HALF_WORDS.search(data) is not None


def may_have_device(data: bytes) -> bool:
    """Whether a file may have what `stale_devices` looks for: `def device(self)` with a loop in it."""
    at = -1
    while (at := data.find(b"def device(self", at + 1)) >= 0:
        body = _DEVICE.match(data, at)
        if body is None or _LOOP.search(body[1]) or body[1].count(b'"""') % 2:
            return True
    return False


def may_move_one(data: bytes) -> bool:
    """Whether a file has the words of `single_moves`."""
    return b"].to(" in data or b"].cpu(" in data or b"].cuda(" in data


def half_calls(tree: Tree) -> tuple[HalfCall, ...]:
    """Half tensors handed to float32-only calls, and `ranges` made on the GPU.

    Only where the tensor's type or device is written in the same function.
    """
    rows: list[HalfCall] = []
    names = Bindings(tree)
    calls = {c: name for c in tree.each(ast.Call) if (name := _float_only(c, names))}
    functions = [f for c in calls for f, _ in tree.ancestors(c) if isinstance(f, _Function)]
    for function in dict.fromkeys(functions):
        rows += _in_function(function, calls)
    return tuple(rows)


def _float_only(call: ast.Call, names: Bindings) -> str | None:
    """The name of a function that takes float32 alone: in full, of what imports tell."""
    dotted = dotted_name(call.func) or ""
    full = names.meaning(dotted)
    if full in _FLOAT_ONLY_FULL:
        return full
    last = dotted.rpartition(".")[2]
    return last if last in _FLOAT_ONLY else None


def _in_function(function: _Function, known: dict[ast.Call, str]) -> Iterator[HalfCall]:
    values: dict[str, list[ast.expr]] = {}
    calls: list[ast.Call] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.Call) and node in known:
            calls.append(node)

    def settled(node: ast.expr) -> ast.expr | None:
        if isinstance(node, ast.Name):
            given = values.get(node.id, [])
            return given[0] if len(given) == 1 else None
        return node

    for call in calls:
        name = known[call].rpartition(".")[2]
        ranges = _ranges(call) if known[call] in _WITH_RANGES else None
        value = settled(ranges) if ranges is not None else None
        if ranges is not None and value is not None and _on_gpu(value):
            yield _row(ranges, "ranges", name)
        for argument in [*call.args, *(k.value for k in call.keywords)]:
            value = settled(argument)
            if value is not None and _is_half(value):
                yield _row(argument, "half", name)


def _ranges(call: ast.Call) -> ast.expr | None:
    """The argument `ranges` of nvdiffrast's functions, by name or by place."""
    for keyword in call.keywords:
        if keyword.arg == "ranges":
            return keyword.value
    placed = call.args[: _RANGES_AT + 1]
    if len(placed) <= _RANGES_AT or any(isinstance(a, ast.Starred) for a in placed):
        return None
    return placed[_RANGES_AT]


def _row(node: ast.expr, kind: Literal["ranges", "half"], call: str) -> HalfCall:
    return HalfCall(node.lineno, kind, call, ast.unparse(node)[:80])


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


def stale_devices(tree: Tree) -> tuple[StaleDevice, ...]:
    """Classes whose `device` property asks the first of several modules, and the line of the class
    that moves a single one."""
    rows = []
    for node in tree.each(ast.ClassDef):
        prop = next((f for f in node.body if _is_device_property(f)), None)
        collection = _asks_the_first(prop) if prop is not None else None
        if prop is not None and collection:
            moved = next(
                (line for line, name in _moves(ast.walk(node)) if name == f"self.{collection}"), 0
            )
            rows.append(StaleDevice(prop.lineno, node.name, moved, collection))
    return tuple(rows)


class SingleMove(NamedTuple):
    """pipeline.models["x"].to(…). `class_`: the one around it, where the owner is `self`."""

    line: int
    owner: str  # "pipeline"
    collection: str  # "models"
    class_: str


def single_moves(tree: Tree) -> tuple[SingleMove, ...]:
    """Where one module out of a collection is moved."""
    rows = []
    for call in tree.each(ast.Call):
        for line, name in _moves([call]):
            around = (p.name for p, _ in tree.ancestors(call) if isinstance(p, ast.ClassDef))
            owner, _, collection = name.rpartition(".")
            rows.append(SingleMove(line, owner.rpartition(".")[2], collection, next(around, "")))
    return tuple(rows)


def device_uses(tree: Tree) -> tuple[tuple[str, tuple[str, ...], tuple[tuple[int, str], ...]], ...]:
    """For each class its name, its bases' last names, and where it reads self.device.

    The property itself is no use, and neither is an attribute that the class sets.
    """
    rows = []
    named = [x for x in tree.each(ast.Attribute) if dotted_name(x) == "self.device"]
    places = [(x, {parent for parent, _ in tree.ancestors(x)}) for x in named]
    for node in tree.each(ast.ClassDef):
        own = next((f for f in node.body if _is_device_property(f)), None)
        found = [x for x, around in places if node in around and own not in around]
        bases = tuple((dotted_name(b) or "").rpartition(".")[2] for b in node.bases)
        reads = [x for x in found if isinstance(x.ctx, ast.Load)]
        if len(reads) < len(found):
            continue
        uses = sorted({(x.lineno, tree.function_around(x)) for x in reads})
        rows.append((node.name, bases, tuple(uses)))
    return tuple(rows)


def _is_device_property(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.FunctionDef)
        and node.name == "device"
        and any(isinstance(d, ast.Name) and d.id == "property" for d in node.decorator_list)
    )


def _asks_the_first(function: ast.stmt) -> str | None:
    """The collection of which a loop returns at the first: `for m in self.models.values()`.

    None where it can return what the class has noted itself: `return self._device`.
    """
    returns = [x.value for x in ast.walk(function) if isinstance(x, ast.Return) and x.value]
    if any((dotted_name(value) or "").startswith("self.") for value in returns):
        return None
    for loop in ast.walk(function):
        if isinstance(loop, ast.For) and any(isinstance(x, ast.Return) for x in ast.walk(loop)):
            for part in ast.walk(loop.iter):
                name = dotted_name(part) if isinstance(part, ast.Attribute) else None
                if name and name.startswith("self.") and name.count(".") == 1:
                    return name[5:]
    return None


def _moves(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """X.models["x"].to(...) or .cpu(): one module out of a collection."""
    for call in nodes:
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            owner = call.func.value
            moves = call.func.attr in ("to", "cpu", "cuda") and isinstance(owner, ast.Subscript)
            name = dotted_name(getattr(owner, "value", call)) or ""
            if moves and "." in name:
                yield call.lineno, name
