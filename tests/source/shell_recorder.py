"""A script run by bash, with every program replaced by one that notes how it is called."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import needs

# Programs that do run, for what they print.
TOOLS = frozenset((
    "cut", "grep", "sed", "awk", "tr", "head", "tail", "wc", "dirname", "basename", "getopt",
    "uname", "seq", "sort", "cat", "mkdir", "touch",
))  # fmt: skip
WATCHED = ("TORCH_CUDA_ARCH_LIST", "FORCE_CUDA", "MAX_JOBS", "CUDA_HOME", "A_LIST")
_PRELUDE = r"""
command_not_found_handle() {
  case "$1" in
    cut|grep|sed|awk|tr|head|tail|wc|dirname|basename|getopt|uname|seq|sort|cat|mkdir|touch)
      GPUFIX_PROGRAM="$1"; shift
      if [ -x "/usr/bin/$GPUFIX_PROGRAM" ]; then "/usr/bin/$GPUFIX_PROGRAM" "$@"
      else "/bin/$GPUFIX_PROGRAM" "$@"; fi
      return ;;
  esac
  GPUFIX_ROW=$(printf '%q ' "$@")
  GPUFIX_ROW+=$'\n'$PWD$'\n'
  for GPUFIX_NAME in @WATCHED@; do
    case "$(declare -p $GPUFIX_NAME 2>/dev/null)" in
      declare\ -x*|declare\ -*x*) GPUFIX_ROW+=$(printf '%s=%q ' "$GPUFIX_NAME" "${!GPUFIX_NAME}") ;;
    esac
  done
  printf '%s\n' "$GPUFIX_ROW" >> "$GPUFIX_LOG"
  case "$1" in
    git) [ "$2" = clone ] && GPUFIX_GOAL="${!###*/}" && /bin/mkdir -p "${GPUFIX_GOAL%.git}"; return 0 ;;
    nvcc) printf '%s\n' "nvcc: NVIDIA (R) Cuda compiler driver" \
            "Cuda compilation tools, release 12.8, V12.8.61" ;;
    python) case "$3" in
        *__version__*) echo 2.9.0+cu128 ;;
        *version.cuda*) echo 12.8 ;;
      esac ;;
  esac
  return 0
}
PATH=/nonexistent
"""


class Recorded(NamedTuple):
    """A call: its words, its folder below the root, what of WATCHED was exported."""

    words: tuple[str, ...]
    folder: str
    environment: tuple[tuple[str, str], ...]


def recorded(script: str, arguments: list[str], root: Path, log: Path) -> list[Recorded]:
    """Runs the script in an empty folder."""
    prelude = _PRELUDE.replace("@WATCHED@", " ".join(WATCHED))
    run = log.with_suffix(".sh")
    run.write_text(f"{prelude}\nset -- {shlex.join(arguments)}\n{script}\n")
    log.write_text("")
    environment = {"GPUFIX_LOG": str(log), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    bash = str(needs.path("bash"))
    subprocess.run(
        [bash, "--norc", str(run)], cwd=root, env=environment, check=False, timeout=30,
        stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    rows = log.read_text().split("\n")
    return [
        Recorded(tuple(words(rows[n])), _below(rows[n + 1], root), _pairs(rows[n + 2]))
        for n in range(0, len(rows) - 2, 3)
    ]


def words(line: str) -> list[str]:
    """Words as %q has them."""
    found = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True
    )
    return found.stdout.decode().split("\0")[:-1]


def _below(folder: str, root: Path) -> str:
    return folder.removeprefix(str(root)).lstrip("/")


def _pairs(line: str) -> tuple[tuple[str, str], ...]:
    pairs = (word.partition("=") for word in words(line))
    return tuple(sorted((name, value) for name, _, value in pairs if name))
