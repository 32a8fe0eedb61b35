"""gpufix as a newcomer gets it: a clone, or the files of a tarball."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from fresh_roots.readme import ROOT

# Where git cannot tell what belongs to the project.
_MADE = {".git", "build", "dist", "__pycache__", ".hypothesis"}


def is_clone() -> bool:
    """Whether a clone can be made of where this runs."""
    return (ROOT / ".git").exists() and shutil.which("git") is not None


def files() -> list[str]:
    """All files of the project as they lie here, uncommitted changes included."""
    if not is_clone():
        return sorted(_walk(ROOT))
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"]
    done = subprocess.run(listed, capture_output=True, check=True)
    names = (os.fsdecode(name) for name in done.stdout.split(b"\0") if name)
    return sorted({name for name in names if os.path.lexists(ROOT / name)})


def _walk(top: Path) -> list[str]:
    out = []
    for folder, folders, names in os.walk(top):
        folders[:] = [n for n in folders if not _made(n)]
        out += [str(Path(folder, name).relative_to(top)) for name in names]
    return out


def _made(name: str) -> bool:
    """Whether a folder is none of the project's own: caches, and the environments (.venv-lowest-3.10)."""
    return name in _MADE or name.startswith(".venv") or name.endswith("_cache")


def digest() -> str:
    """Of all files and their modes: a result holds for these."""
    whole = hashlib.sha256()
    for name in files():
        path = ROOT / name
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        mode = path.lstat().st_mode
        whole.update(f"{name}\0{mode:o}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
        whole.update(content)
    return whole.hexdigest()[:16]


def lay(folder: Path, tarball: bool) -> None:
    """Put gpufix into a folder."""
    folder.mkdir(parents=True)
    if not tarball:
        clone = ["git", "clone", "--quiet", "--no-checkout", "--no-hardlinks"]
        subprocess.run([*clone, str(ROOT), str(folder)], check=True)
    names = "\0".join(files()).encode("utf-8", "surrogateescape")
    pack = ["tar", "-C", str(ROOT), "--null", "--verbatim-files-from", "-T", "-", "-cf", "-"]
    packed = subprocess.run(pack, input=names, stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(
        ["tar", "-C", str(folder), "--no-same-owner", "-xf", "-"], input=packed, check=True
    )
    if not tarball:
        subprocess.run(["git", "-C", str(folder), "reset", "--quiet"], check=True)
