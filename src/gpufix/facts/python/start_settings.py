"""Variables that a Python sets when it starts: by lines of .pth files, and in sitecustomize."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from posixpath import basename

from gpufix.files import read_whole
from gpufix.frozen import Frozen
from gpufix.model import Python

_LIMIT, _FILES = 64 << 10, 100
# Their code sets no variable that anybody else reads.
_PLAIN = {"distutils-precedence.pth", "_virtualenv.pth"}


class Setting(Frozen):
    """One variable. `default`: only where the process has none."""

    name: str
    value: str
    place: str  # "FILE:LINE"
    default: bool


def start_settings(python: Python) -> Iterator[Setting]:
    """In the order in which they run, each line as code is read, and never run."""
    for pth in python.pth_files[:_FILES]:
        if pth.runs_code and basename(pth.path) not in _PLAIN:
            for number, line in enumerate(_text(pth.path).splitlines(), 1):
                if line.startswith(("import ", "import\t")):
                    yield from _settings(line, pth.path, number - 1)
    for name in ("sitecustomize", *(["usercustomize"] if python.user_site else [])):
        paths = (f"{folder}/{name}.py" for folder in python.sys_path)
        path, source = next(((p, t) for p in paths if (t := _text(p))), ("", ""))
        yield from _settings(source, path, 0)


def _text(path: str) -> str:
    try:
        return read_whole(path, _LIMIT).decode("utf-8-sig", "replace")
    except (OSError, ValueError):
        return ""


def _settings(source: str, path: str, above: int) -> Iterator[Setting]:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for statement in body:
        if found := _setting(statement):
            name, value, default = found
            yield Setting(name, value, f"{path}:{above + statement.lineno}", default)


def _setting(node: ast.stmt) -> tuple[str, str, bool] | None:
    """`os.environ["A"] = "b"`, `os.environ.setdefault("A", "b")`."""
    if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Subscript):
        of_environ = ast.unparse(target.value).endswith("environ")
        return _plain(target.slice, node.value, default=False) if of_environ else None
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or len(call.args) != 2:
        return None
    function = ast.unparse(call.func)
    default = function.endswith("environ.setdefault")
    if not default and not function.endswith("environ.__setitem__"):
        return None
    return _plain(*call.args, default=default)


def _plain(name: ast.expr, value: ast.expr, *, default: bool) -> tuple[str, str, bool] | None:
    texts = [n.value if isinstance(n, ast.Constant) else None for n in (name, value)]
    first, second = texts
    if isinstance(first, str) and isinstance(second, str):
        return first, second, default
    return None
