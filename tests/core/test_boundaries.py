"""Who may import whom: checks and fixes are pure, the default doctor imports no torch."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gpufix

SOURCE = Path(gpufix.__file__).parent
FORBIDDEN = ("gpufix.facts", "gpufix.engine", "subprocess", "torch", "os", "ctypes", "socket")
PURE = sorted([*(SOURCE / "checks").rglob("*.py"), *(SOURCE / "fixes").rglob("*.py")])


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", PURE, ids=lambda p: p.stem)
def test_checks_and_fixes_are_pure(path: Path) -> None:
    for name in imported(path):
        assert not name.startswith(tuple(f"{f}." for f in FORBIDDEN)), name
        assert name not in FORBIDDEN, name


# Who runs, ends or becomes another process, beside process.py, and why.
RUNNERS = {
    "cli/run.py": "the command replaces gpufix: exec, and nothing is left to watch it",
    "kernels/torch_extension/build_op.py": "runs in the patient; asks the compilers what they are",
    "fleet/engines/ray_task.py": "runs in a Ray worker of a node that may have no gpufix",
    "fleet/smoke/node.py": "runs on nodes without gpufix, as the patient's interpreter",
    "fallbacks/common/native.py": "runs in the patient; starts the C++ compiler in the background",
    "fallbacks/common/tiers.py": "runs in the patient; names the error that torch's compilers raise",
}
MODULES = {"subprocess", "multiprocessing", "pty", "_posixsubprocess", "popen2", "commands"}
CALLS = re.compile(
    r"os\.(system|popen|fork|forkpty|kill|killpg|exec\w+|spawn\w+|posix_spawnp?|startfile|pidfd_open)"
    r"|signal\.(pidfd_send_signal|raise_signal)|asyncio\.create_subprocess_\w+"
)


NAMES = re.compile(rf"\b(?:os|signal|asyncio|{'|'.join(MODULES)})\b")


def runs_processes(path: Path) -> bool:
    used, loaded = [], []
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if NAMES.search(text) else ():
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.append(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Import):
            loaded += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            loaded.append(node.module or "")
            used += [f"{node.module}.{alias.name}" for alias in node.names]
    return any(map(CALLS.fullmatch, used)) or any(n.partition(".")[0] in MODULES for n in loaded)


def test_one_module_runs_processes() -> None:
    """All others go through gpufix.process; an exception that needs none leaves the list."""
    found = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if runs_processes(path)}
    assert found == {"process.py", *RUNNERS}


def test_the_runner_imports_nothing_of_ours() -> None:
    assert [n for n in imported(SOURCE / "process.py") if n.startswith("gpufix")] == []


def test_the_model_imports_nothing_of_ours_but_itself() -> None:
    for path in (SOURCE / "model").glob("*.py"):
        ours = [n for n in imported(path) if n.startswith("gpufix.")]
        assert all(n.startswith(("gpufix.model", "gpufix.frozen")) for n in ours), path


def test_the_probe_parses_as_python_3_7() -> None:
    text = (SOURCE / "facts" / "python" / "probe.py").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 7))


@pytest.mark.parametrize("module", ["torch", "numpy", "pynvml", "rich.progress"])
def test_the_command_line_loads_nothing_heavy(module: str) -> None:
    code = f"from gpufix.cli.app import application; application(); import sys; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


_RUN = """
import atexit, sys
from gpufix.__main__ import main
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
main()
"""


def _imported(*arguments: str) -> set[str]:
    """What a command line imports."""
    command = [sys.executable, "-c", _RUN, *arguments]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stderr.split())


def test_the_version_is_printed_without_typer() -> None:
    assert not {"typer", "tempfile", "gpufix.cli.app"} & _imported("--version")


def test_a_command_is_run_without_the_others() -> None:
    imported = _imported("env", "--help")
    assert "gpufix.cli.env" in imported
    assert "gpufix.cli.doctor" not in imported
