"""What runs on a node, as one command and one file: the modules of this package, and the plan."""

from __future__ import annotations

import importlib.util
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import gpufix
from gpufix.files import own
from gpufix.fleet.engines import NODE, Work
from gpufix.fleet.pack import write
from gpufix.kernels.manifest import SUITE
from gpufix.kernels.torch_program import TORCH_QUICK

NO_PYTHON, NO_FOLDER = 98, 99
_PACKAGES = ("__init__.py", "fleet/__init__.py", "fleet/wire.py", "fleet/smoke/__init__.py")
_MODULES = (
    "pairing", "ratios", "naming", "network", "copies", "meeting", "group", "exchange", "rounds",
    "reduces", "rank", "node",
)  # fmt: skip

# One line for any login shell: no single quote, no newline, no `!`. $1: the environment's Python or
# folder, empty for python3; then what to do, and the node's name.
_SCRIPT = (
    "p=$1; shift; c=; "
    'if test -z "$p"; then set -- python3 "$@"; elif test -d "$p"; then set -- "$p/bin/python" "$@"; '
    'else set -- "$p" "$@"; fi; c=$1; shift; '
    '"$c" -B -c "import sys; sys.exit(sys.version_info < (3, 9))" </dev/null || '
    '{ echo "$c is no Python from 3.9 on" >&2; exit 98; }; '
    'umask 077; d=$(mktemp -d) || exit 99; u() { rm -rf -- "$d"; }; trap u EXIT; '
    'trap "exit 143" HUP INT TERM; cat > "$d/smoke.pyz" || exit 99; '
    'TMPDIR=$d "$c" -B "$d/smoke.pyz" "$@"'
)
_MAIN = """\
import sys, tempfile, zipfile
folder = tempfile.mkdtemp(prefix="gpufix-")
with zipfile.ZipFile(sys.argv[0]) as archive:
    archive.extractall(folder)
sys.path[0] = folder
from gpufix.fleet.smoke.node import main
main(folder, sys.argv[1:])
"""


def work(what: str, python: str, plan: Mapping[str, Any], seconds: float) -> Work:
    """`what`: "look" or "ranks". `seconds`: how long a node may take to answer."""
    command = ("sh", "-c", _SCRIPT, "gpufix", python, what, NODE)
    return Work(command, _archive(json.dumps(plan)), seconds)


def _archive(plan: str) -> bytes:
    out = io.BytesIO(_modules())
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        write(archive, "plan.json", plan.encode())
    return out.getvalue()


@cache
def _modules() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _files():
            write(archive, name, content)
    return out.getvalue()


def _files() -> Iterator[tuple[str, bytes]]:
    root = Path(gpufix.__file__).parent
    yield "__main__.py", _MAIN.encode()
    yield "quick.py", own(SUITE / TORCH_QUICK.name / "quick.py")
    yield "smoke_rank.py", b"from gpufix.fleet.smoke.rank import main\nmain()\n"
    yield "smoke_topology.py", own(root / "fleet/smoke/topology.py")
    for name in (*_PACKAGES, *(f"fleet/smoke/{module}.py" for module in _MODULES)):
        yield f"gpufix/{name}", own(root / name)
    found = importlib.util.find_spec("pynvml")
    if found is not None and found.origin is not None:
        yield "pynvml.py", own(Path(found.origin))
