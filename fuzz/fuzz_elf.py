"""Coverage-guided fuzzing of the ELF reader and of the loader model behind it.

    pip install atheris
    python fuzz/fuzz_elf.py --seeds CORPUS_FOLDER
    python fuzz/fuzz_elf.py CORPUS_FOLDER -max_total_time=300 -timeout=10 -rss_limit_mb=1024

The first command compiles the seeds with gcc, the second fuzzes. Each input is read in full, then
judged as an extension that Python would load; it is also read as the loader's cache. Anything but
ElfError is a finding, and so is an answer much larger than the input.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

if sys.argv[1:2] != ["--seeds"]:
    import atheris

    with atheris.instrument_imports(include=["gpufix.binary"]):
        from gpufix.binary.elf import ElfError, ElfFile
        from gpufix.binary.elf.bulk import defined_keys, reference_keys
        from gpufix.binary.loader import Files, Process
        from gpufix.binary.loader.cache import parse_cache
        from gpufix.binary.loader.library import LinkedLibrary
        from gpufix.binary.loader.state import start

    FILES = Files()
    PROCESS = Process(sys.executable)

SOURCE = """
#include <stdio.h>
extern int gone(void), soft(void) __attribute__((weak)); extern __thread int slot; int datum = 1;
int one(void) { return gone() + puts("") + slot; } int two(void) { return soft ? soft() : datum; }
"""
SEEDS = {
    "gnu": ["-Wl,--hash-style=gnu"],
    "sysv": ["-Wl,--hash-style=sysv"],
    "both": ["-Wl,--hash-style=both,-rpath,$ORIGIN/../x:/y,-soname,libz.so.1"],
    "rpath": ["-Wl,--disable-new-dtags,-rpath,${ORIGIN}/$LIB"],
    "now": ["-Wl,-z,now,-z,nodelete,-z,origin", "-s"],
    "versions": ["-Wl,--version-script=versions.map"],
    "packed": ["-Wl,-z,pack-relative-relocs"],
    "narrow": ["-m32", "-nostdlib", "-mno-tls-direct-seg-refs"],
}


def make_seeds(folder: Path) -> None:
    """Compile one small library for each linker option that changes the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "versions.map").write_text("V1 { global: one; }; V2 { global: two; local: *; } V1;")
    for name, flags in SEEDS.items():
        source = SOURCE if name != "narrow" else SOURCE.replace("#include <stdio.h>", "int puts();")
        command = ["gcc", "-shared", "-fPIC", "-w", "-x", "c", "-", "-o", f"{name}.so", *flags]
        if subprocess.run(command, input=source, text=True, cwd=folder).returncode:
            print(f"no seed {name}", file=sys.stderr)
    (folder / "versions.map").unlink()


def read(elf: ElfFile, size: int) -> None:
    """Every answer of the reader, and its size against the file's."""
    _ = (elf.needed, elf.soname, elf.rpath, elf.runpath, elf.interpreter, elf.build_id)
    assert len(elf.version_needs) + len(elf.version_definitions) <= size
    undefined, exports = elf.undefined(), list(elf.exports())
    assert len(undefined) + len(exports) <= size
    assert sum(len(symbol.name) for symbol in undefined) <= 16 * size + 2**17
    for symbol in exports[:20]:
        elf.lookup(symbol.name, symbol.version)
    assert len(reference_keys(elf).plain) <= size
    defined_keys(elf)
    elf.referenced()
    _ = (elf.sections, elf.compilers)


def one_input(data: bytes) -> None:
    parse_cache(data)
    path = "/fuzzed/library.so"
    try:
        elf = ElfFile(path, data)
    except ElfError:
        return
    try:
        read(elf, len(data))
    except ElfError as error:
        assert error.path == path
    FILES.remember(path, LinkedLibrary(ElfFile(path, data)))
    start(FILES, PROCESS).predict(path).to_dict()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--seeds"]:
        make_seeds(Path(sys.argv[2]))
    else:
        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()
