"""A root file system of a few programs, and a debootstrap that hands it out."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import need_finders

PROGRAMS = ("sh", "env", "sleep", "cat", "id", "touch", "rm", "mkdir", "ls")
FOLDERS = (
    "proc",
    "sys",
    "dev/pts",
    "dev/shm",
    "tmp",
    "root",
    "home/somebody",
    "etc/apt/apt.conf.d",
)
# What `make` does there: it says who it is and where, as the tests of gpufix would end.
MAKE = """\
#!/bin/sh
echo "in $PWD as $(id -u), LANG=$LANG TORCH=$TORCH" >&2
[ "$1" = doctor ] && exit 0
mkdir -p .venv
[ -e /slow ] && { touch started; sleep 1000; }
[ -e /red ] && echo '1 failed, 11 passed in 2.5s' && exit 2
echo '\x1b[32m12 passed\x1b[0m, 3 skipped in 2.50s (0:00:02)'
echo 'not run because of missing: g++ 3 tests (Debian: g++)'
"""
DEBOOTSTRAP = """\
#!/bin/sh
echo "$*" >>'{calls}'
cp -a '{root}/.' "$3"
"""


def make_root(folder: Path) -> Path:
    """The root: programs of this machine with their libraries, and a few that do nothing."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "usr").mkdir()
    (folder / "usr/bin").symlink_to("../bin")
    for name in PROGRAMS:
        _add(folder, name)
    for name, text in {"apt-get": "#!/bin/sh\n", "useradd": "#!/bin/sh\n", "make": MAKE}.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    return folder


def _add(root: Path, name: str) -> None:
    program = Path(need_finders.program(name)()).resolve()
    (root / "bin" / name).write_bytes(program.read_bytes())
    (root / "bin" / name).chmod(0o755)
    linked = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True)
    for library in re.findall(r"(/\S+) \(0x", linked.stdout):
        inside = root / library.lstrip("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, inside)


def make_debootstrap(folder: Path, root: Path) -> Path:
    """A folder for PATH, and what was asked of the program in it: `calls`."""
    folder.mkdir()
    program = folder / "debootstrap"
    program.write_text(DEBOOTSTRAP.format(calls=folder / "calls", root=root))
    program.chmod(0o755)
    return folder
