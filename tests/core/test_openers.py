"""Files are opened in files.py alone: there nothing blocks, and every read has a limit."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import modules

# Who opens files himself, and why he may. A name that ends in "." stands for all below it.
ALLOWED = {
    "files": "it is the opener",
    "__main__": "/dev/null, in place of closed streams",
    "process": "imports nothing: appends to the log of a program, and reads /proc",
    "binary.wheel": "zipfile takes a file: it is made of the opener's descriptor",
    "fallbacks.common.native": "runs in the patient: reads its own source beside it",
    "facts.node.kernel_log": "/dev/kmsg, a device: read without blocking, a record at a time",
    "facts.node.nvml_health": "a process of its own, within a time limit: opens a GPU's device node",
    "facts.python.probe": "runs as the patient's interpreter, within a time limit",
    "kernels.torch_extension.build_op": "runs as the patient's interpreter, within a time limit",
    "fleet.engines.ray_task": "runs on nodes without gpufix: reads its parent's /proc/PID/environ",
    "fleet.smoke.node": "runs on nodes without gpufix, as the patient's interpreter: its plan, /proc",
    "fleet.smoke.rank": "runs on nodes without gpufix, as the patient's interpreter: its plan",
    "smoke.nvml_watch": "runs as a process of its own, within a time limit",
    "engine.": "writes: its journal, its logs, and what it is about to change",
}
READERS = {"read_text", "read_bytes", "FileIO", "run_path", "copyfile", "copy2", "memmap"}


def openers(tree: ast.AST) -> Iterator[int]:
    """The lines of calls that open a file by its name; folders and writers are no such calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _opens(node):
            yield node.lineno


def _opens(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name):
        return call.func.id == "open" or call.func.id in READERS
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr != "open":
        return call.func.attr in READERS
    if "O_DIRECTORY" in ast.unparse(call):
        return False
    module = ast.unparse(call.func.value) in ("os", "io", "tarfile", "gzip", "lzma", "bz2")
    return module or not call.args or _is_mode(call.args[0])


def _is_mode(argument: ast.expr) -> bool:
    """Path.open's first argument is "rb"; that of other methods named open is not."""
    value = argument.value if isinstance(argument, ast.Constant) else None
    return isinstance(value, str) and set(value) <= set("rwabxt+")


def _allowed(module: str) -> bool:
    return any(module == name or (name[-1] == "." and module.startswith(name)) for name in ALLOWED)


@pytest.mark.parametrize(
    ("code", "opens"),
    [
        ("archive.open(member)", False),
        ("files.open('/x')", False),
        ("os.open(folder, os.O_RDONLY | os.O_DIRECTORY)", False),
        ("os.fdopen(descriptor, 'rb')", False),
        ("read(path, 4096)", False),
        ("path.write_text(text)", False),
        ("open(path)", True),
        ("open(path, 'rb')", True),
        ("path.open()", True),
        ("path.open('rb')", True),
        ("Path(x).open(mode, encoding='utf-8') if a else b.open(encoding='utf-8')", True),
        ("path.read_text()", True),
        ("(folder / 'x').read_bytes()", True),
        ("os.open(path, os.O_RDONLY)", True),
        ("io.open(path)", True),
    ],
)
def test_what_opens_a_file_is_told(code: str, opens: bool) -> None:
    assert bool(list(openers(ast.parse(code)))) is opens


def test_no_other_module_opens_files() -> None:
    found = {
        f"{name}:{line}"
        for name, path in modules().items()
        if not _allowed(name)
        for line in _openers(path)
    }
    assert found == set()


@pytest.mark.parametrize("allowed", ALLOWED)
def test_whoever_may_open_files_does(allowed: str) -> None:
    named = [
        path
        for name, path in modules().items()
        if (name + ".").startswith(allowed.rstrip(".") + ".")
    ]
    assert any(any(_openers(path)) for path in named)


def _openers(path: Path) -> Iterator[int]:
    text = path.read_text(encoding="utf-8")
    if any(name in text for name in ("open(", *READERS)):  # else it need not be parsed
        yield from openers(ast.parse(text))
