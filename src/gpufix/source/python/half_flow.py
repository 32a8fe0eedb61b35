"""Whole models cast to half precision, and what takes float32 alone, across a project's files.

A cast of all modules stands in one file, the call that asks for it in another, what cannot take its
results in a third. So a file only tells rows; evidence/half_precision.py joins them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Literal

from gpufix.frozen import Frozen
from gpufix.source.edits import Edit, Offsets, applied
from gpufix.source.python.modules import Bindings
from gpufix.source.python.tree import Tree, dotted_name
from gpufix.source.source_facts import HalfCast, HalfSink

_HALF = ("torch.float16", "torch.half", "torch.bfloat16")
_CAST_WORDS = (b"half", b"f16", b"float16", b"fp16", b".to(")
_CAST = re.compile(
    rb"[ \t]+[\w.]+\.(?:half|bfloat16)\(\)|[ \t]*[\w.]+\.\w+\([^\n]*(?:float16|torch\.half)"
    rb"|[ \t]+\w+\.to\((?:dtype=)?\w+\)[ \t]*\r?(?:\n|\Z)"
    rb"|[ \t]*[\w.]*(?:half|fp16|f16|float16)\w*\(\w*\)"
)
_MODULE_WORDS = (b"models", b"modules", b".children()")
_LOOP = re.compile(rb"^[ \t]*for\b[^\n]*", re.MULTILINE)
# A statement that begins with one name: what a loop gives, cast.
_CAST_ONE = re.compile(rb"[ \t]+\w+\.(?:(?:half|bfloat16|to)\(|\w+\([^\n]*(?:float16|torch\.half))")
_SAYS_HALF = re.compile(r"half|fp16|f16|float16", re.IGNORECASE)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def may_cast(data: bytes) -> bool:
    """Whether a file has a line of `casts`."""
    return any(_on_a_line(data, word, _CAST) for word in _CAST_WORDS)


def may_cast_all(data: bytes) -> bool:
    """Whether a file has lines of a loop over modules and of a cast in it."""
    if not any(map(data.__contains__, _MODULE_WORDS)):
        return False
    if not any(_on_a_line(data, word, _CAST_ONE) for word in _CAST_WORDS):
        return False
    return any(_runs_over_modules(head[0]) for head in _LOOP.finditer(data))


def _runs_over_modules(head: bytes) -> bool:
    """Whether the head of a `for` has one of the words, or goes on in the next line."""
    if any(map(head.__contains__, _MODULE_WORDS)) or head.rstrip().endswith(b"\\"):
        return True
    return sum(map(head.count, (b"(", b"[", b"{"))) > sum(map(head.count, (b")", b"]", b"}")))


def _on_a_line(data: bytes, word: bytes, pattern: re.Pattern[bytes]) -> bool:
    """Only lines that hold the word are matched: an expression tried at every line takes ten times as long."""
    at = data.find(word)
    while at >= 0:
        if pattern.match(data, data.rfind(b"\n", 0, at) + 1):
            return True
        end = data.find(b"\n", at)
        at = data.find(word, end) if end >= 0 else end
    return False


def may_sink(data: bytes) -> bool:
    """Whether a file has the words of `sinks`."""
    if b"torch" not in data:
        return False
    if b"index_add" in data or b"GaussianRasterizer(" in data:
        return True
    if b"nn.Linear(" in data and (b"float32" in data or b".float()" in data):
        return True
    return b"nvdiffrast" in data and b"rasterize(" in data


def casts(tree: Tree) -> tuple[HalfCast, ...]:
    """Statements that cast every module of a collection, and calls that ask a method for that.

    A statement, since a module is cast in place and a tensor is not.
    """
    rows = []
    for node in tree.each(ast.Expr):
        call = node.value
        if not isinstance(call, ast.Call):
            continue
        text = ast.unparse(call)[:80]
        named = (dotted_name(call.func) or "").rpartition(".")[2]
        if _SAYS_HALF.search(named) and len(call.args) < 2 and named not in ("half", "bfloat16"):
            rows.append(HalfCast(call.lineno, "call", named, text))
            continue
        if not isinstance(call.func, ast.Attribute):
            continue
        name, half = call.func.attr, _makes_half(call)
        loop = _module_loop(tree, call)
        if half and loop:
            rows.append(HalfCast(call.lineno, "all", tree.function_around(call), text))
        elif half:
            rows.append(HalfCast(call.lineno, "call", name, text))
        elif loop and (method := _asked(tree, call)):
            rows.append(HalfCast(call.lineno, "method", method, text))
    return tuple(rows)


def _makes_half(call: ast.Call) -> bool:
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr in ("half", "bfloat16") and not call.args and not call.keywords:
        return True
    given = [*call.args, *(k.value for k in call.keywords)]
    return any(dotted_name(value) in _HALF for value in given)


def _module_loop(tree: Tree, call: ast.Call) -> bool:
    """Whether the receiver runs over all of a collection: `for m in self.models.values():`."""
    assert isinstance(call.func, ast.Attribute)
    owner = call.func.value
    if not isinstance(owner, ast.Name):
        return False
    for parent, _ in tree.ancestors(call):
        if isinstance(parent, ast.For):
            names = {n.id for n in ast.walk(parent.target) if isinstance(n, ast.Name)}
            if owner.id in names:
                source = ast.unparse(parent.iter)
                return "models" in source or "modules" in source or ".children()" in source
    return False


def _asked(tree: Tree, call: ast.Call) -> str | None:
    """The method of whose parameter `.to(x)` takes the type: "to_dtype"."""
    assert isinstance(call.func, ast.Attribute)
    given = [*call.args, *(k.value for k in call.keywords if k.arg == "dtype")]
    if call.func.attr != "to" or len(given) != 1 or not isinstance(given[0], ast.Name):
        return None
    for parent, _ in tree.ancestors(call):
        if isinstance(parent, _Function):
            known = [a.arg for a in (*parent.args.args, *parent.args.kwonlyargs)]
            takes = given[0].id in known and (parent.name != "to" or "type" in given[0].id)
            return parent.name if takes else None
    return None


class _Scope(Frozen):
    """One function: what its names are given, and its parameters."""

    values: dict[str, list[ast.expr]]
    parameters: frozenset[str]
    tree: Tree


def sinks(tree: Tree) -> tuple[HalfSink, ...]:
    """What fails where whole modules are half: one row for each function and kind.

    Silent where the value is made float32 on the way, or follows the type of what it meets.
    """
    names = Bindings(tree)
    layers = _layers(tree, names)
    rows: list[HalfSink] = []
    functions: list[_Function] = [*tree.each(ast.FunctionDef), *tree.each(ast.AsyncFunctionDef)]
    for function in functions:
        scope = _scope(tree, function)
        calls = [node for node in _own(function) if isinstance(node, ast.Call)]
        found = [
            *_additions(scope, calls),
            *_rasterisers(scope, calls, names),
            *_linear(scope, calls, layers),
        ]
        kinds = dict.fromkeys((kind, call) for kind, call, _, _ in found)
        for kind, name in kinds:
            mine = [row for row in found if row[:2] == (kind, name)]
            lines = tuple(dict.fromkeys(node.lineno for _, _, node, _ in mine))
            edits = tuple(dict.fromkeys(place for *_, places in mine for place in places))
            text = ast.unparse(mine[0][2])[:80]
            rows.append(HalfSink(lines[0], kind, name, text, lines, edits))
    return tuple(sorted(rows, key=lambda row: row.line))


# kind, name of what is called, the call, and (line, column, end line, end column, template) of edits
_Place = tuple[int, int, int, int, str]
_Kind = Literal["index_add", "gaussian", "nvdiffrast", "linear"]
_Found = tuple[_Kind, str, ast.Call, tuple[_Place, ...]]


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """Nodes of the function, without those of functions within it."""
    queue = list(ast.iter_child_nodes(function))
    while queue:
        node = queue.pop(0)
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            queue += ast.iter_child_nodes(node)


def _scope(tree: Tree, function: _Function) -> _Scope:
    values: dict[str, list[ast.expr]] = {}
    for node in _own(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            values.setdefault(node.target.id, []).append(node.value)
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return _Scope(values, frozenset(names) - {"self", "cls"}, tree)


_FLOAT = ("torch.float32", "torch.float")
_KEEPS = [
    "view",
    "reshape",
    "flatten",
    "unsqueeze",
    "squeeze",
    "transpose",
    "permute",
    "contiguous",
    "repeat",
    "expand",
    "clone",
    "detach",
    "cuda",
    "cpu",
    "exp",
    "cos",
    "sin",
    "log",
    "sqrt",
    "abs",
    "norm",
    "clamp",
    "clamp_min",
    "softmax",
    "sum",
    "mean",
    "requires_grad_",
    "T",
    "index_add",
    "index_add_",
    "scatter_add",
    "scatter_add_",
]
_OF_ARGUMENTS = [
    "cat",
    "stack",
    "exp",
    "cos",
    "sin",
    "log",
    "sqrt",
    "abs",
    "zeros_like",
    "ones_like",
    "empty_like",
    "bmm",
    "matmul",
    "mm",
    "clamp",
    "clamp_min",
    "where",
]
_MAKERS = ["zeros", "ones", "empty", "full", "rand", "randn", "eye", "arange", "linspace", "tensor"]


def _is_float(node: ast.expr | None, scope: _Scope, depth: int = 0) -> bool:
    """Whether a value is seen to be float32, whatever the modules are."""
    if node is None or depth > 12:
        return False
    if isinstance(node, ast.Name):
        given = [v for v in scope.values.get(node.id, []) if not _names(v, node.id)]
        known = [v for v in given if not (isinstance(v, ast.Constant) and v.value is None)]
        return bool(known) and all(_is_float(v, scope, depth + 1) for v in known)
    if isinstance(node, (ast.Subscript, ast.Starred)):
        return _is_float(node.value, scope, depth + 1)
    if isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        return any(_is_float(side, scope, depth + 1) for side in sides)
    if isinstance(node, ast.UnaryOp):
        return _is_float(node.operand, scope, depth + 1)
    if isinstance(node, (ast.List, ast.Tuple)):
        return any(_is_float(e, scope, depth + 1) for e in node.elts)
    if isinstance(node, ast.IfExp):
        return all(
            _is_float(e, scope, depth + 1)
            for e in (node.body, node.orelse)
            if not (isinstance(e, ast.Constant) and e.value is None)
        )
    if not isinstance(node, ast.Call):
        return False
    return _call_is_float(node, scope, depth)


def _names(node: ast.expr, name: str) -> bool:
    """Whether a value is made from the name itself: it keeps its type, or is cast, which counts."""
    parts = list(ast.walk(node))
    if any(
        isinstance(part, ast.Attribute) and part.attr in ("to", "half", "type") for part in parts
    ):
        return False
    return any(isinstance(part, ast.Name) and part.id == name for part in parts)


def _call_is_float(node: ast.Call, scope: _Scope, depth: int) -> bool:
    dotted = dotted_name(node.func) or ""
    typed = [k.value for k in node.keywords if k.arg == "dtype"]
    attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if attribute in ("to", "type") and not dotted.startswith("torch."):
        typed += [
            a for a in node.args if "dtype" in ast.unparse(a) or dotted_name(a) in (*_FLOAT, *_HALF)
        ]
        if not typed and isinstance(node.func, ast.Attribute):
            moves = all(
                "device" in ast.unparse(a) or isinstance(a, ast.Constant) for a in node.args
            )
            return moves and _is_float(node.func.value, scope, depth + 1)
    if typed:
        return any(dotted_name(value) in _FLOAT for value in typed)
    if attribute == "float" and not node.args:
        return True
    if dotted.startswith("torch.") and attribute in _OF_ARGUMENTS:
        return any(_is_float(a, scope, depth + 1) for a in node.args)
    if attribute in _KEEPS and isinstance(node.func, ast.Attribute):
        return _is_float(node.func.value, scope, depth + 1)
    return _returns_float(node, scope, depth)


def _returns_float(node: ast.Call, scope: _Scope, depth: int) -> bool:
    """Of a function of this file: all that it returns is float32."""
    name = (dotted_name(node.func) or "").removeprefix("self.").removeprefix("cls.")
    function = scope.tree.functions.get(name)
    if function is None or depth > 3:
        return False
    own = _scope(scope.tree, function)
    values = [n.value for n in _own(function) if isinstance(n, ast.Return)]
    return bool(values) and all(_is_float(v, own, depth + 4) for v in values)


def _additions(scope: _Scope, calls: Sequence[ast.Call]) -> Iterator[_Found]:
    """index_add into a container that was made without a type, of something else than float32."""
    for call in calls:
        attribute = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if attribute not in ("index_add", "index_add_") or not isinstance(call.func, ast.Attribute):
            continue
        into, source = call.func.value, _argument(call, "source", 2)
        if not isinstance(into, ast.Name) or source is None or not _made_float(into, scope):
            continue
        if not _is_float(source, scope) and _of_parameters(source, scope):
            yield "index_add", attribute, call, (_place(source, "{}.float()"),)


def _made_float(name: ast.Name, scope: _Scope) -> bool:
    """torch.zeros(…) without a type is float32; the later values are what is added to it."""
    given = scope.values.get(name.id, [])
    first = given[0] if given else None
    if not isinstance(first, ast.Call):
        return False
    dotted = dotted_name(first.func) or ""
    made = dotted in ("torch.zeros", "torch.ones", "torch.empty", "torch.full")
    return made and not any(k.arg in ("dtype", None) for k in first.keywords)


def _of_parameters(node: ast.expr, scope: _Scope, depth: int = 0) -> bool:
    """Whether a value comes from what the function was handed: its type is the caller's."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and depth < 8:
            if part.id in scope.parameters:
                return True
            if any(_of_parameters(v, scope, depth + 1) for v in scope.values.get(part.id, [])):
                return True
    return False


