"""The ELF reader beside nm and readelf, and on files that lack what others have."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from pathlib import Path

import pytest
from lab import Lab

import needs
from gpufix.binary.elf import ElfError, ElfFile, gnu_hash, sysv_hash

SOURCE = """
extern int wanted(int); extern int wished(int) __attribute__((weak));
extern int datum; int given = 3; static int own(int x) { return x; }
__thread int local_to_thread = 1;
int offered(int x) { return wanted(x) + (wished ? wished(x) : 0) + datum + own(x); }
__attribute__((weak)) int soft(void) { return local_to_thread; }
__attribute__((visibility("hidden"))) int unseen(void) { return 1; }
"""


@pytest.fixture(scope="module")
def sample(lab: Lab) -> str:
    flags = "-Wl,-soname,libsample.so.2,-rpath,$ORIGIN/x:/y,-z,nodelete,-z,now,--build-id=0xabcd"
    return lab.build("sample.so", SOURCE, flags)


def nm(path: str, *flags: str) -> set[str]:
    command = [needs.path("nm"), "-D", "--with-symbol-versions", *flags, path]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[-1] for line in lines}


@pytest.mark.needs("readelf")
def test_headers_and_dynamic_section(sample: str) -> None:
    elf = ElfFile(sample)
    assert (elf.bits, elf.type, elf.soname, elf.interpreter) == (64, 3, "libsample.so.2", None)
    listing = subprocess.run(["readelf", "-dW", sample], capture_output=True, text=True).stdout
    assert list(elf.needed) == re.findall(r"NEEDED.*\[(.*)\]", listing)
    assert "$ORIGIN/x:/y" in (elf.runpath, elf.rpath)
    assert elf.bind_now
    assert elf.flags_1 & 0x8
    assert elf.build_id == "abcd"
    assert any("GCC" in text for text in elf.compilers)


def test_symbols_by_kind(sample: str) -> None:
    elf = ElfFile(sample)
    undefined = {symbol.name: symbol for symbol in elf.undefined()}
    assert undefined["wanted"][:5] == ("wanted", None, None, False, "notype")
    assert undefined["wished"].weak
    exports = {export.name: export for export in elf.exports()}
    assert exports.keys() >= {"offered", "given", "soft", "local_to_thread"}
    assert not exports.keys() & {"own", "unseen", "wanted"}
    kinds = [exports[name].kind for name in ("offered", "given", "local_to_thread")]
    assert kinds == ["func", "object", "tls"]
    assert exports["soft"].weak


def test_lookup(sample: str) -> None:
    elf = ElfFile(sample)
    for export in elf.exports():
        assert elf.lookup(export.name) == export
    for name in ("wanted", "own", "unseen", "offere", "offeredx", "", "\udcff"):
        assert elf.lookup(name) is None


def real_libraries() -> list[str]:
    """The C and C++ libraries of this process and the interpreter's own: versions of all kinds."""
    if needs.optional("libstdc++"):
        ctypes.CDLL("libstdc++.so.6")
    maps = Path("/proc/self/maps").read_text()
    paths = {line.split()[-1] for line in maps.splitlines() if ".so" in line}
    return sorted(
        p for p in paths if "/lib" in p and ("libc." in p or "libstdc" in p or "libpy" in p)
    )


@pytest.mark.some(1)
@pytest.mark.parametrize("path", real_libraries(), ids=lambda path: Path(path).name)
def test_symbols_are_those_of_nm(path: str) -> None:
    elf = ElfFile(path)
    mine = {s.name + (f"@{s.version}" if s.version else "") for s in elf.undefined()}
    assert mine == nm(path, "--undefined-only")
    exports = list(elf.exports())
    named = {
        e.name + ("" if e.version is None else "@" * (1 + e.default) + e.version) for e in exports
    }
    # nm gives the symbols that stand for the versions themselves without a name of their own.
    assert {n for n in nm(path, "--defined-only") if n.split("@")[0] in {e.name for e in exports}} ^ named <= {
        text for name in {d.version for d in elf.version_definitions} for text in (name, f"{name}@@{name}")
    }  # fmt: skip
    for export in exports[::7]:
        found = elf.lookup(export.name, export.version)
        assert found is not None
        assert (found.name, found.version) == (export.name, export.version)


def test_without_section_headers(sample: str, lab: Lab) -> None:
    data = bytearray(Path(sample).read_bytes())
    data[0x28:0x30] = bytes(8)  # e_shoff
    data[0x3C:0x40] = bytes(4)  # e_shnum, e_shstrndx
    bare = ElfFile("bare.so", bytes(data))
    full = ElfFile(sample)
    assert bare.section(".text") is None
    assert bare.compilers == ()
    assert bare.undefined() == full.undefined()
    assert list(bare.exports()) == list(full.exports())
    assert bare.lookup("offered") == full.lookup("offered")


