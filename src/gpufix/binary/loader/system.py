"""What the loader program itself was built with: its version, its folders, its cache."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.processor import Processor, describe_processor

MAX_LOADER = 4 << 20
_FOLDERS = re.compile(rb"(?:/[\w.+/-]*lib[\w.+/-]*/\0){2,8}")
_LONGEST = 512  # bytes of one such folder
_CACHE = re.compile(rb"/[\w.+/-]{1,200}/ld\.so\.cache(?=\0)")
_VERSION = re.compile(rb"ld\.so [^\0]{0,80} release version (\d+)\.(\d+)\.\n")
Version = tuple[int, int]
_BEFORE = (2, 32)  # `ld.so --version`, and with it the text, came with 2.33
_TRIPLETS = {
    "x86_64": "x86_64-linux-gnu",
    "aarch64": "aarch64-linux-gnu",
    "i386": "i386-linux-gnu",
}


@dataclass(frozen=True, slots=True)
class System:
    """musl: the loader is musl's; folders: the default ones; lib: what $LIB stands for.

    glibc: the version, 2.32 for all up to that, None when it cannot be told.
    """

    loader: str
    musl: bool
    machine: str
    bits: int
    folders: tuple[str, ...]
    cache: str
    lib: str
    glibc: Version | None
    processor: Processor

    def before(self, *version: int) -> bool:
        """Whether it is known to be a glibc before this version."""
        return self.glibc is not None and self.glibc < version

    def since(self, *version: int) -> bool:
        """Whether it is known to be a glibc of this version, or a later one."""
        return self.glibc is not None and self.glibc >= version


def describe_system(files: Files, loader: str, machine: str, bits: int) -> System:
    """Read from the loader `loader` (an executable's PT_INTERP) for a machine and word size."""
    processor = describe_processor(files.read("/proc/cpuinfo", 1 << 16), machine)
    if "ld-musl-" in loader:
        folders = _musl_folders(files, loader)
        return System(loader, True, machine, bits, folders, "", "lib", None, processor)
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
        glibc=_version(data),
        processor=processor,
    )


def _version(data: bytes) -> Version | None:
    found = _VERSION.search(data)
    if found:
        return int(found[1]), int(found[2])
    return _BEFORE if data else None


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