def _argument(call: ast.Call, name: str, place: int) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[place] if len(call.args) > place else None


_SPLATS = ("means3D", "opacities", "shs", "colors_precomp", "scales", "rotations", "cov3D_precomp")


def _rasterisers(scope: _Scope, calls: Sequence[ast.Call], names: Bindings) -> Iterator[_Found]:
    """Rasterisers that are handed attributes of what the function was given, as they are."""
    for call in calls:
        full = names.meaning(dotted_name(call.func) or "") or ""
        if full == "nvdiffrast.torch.rasterize":
            given = [_argument(call, "pos", 1)]
            kind: _Kind = "nvdiffrast"
            name = "rasterize"
        elif _is_splatter(call, scope):
            given = [k.value for k in call.keywords if k.arg in _SPLATS] or [*call.args]
            kind, name = "gaussian", "GaussianRasterizer"
        else:
            continue
        leaves = [
            leaf
            for value in given
            if value is not None and not _is_float(value, scope)
            for leaf in _leaves(value, scope)
        ]
        if leaves:
            yield kind, name, call, tuple(_place(leaf, "{}.float()") for leaf in leaves)


def _is_splatter(call: ast.Call, scope: _Scope) -> bool:
    """rasterizer(…) where rasterizer = GaussianRasterizer(…)."""
    if not isinstance(call.func, ast.Name):
        return False
    for value in scope.values.get(call.func.id, []):
        if isinstance(value, ast.Call):
            made = (dotted_name(value.func) or "").rpartition(".")[2]
            if made == "GaussianRasterizer":
                return True
    return False


