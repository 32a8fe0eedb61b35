"""Readers of machine code: ELF, GPU code, wheels, the loader's cache, C++ names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from fuzz_target import Target, as_file

TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(TESTS / "binary"), str(TESTS / "windows")]


def elf() -> Callable[[bytes], object]:
    """The whole file is read, then judged as an extension that Python would load."""
    from gpufix.binary.elf import ElfError, ElfFile
    from gpufix.binary.elf.bulk import defined_keys, reference_keys
    from gpufix.binary.loader.disk import Files
    from gpufix.binary.loader.library import LinkedLibrary
    from gpufix.binary.loader.model import Process
    from gpufix.binary.loader.state import start

    files, process, path = Files(), Process(sys.executable), "/fuzzed/library.so"

    def read(data: bytes) -> object:
        elf = ElfFile(path, data)
        said: list[object] = []
        try:
            said += [elf.needed, elf.soname, elf.rpath, elf.runpath, elf.interpreter, elf.build_id]
            exports = list(elf.exports())
            said += [elf.version_needs, elf.version_definitions, elf.undefined(), exports]
            said += [reference_keys(elf), defined_keys(elf), len(elf.referenced())]
            said += [elf.sections, elf.compilers]
            said += [elf.lookup(each.name, each.version) for each in exports[:20]]
        except ElfError as error:
            assert error.path == path
        files.remember(path, LinkedLibrary(ElfFile(path, data)))
        start(files, process).predict(path).to_dict()
        return said

    return read


def pe() -> Callable[[bytes], object]:
    """The whole file is read, then judged as a module that Python would load."""
    from gpufix.binary.pe import PeError, PeFile
    from gpufix.binary.pe_loader.disk import PeFiles
    from gpufix.binary.pe_loader.state import WindowsState
    from gpufix.binary.pe_loader.system import WindowsSystem

    system = WindowsSystem(frozenset({"kernel32.dll"}), "/nowhere")

    def read(data: bytes) -> object:
        path = as_file(data)
        file = PeFile(path)
        said: list[object] = [file.machine, file.headers, file.truncated]
        for table in ("imports", "delayed", "exports", "version"):
            try:
                said.append(getattr(file, table))
            except PeError as error:
                assert error.path == path
        verdict = WindowsState(PeFiles(), system, None).predict(path)
        return [*said, verdict.missing, verdict.unusable]

    return read


def pe_errors() -> tuple[type[BaseException], ...]:
    from gpufix.binary.pe import PeError

    return (PeError,)


def elf_errors() -> tuple[type[BaseException], ...]:
    from gpufix.binary.elf import ElfError

    return (ElfError,)


def code_errors() -> tuple[type[BaseException], ...]:
    from gpufix.binary.gpucode.images import CodeError

    return (CodeError,)


def _codes(wrap: Callable[[bytes], list[bytes]]) -> Callable[[], Callable[[bytes], object]]:
    def load() -> Callable[[bytes], object]:
        from gpufix.binary.gpucode.extract import CodeError, code_in

        def read(data: bytes) -> object:
            said = []
            for one in wrap(data):
                try:
                    code = code_in(one)
                except CodeError:
                    continue
                assert len(code.images) + code.containers <= len(one), "more code than bytes"
                assert all(image.arch.isprintable() for image in code.images)
                said.append(code)
            return said

        return read

    return load


def _as_cuda(data: bytes) -> list[bytes]:
    from gpu_build import host_elf
    from pe_writer import Dll

    dll = Dll(sections={".nv_fatb": data}).bytes()
    return [data, dll, host_elf({".nv_fatbin": data}), host_elf({"__nv_relfatbin": data})]


def _as_hip(data: bytes) -> list[bytes]:
    from gpu_build import ccob, host_elf

    sections = [host_elf({name: data}) for name in (".hip_fatbin", ".llvm.offloading")]
    return [*sections, ccob(data, 4096, 3, 1), ccob(data, 4096, 2, 0)]


def zstd() -> Callable[[bytes], object]:
    from gpufix.binary.gpucode.zstd import zstd_head

    return lambda data: zstd_head(data, 4096)


def zstd_errors() -> tuple[type[BaseException], ...]:
    from gpufix.binary.gpucode.zstd import ZstdError

    return (ZstdError,)


def wheel() -> Callable[[bytes], object]:
    from gpufix.binary.gpucode.images import CodeError
    from gpufix.binary.wheel import WheelZip

    def read(data: bytes) -> object:
        said: list[object] = []
        with WheelZip(as_file(data)) as archive:
            for member in archive.members()[:20]:
                said.append(member)
                try:
                    said.append(archive.head(member.name, 4096))
                    with archive.unpacked(member.name):
                        pass
                except CodeError:
                    continue
        return said

    return read


def ld_cache() -> Callable[[bytes], object]:
    from gpufix.binary.loader.cache import parse_cache

    return parse_cache


def demangler() -> Callable[[bytes], object]:
    from gpufix.binary.demangle.qualified import demangle_one

    return lambda data: demangle_one(data.decode("utf-8", "surrogateescape"))


def _hostile() -> Iterator[bytes]:
    import test_code_hostile

    yield from test_code_hostile.SEEDS


def _zstd() -> Iterator[bytes]:
    import test_code_hostile

    yield test_code_hostile.FRAME


def _libraries() -> Iterator[bytes]:
    """The smallest of this Python's extension modules."""
    import sysconfig

    folder = Path(sysconfig.get_config_var("DESTSHARED") or "")
    found = sorted(folder.glob("*.so"), key=lambda path: path.stat().st_size)
    yield from (path.read_bytes() for path in found[:6])


