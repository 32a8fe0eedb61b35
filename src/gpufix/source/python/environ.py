"""How a Python file uses environment variables: knobs of a build, overwritten lists, choices."""

from __future__ import annotations

import ast
import re

from gpufix.source.arch_flags import UNKNOWN
from gpufix.source.python.flags import strings
from gpufix.source.python.tree import Tree, dotted_name, environment_name
from gpufix.source.source_facts import ArchKnob, ArchListWrite, BackendChoice

_TORCHS = {"TORCH_CUDA_ARCH_LIST", "PYTORCH_ROCM_ARCH", "CUDAARCHS", "ARCHFLAGS"}
_LISTS = ("TORCH_CUDA_ARCH_LIST", "PYTORCH_ROCM_ARCH")
_KNOB = re.compile(
    r"(CUDA|GPU|NVCC|SM|TORCH|HIP|ROCM|FLASH|BUILD)\w*ARCH|ARCH\w*(CUDA|GPU)|^ARCHS?$"
)
_NUMBER = re.compile(r"\d{2,3}[af]?")
_ENDS = re.compile(rb"_BACKEND['\"]")  # a variable's name does


def knobs(tree: Tree) -> tuple[ArchKnob, ...]:
    """Variables of the project's own that choose architectures."""
    rows: dict[str, ArchKnob] = {}
    for node in _readings(tree):
        name = environment_name(node)
        if not name or name in _TORCHS or not _KNOB.search(name) or name in rows:
            continue
        default = node.args[1] if isinstance(node, ast.Call) and len(node.args) > 1 else None
        text = strings(tree, default)[0] if default is not None else None
        rows[name] = ArchKnob(
            name=name,
            line=node.lineno,
            default=text if text and UNKNOWN not in text else None,
            separator=_separator(tree, node),
            accepts=tuple(_accepted(tree)),
        )
    return tuple(rows.values())


def _readings(tree: Tree) -> list[ast.Call | ast.Subscript]:
    """What may read a variable."""
    return [*tree.each(ast.Call), *tree.each(ast.Subscript)]


def _separator(tree: Tree, node: ast.AST) -> str:
    """What the value is split at: in the same expression, or of the name that it is given."""
    parent = tree.parents.get(node)
    names = [t.id for t in getattr(parent, "targets", []) if isinstance(t, ast.Name)]
    for call in tree.each(ast.Call):
        if not isinstance(call.func, ast.Attribute):
            continue
        of = call.func.value
        if call.func.attr == "split" and (
            of is node or (isinstance(of, ast.Name) and of.id in names)
        ):
            given = strings(tree, call.args[0])[0] if call.args else " "
            return given if UNKNOWN not in given else ";"
    return ";"


def _accepted(tree: Tree) -> list[str]:
    found = set()
    for node in tree.each(ast.Compare):
        if isinstance(node.ops[0], (ast.In, ast.Eq)):
            left = node.left
            if isinstance(left, ast.Constant) and isinstance(left.value, str):
                found |= {left.value} if _NUMBER.fullmatch(left.value) else set()
    return sorted(found)


def may_write(data: bytes) -> bool:
    """Whether a file names one of the architecture lists."""
    return b"TORCH_CUDA_ARCH_LIST" in data or b"PYTORCH_ROCM_ARCH" in data


def may_choose(data: bytes) -> bool:
    """Whether a file may take the choice of a back end from a variable."""
    if b"_BACKEND" not in data or _ENDS.search(data) is None:
        return False
    return b"environ" in data or b"getenv" in data


def writes(tree: Tree) -> tuple[ArchListWrite, ...]:
    """Assignments of the architecture lists; a default is guarded by the variable being unset."""
    rows = []
    nodes: list[ast.Assign | ast.Call] = [*tree.each(ast.Assign), *tree.each(ast.Call)]
    for node in nodes:
        name, value, default = None, None, False
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            target = node.targets[0]
            if dotted_name(target.value) in ("os.environ", "environ"):
                name, value = strings(tree, target.slice)[0], node.value
        elif isinstance(node, ast.Call) and dotted_name(node.func) == "os.environ.setdefault":
            if len(node.args) == 2:
                name, value, default = strings(tree, node.args[0])[0], node.args[1], True
        if name not in _LISTS or value is None:
            continue
        if environment_name(value) == name:
            continue  # the value itself, or a default beside it
        text = strings(tree, value)[0]
        unset = (f"!env:{name}",) if default else ()
        rows.append(
            ArchListWrite(
                name=name,
                line=node.lineno,
                value=None if UNKNOWN in text else text,
                guards=(*tree.guards(node), *unset),
                function=_in_function(tree, node),
            )
        )
    return tuple(sorted(rows, key=lambda row: row.line))


def _in_function(tree: Tree, node: ast.AST) -> bool:
    return any(isinstance(parent, ast.FunctionDef) for parent, _ in tree.ancestors(node))


def choices(tree: Tree) -> tuple[BackendChoice, ...]:
    """Back ends that variables choose."""
    rows: list[BackendChoice] = []
    for node in tree.each(ast.If):
        if found := _membership(node.test):
            name, accepted = found
            variables = [
                v for value in tree.assigned.get(name, []) if (v := environment_name(value))
            ]
            default = _default(tree, node, name)
            if default and any(v.endswith("_BACKEND") for v in variables):
                rows.append(_choice(node, variables, accepted, default))
    for call in tree.each(ast.Call):
        variable = environment_name(call) if len(call.args) == 2 else None
        if variable and variable.endswith("_BACKEND"):
            default = strings(tree, call.args[1])[0]
            if default and UNKNOWN not in default:
                rows.append(_choice(call, [variable], [], default))
    return tuple(sorted(rows, key=lambda row: row.line))


def _choice(
    node: ast.stmt | ast.expr, names: list[str], accepts: list[str], default: str
) -> BackendChoice:
    return BackendChoice(tuple(names), tuple(accepts), default, node.lineno)


def _membership(test: ast.expr) -> tuple[str, list[str]] | None:
    """The name and the list of `name in ["a", "b"]`, alone or within an `and`."""
    for part in test.values if isinstance(test, ast.BoolOp) else [test]:
        if not isinstance(part, ast.Compare) or not isinstance(part.ops[0], ast.In):
            continue
        listed = part.comparators[0]
        if isinstance(part.left, ast.Name) and isinstance(listed, (ast.List, ast.Tuple, ast.Set)):
            texts = [e.value for e in listed.elts if isinstance(e, ast.Constant)]
            if texts and all(isinstance(t, str) for t in texts):
                return part.left.id, [str(t) for t in texts]
    return None


def _default(tree: Tree, node: ast.If, name: str) -> str | None:
    """The literal that the name set in the body holds otherwise."""
    for statement in node.body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Name):
            continue
        target = statement.targets[0]
        if statement.value.id == name and isinstance(target, ast.Name):
            for value in tree.assigned.get(target.id, []):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    return value.value
    return None