def _leaves(node: ast.expr, scope: _Scope, depth: int = 0) -> Iterator[ast.expr]:
    """Attributes of parameters from which a value is made: `pc.get_xyz`, `pc.get_covariance(x)`."""
    if depth > 12 or _is_float(node, scope):
        return
    root, plain = _root(node)
    if root in scope.parameters and plain:
        yield node
        return
    if isinstance(node, ast.Name):
        for value in scope.values.get(node.id, []):
            yield from _leaves(value, scope, depth + 1)
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and not _is_type(child):
            yield from _leaves(child, scope, depth + 1)


def _is_type(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("dtype", "device", "shape")


def _root(node: ast.expr) -> tuple[str, bool]:
    """(the name before the first dot, whether the rest is one attribute, perhaps called)."""
    inner = node.func if isinstance(node, ast.Call) else node
    if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
        return inner.value.id, not _is_type(inner) and "active" not in inner.attr
    return "", False


def _layers(tree: Tree, names: Bindings) -> frozenset[str]:
    """Attributes of modules that begin with a Linear: self.mlp = nn.Sequential(nn.Linear(…))."""
    found = set()
    for node in tree.each(ast.Assign):
        target = dotted_name(node.targets[0]) or ""
        if target.startswith("self.") and isinstance(node.value, ast.Call):
            made = node.value
            if (dotted_name(made.func) or "").endswith(".Sequential") and made.args:
                first = made.args[0]
                made = first if isinstance(first, ast.Call) else made
            if names.meaning(dotted_name(made.func) or "") == "torch.nn.Linear":
                found.add(target)
    return frozenset(found)


def _linear(scope: _Scope, calls: Sequence[ast.Call], layers: frozenset[str]) -> Iterator[_Found]:
    """A value that is always float32 handed to a layer that the cast has made half."""
    for call in calls:
        name = dotted_name(call.func) or ""
        alone = name in layers and len(call.args) == 1 and not call.keywords
        if alone and _is_float(call.args[0], scope):
            cast = f"{{}}.to(next({name}.parameters()).dtype)"
            yield "linear", name, call, (_place(call.args[0], cast),)


def _place(node: ast.expr, template: str) -> _Place:
    simple = isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
    text = template if simple else template.replace("{}", "({})")
    end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
    return (node.lineno, node.col_offset, *end, text)


def cast_at(text: str, places: Sequence[_Place]) -> str | None:
    """The text with these values cast; None where that is no Python any more."""
    offsets, edits = Offsets(text), []
    for line, column, end_line, end_column, template in places:
        start, end = offsets.at(line, column), offsets.at(end_line, end_column)
        edits.append(Edit(start, end, template.replace("{}", text[start:end])))
    changed = applied(text, edits)
    Tree(changed)
    return changed