def _dlls() -> Iterator[bytes]:
    from pe_writer import Dll

    imports = {"a.dll": ["f", "#3"], "KERNEL32.dll": ["Sleep"]}
    yield Dll(imports=imports, exports={"e": "", "moved": "b.g"}, version=(1, 2, 3, 4)).bytes()
    yield Dll(imports=imports, delayed={"d.dll": ["x"]}, machine="i386").bytes()
    yield Dll(sections={".nv_fatb": bytes(64)}).bytes()


def _wheels() -> Iterator[bytes]:
    import io
    import zipfile

    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(out := io.BytesIO(), "w", method) as archive:
            archive.writestr("a/__init__.py", "x = 1\n" * 20)
            archive.writestr("a-1.dist-info/METADATA", "Name: a\nVersion: 1\n")
            archive.mkdir("empty") if hasattr(archive, "mkdir") else None
        yield out.getvalue()


def _cache() -> Iterator[bytes]:
    cache = Path("/etc/ld.so.cache")
    yield from [cache.read_bytes()[: 1 << 15]] if cache.exists() else []
    yield b"ld.so-1.7.0\0\1\0\0\0\3\0\0\0\0\0\0\0\5\0\0\0a.so\0/a.so\0"


def _names() -> Iterator[bytes]:
    yield from (
        b"_ZN3c106detail14torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
        b"_ZN2at3fooEvENKUlT_E_clIiEEDaS0_",
        b"_ZNK3c107SymBool14guard_or_falseEPKcl",
        b"_ZTVN5torch3jit8GraphAttrE",
        b"_ZSt4moveIRN2at6TensorEEONSt16remove_referenceIT_E4typeEOS4_",
    )


TARGETS = {
    "elf": Target(elf, elf_errors, _libraries),
    "pe": Target(pe, pe_errors, _dlls),
    "fatbin": Target(_codes(_as_cuda), code_errors, _hostile),
    "offload": Target(_codes(_as_hip), code_errors, _hostile),
    "zstd": Target(zstd, zstd_errors, _zstd),
    "wheel": Target(wheel, code_errors, _wheels),
    "ld_cache": Target(ld_cache, seeds=_cache),
    "demangler": Target(demangler, seeds=_names, longest=4096),
}
