"""What the loader program itself was built with: its folders, its cache, its hwcaps."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpufix.binary.loader.disk import Files

MAX_LOADER = 4 << 20
_FOLDERS = re.compile(rb"(?:/[\w.+/-]*lib[\w.+/-]*/\0){2,8}")
_LONGEST = 512  # bytes of one such folder
_CACHE = re.compile(rb"/[\w.+/-]{1,200}/ld\.so\.cache(?=\0)")
_HWCAPS = ("x86-64-v4", "x86-64-v3", "x86-64-v2")
# Flags of /proc/cpuinfo that each level adds (x86-64 psABI; lzcnt is named abm, sse3 pni there).
_LEVELS = {
    "x86-64-v2": {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"},
    "x86-64-v3": {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}
_TRIPLETS = {
    "x86_64": "x86_64-linux-gnu",
    "aarch64": "aarch64-linux-gnu",
    "i386": "i386-linux-gnu",
}


@dataclass(frozen=True, slots=True)
class System:
    """musl: the loader is musl's; folders: the default ones; lib: what $LIB stands for."""

    loader: str
    musl: bool
    machine: str
    bits: int
    folders: tuple[str, ...]
    cache: str
    lib: str
    hwcaps: tuple[str, ...]


def describe_system(files: Files, loader: str, machine: str, bits: int) -> System:
    """Read from the loader `loader` (an executable's PT_INTERP) for a machine and word size."""
    if "ld-musl-" in loader:
        folders = _musl_folders(files, loader)
        return System(loader, True, machine, bits, folders, "", "lib", ())
    data = files.read(loader, MAX_LOADER)
    folders = _glibc_folders(data) or _usual_folders(machine, bits)
    cache = _CACHE.search(data)
    return System(
        loader=loader,
        musl=False,
        machine=machine,
        bits=bits,
        folders=folders,
        cache=cache.group().decode() if cache else "/etc/ld.so.cache",
        lib=folders[0].strip("/"),
        hwcaps=_hwcaps(files) if machine == "x86_64" else (),
    )


def _glibc_folders(data: bytes) -> tuple[str, ...]:
    """glibc keeps its default folders as one run of strings, each ending in a slash."""
    joint = data.find(b"/\0/")  # the end of one and the start of the next
    while joint >= 0:
        found = _FOLDERS.search(data, max(0, joint - _LONGEST), joint + 8 * _LONGEST)
        if found:
            return tuple(text.decode().rstrip("/") for text in found.group().split(b"\0") if text)
        joint = data.find(b"/\0/", joint + 1)
    return ()


def _usual_folders(machine: str, bits: int) -> tuple[str, ...]:
    triplet = _TRIPLETS.get(machine)
    multiarch = (f"/lib/{triplet}", f"/usr/lib/{triplet}") if triplet else ()
    wide = ("/lib64", "/usr/lib64") if bits == 64 else ()
    return (*multiarch, *wide, "/lib", "/usr/lib")


def _musl_folders(files: Files, loader: str) -> tuple[str, ...]:
    name = loader.rsplit("/", 1)[-1].removesuffix(".so.1")
    text = files.read(f"/etc/{name}.path", 1 << 16).decode("utf-8", "surrogateescape")
    listed = tuple(path for path in re.split(r"[:\n]", text) if path)
    return listed or ("/lib", "/usr/local/lib", "/usr/lib")


def _hwcaps(files: Files) -> tuple[str, ...]:
    """The glibc-hwcaps subfolders that this processor may use, best first."""
    text = files.read("/proc/cpuinfo", 1 << 16).decode("ascii", "replace")
    line = next((row for row in text.splitlines() if row.startswith("flags")), "")
    flags = set(line.split())
    levels: list[str] = []
    for name in reversed(_HWCAPS):
        if not flags >= _LEVELS[name]:
            break
        levels.insert(0, name)
    return tuple(levels)
