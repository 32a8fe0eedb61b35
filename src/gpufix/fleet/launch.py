"""The command that each node runs: its own gpufix where it is this version, else the streamed one."""

from __future__ import annotations

import sys
from typing import Literal

import gpufix
from gpufix.fleet.engines import PYTHON, Work
from gpufix.fleet.pack import zipapp
from gpufix.frozen import Frozen

Source = Literal["auto", "node", "stream"]
NO_GPUFIX, NO_PYTHON, NO_FOLDER = 97, 98, 99

# One line for any login shell: no single quote, no newline, no `!`. $1: the environment's Python or
# folder, $2: this gpufix's version, $3: where gpufix comes from; then the arguments of the probe.
_SCRIPT = (
    "p=$1; v=$2; m=$3; shift 3; h=; "
    "case $m in stream) ;; *) "
    'for g in "$(command -v gpufix 2>/dev/null)" "$p/bin/gpufix" "${p%/*}/gpufix"; do '
    'test -f "$g" && test -x "$g" || continue; '
    'h=$("$g" --version 2>/dev/null </dev/null); '
    'test "$h" = "gpufix $v" && exec "$g" fleet probe "$@" </dev/null; '
    "done;; esac; "
    'case $m in node) echo "${h:-no gpufix} there, gpufix $v here" >&2; exit 97;; esac; '
    'c=; for i in "$p" "$p/bin/python" python3 python3.14 python3.13 python3.12 python3.11 '
    "python3.10; do "
    'test -n "$i" || continue; test -d "$i" && continue; '
    '"$i" -I -S -B -c "import sys; sys.exit(sys.version_info < (3, 10))" </dev/null 2>/dev/null '
    "&& c=$i && break; done; "
    'test -n "$c" || { echo "no gpufix, and no Python from 3.10 on to run a streamed one" >&2; '
    "exit 98; }; "
    'umask 077; d=$(mktemp -d) || exit 99; u() { rm -rf -- "$d"; }; trap u EXIT; '
    'trap "exit 143" HUP INT TERM; cat > "$d/gpufix.pyz" || exit 99; '
    'TMPDIR=$d GPUFIX_STREAMED=1 GPUFIX_THERE=$h "$c" -I -S -B "$d/gpufix.pyz" fleet probe "$@"'
)


class Look(Frozen):
    """What each node is to look at. `python` None = as the engine or the node chooses."""

    python: str | None = None
    project: str | None = None
    deep: bool = False
    source: Source = "auto"
    seconds: float = 120.0
    defer: bool = False


def work(look: Look, default: str = "") -> Work:
    """`default`: what stands for the environment where none was named: PYTHON for Ray's own."""
    python = look.python or default
    arguments = ["--python", python] if python else []
    arguments += ["--project", look.project] if look.project else []
    arguments += ["--deep"] if look.deep else []
    arguments += ["--defer"] if look.defer else []
    arguments += ["--seconds", f"{look.seconds:.0f}"]
    command = ("sh", "-c", _SCRIPT, "gpufix", python, gpufix.__version__, look.source, *arguments)
    given = b"" if look.source == "node" else zipapp()
    return Work(command, given, look.seconds)


def here(look: Look) -> Work:
    """For this machine: the gpufix that runs, found where this process has found it."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from gpufix.__main__ import main; main()"
    whole = work(look).command[7:]
    return Work((PYTHON, "-I", "-c", code, "fleet", "probe", *whole), seconds=look.seconds)