def test_a_library_without_exports_still_shows_its_references(lab: Lab) -> None:
    source = "int gone(void); __attribute__((constructor)) static void f(void) { gone(); }"
    elf = ElfFile(lab.build("silent.so", source))
    assert {"gone"} <= {symbol.name for symbol in elf.undefined() if not symbol.weak}
    assert list(elf.exports()) == []


def test_versions(lab: Lab) -> None:
    script = lab.folder / "elf.map"
    script.write_text("A_1 { global: f; local: *; }; A_2 { global: g; } A_1;")
    source = "int f(void) { return 1; } int g(void) { return 2; }"
    path = lab.build("versions.so", source, f"-Wl,--version-script={script},-soname,libv.so")
    elf = ElfFile(path)
    assert [d.version for d in elf.version_definitions if not d.base] == ["A_1", "A_2"]
    assert elf.lookup("g", "A_2") is not None
    assert elf.lookup("g", "A_1") is None
    assert elf.lookup("g") is not None
    user = ElfFile(lab.build("user.so", "int g(void); int h(void) { return g(); }", path))
    assert [
        (n.library, n.version, n.weak) for n in user.version_needs if n.library == "libv.so"
    ] == [("libv.so", "A_2", False)]
    assert next(s for s in user.undefined() if s.name == "g")[1:3] == ("A_2", "libv.so")


@pytest.mark.needs("gcc -m32")
def test_32_bit(lab: Lab) -> None:
    source = "int gone(void); int f(void) { return gone(); }"
    path = lab.build("narrow.so", source, "-m32", "-nostdlib", "-Wl,-soname,n")
    elf = ElfFile(path)
    assert (elf.bits, elf.machine, elf.soname) == (32, "i386", "n")
    assert "gone" in {symbol.name for symbol in elf.undefined()}
    assert elf.lookup("f") is not None
    position = {symbol.name: symbol.position for symbol in elf.undefined()}["gone"]
    assert position in elf.referenced()


@pytest.mark.parametrize(
    ("name", "value"),
    [(b"", 5381), (b"printf", 0x156B2BB8), (b"exit", 0x7C967E3F), (b"syscall", 0xBAC212A0)],
)
def test_gnu_hash_known_values(name: bytes, value: int) -> None:
    assert gnu_hash(name) == value


@pytest.mark.parametrize("length", [1, 33, 511, 512, 513, 5000])
def test_gnu_hash_by_definition(length: int) -> None:
    name = bytes(i * 37 % 255 + 1 for i in range(length))
    value = 5381
    for byte in name:
        value = (value * 33 + byte) % 2**32
    assert gnu_hash(name) == value


def test_sysv_hash_known_values() -> None:
    assert [sysv_hash(n) for n in (b"", b"printf", b"exit")] == [0, 0x077905A6, 0x0006CF04]


@pytest.mark.needs("readelf")
def test_sections(sample: str) -> None:
    elf = ElfFile(sample)
    text = elf.section(".text")
    assert text is not None
    listing = subprocess.run(["readelf", "-SW", sample], capture_output=True, text=True).stdout
    row = next(line.split(".text")[1].split() for line in listing.splitlines() if " .text " in line)
    assert len(text) == int(row[3], 16)
    assert bytes(text) == Path(sample).read_bytes()[int(row[2], 16) :][: len(text)]
    assert elf.section(".bss") is None or len(elf.section(".bss") or b"") == 0


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"MZ" + bytes(100), b"\x7fELF" + bytes(60)])
def test_what_is_no_elf_file(data: bytes) -> None:
    with pytest.raises(ElfError):
        ElfFile("x", data)


@pytest.mark.parametrize("path", ["/nowhere", "/", "/dev/null", "a\0b"])
def test_what_cannot_be_read(path: str) -> None:
    with pytest.raises(ElfError) as caught:
        ElfFile(path)
    assert caught.value.path == path


def test_a_released_file_is_mapped_again(lab: Lab) -> None:
    elf = ElfFile(sys.executable if Path(sys.executable).stat().st_size > 32768 else "/bin/sh")
    before = elf.undefined()
    elf.release()
    assert elf.undefined() == before


def test_a_file_that_changed_meanwhile_is_refused(lab: Lab) -> None:
    path = Path(lab.build("changing.so", "int f(void) { return 1; }"))
    elf = ElfFile(str(path))
    elf.release()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ElfError, match="changed"):
        elf.undefined()
