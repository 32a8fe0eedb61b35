"""Where a GPU driver's own library would be taken from."""

from __future__ import annotations

import re
from pathlib import Path

from gpufix.facts.context import Context
from gpufix.facts.files import read

_CACHE_LIMIT = 16 << 20
# The loader's default folders, then those that images and distributions add to its cache:
# WSL2, Google's and old NVIDIA's container images, Jetson, NixOS.
_FOLDERS = (
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
)
_UNLISTED = ("/usr/lib/wsl/lib", "/usr/local/nvidia/lib64", "/run/opengl-driver/lib")


def driver_library(ctx: Context, name: str) -> Path | None:
    """The file that the loader would use for `name` ("libcuda.so.1"), in its order of search.

    The last places are ones that the loader reaches only by LD_LIBRARY_PATH: a file there is a
    sign of the driver (`reachable` tells the difference).
    """
    for path in (*_candidates(ctx, name), *(ctx.at(f"{d}/{name}") for d in _UNLISTED)):
        if _is_elf64(path):
            return path
    return None


def reachable(ctx: Context, name: str) -> Path | None:
    """As driver_library, but only what the loader would really find."""
    return next((path for path in _candidates(ctx, name) if _is_elf64(path)), None)


def _candidates(ctx: Context, name: str) -> list[Path]:
    listed = ctx.environ.get("LD_LIBRARY_PATH", "")
    folders = [d for d in re.split("[:;]", listed) if d.startswith("/")]
    own = [ctx.at(d) / name for d in folders]
    return [*own, *_cached(ctx, name), *(ctx.at(f"{d}/{name}") for d in _FOLDERS)]


def _cached(ctx: Context, name: str) -> list[Path]:
    """What /etc/ld.so.cache has under this file name. Its strings are NUL-terminated paths."""
    try:
        cache = read(ctx.at("/etc/ld.so.cache"), _CACHE_LIMIT)
    except OSError:
        return []
    end = b"/" + name.encode() + b"\0"
    found: list[Path] = []
    at = cache.find(end)
    while at >= 0 and len(found) < 8:
        start = cache.rfind(b"\0", 0, at) + 1
        found.append(ctx.at(cache[start:at].decode("utf-8", "replace")) / name)
        at = cache.find(end, at + 1)
    return found


def _is_elf64(path: Path) -> bool:
    """The loader passes over files of another word size (a 32-bit driver beside the 64-bit one)."""
    try:
        return read(path, 5) == b"\x7fELF\x02"
    except OSError:
        return False
