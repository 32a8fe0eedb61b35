"""A Windows machine: System32, the Visual C++ runtime, Visual Studio, the driver, the page file."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from posixpath import dirname

from gpufix.binary.pe import PeError, PeFile
from gpufix.facts.context import CollectContext
from gpufix.facts.reading import text
from gpufix.facts.windows.paths import below, drive_of, is_windows_path, names_in
from gpufix.knowledge.data_table import numbers
from gpufix.knowledge.windows import runtime_dlls
from gpufix.model import (
    Driver,
    Host,
    Python,
    RuntimeLibrary,
    Tool,
    Toolkit,
    VisualStudio,
    Windows,
)
from gpufix.process import NoAnswer, ask

_STUDIOS = ("Program Files", "Program Files (x86)")


def system32(python: Python | None, environ: Mapping[str, str]) -> str | None:
    """The folder, where it is in reach."""
    if os.name == "nt":
        return below(environ.get("SystemRoot", r"C:\Windows").replace("\\", "/"), "System32")
    if python is None:
        return None
    drive = drive_of(python.prefix, "Windows", "System32")
    return below(drive, "Windows", "System32") if drive else None


def collect(ctx: CollectContext, python: Python) -> Windows:
    """What is in reach; what is not, None, and a gap where a verdict depends on it."""
    system = system32(python, ctx.environ)
    if system is None:
        ctx.gap(
            "windows",
            text(python.prefix),
            "System32 is not in reach: which DLLs lie there, the Visual C++ runtime's among them, is not known",
        )
    drive = dirname(dirname(system)) if system else None
    return Windows(
        system32=text(system) if system else None,
        runtimes=list(_runtimes(python, system)),
        long_paths=_long_paths(),
        vswhere=bool(_vswhere(drive)) if drive else None,
        visual_studios=list(_studios(ctx, drive)) if drive else None,
        page_file=_page_file(drive),
        drive=text(drive) if drive else None,
    )


def host(python: Python | None) -> Host:
    """The patient's machine: of one that is not this one, its files tell what it is and no more."""
    machine = (python.machine if python else platform.machine()) or "AMD64"
    if os.name != "nt":
        return Host(os="Windows", kernel="", machine=machine)
    return Host(
        os="Windows",
        kernel=platform.version(),
        machine=machine,
        distro=f"Windows {platform.release()}",
        cpus=os.cpu_count() or 1,
    )


def driver(python: Python | None, environ: Mapping[str, str]) -> Driver | None:
    """NVIDIA's, by nvcuda.dll in System32."""
    system = system32(python, environ)
    path = below(system, "nvcuda.dll") if system else None
    if path is None:
        return None
    return Driver(vendor="nvidia", version=_driver_version(path), library=text(path))


def tools(studios: Sequence[VisualStudio]) -> list[Tool]:
    """cl.exe of each toolset of Visual C++, the newest first."""
    found = []
    for studio in studios:
        for version in studio.toolsets:
            path = f"{studio.root}/VC/Tools/MSVC/{version}/bin/Hostx64/x64/cl.exe"
            found.append(Tool(name="cl", path=path, version=version))
    return sorted(found, key=lambda tool: numbers(tool.version or ""), reverse=True)


@lru_cache(maxsize=4)
def _toolkits(drive: str) -> tuple[str, ...]:
    top = below(drive, "Program Files", "NVIDIA GPU Computing Toolkit", "CUDA")
    return tuple(f"{top}/{name}" for name in names_in(top)) if top else ()


def toolkit_folders(python: Python, environ: Mapping[str, str]) -> list[str]:
    """The CUDA toolkits of the machine, that of CUDA_PATH first."""
    named = environ.get("CUDA_PATH", "").replace("\\", "/")
    system = system32(python, environ)
    every = _toolkits(dirname(dirname(system))) if system else ()
    return list(dict.fromkeys([*([named] if named else []), *every]))


def toolkits(python: Python, environ: Mapping[str, str]) -> list[Toolkit]:
    """CUDA toolkits; the first is the one that CUDA_PATH names, else the newest."""
    found = []
    for root in toolkit_folders(python, environ):
        nvcc = below(root, "bin", "nvcc.exe")
        version = re.search(r"v(\d+\.\d+)$", root)
        named = root == environ.get("CUDA_PATH", "").replace("\\", "/")
        found.append(
            Toolkit(
                kind="cuda",
                root=text(root),
                version=version[1] if version else None,
                origin="CUDA_PATH" if named else "Program Files",
                compiler=text(nvcc) if nvcc else None,
            )
        )
    found.sort(
        key=lambda kit: (kit.origin == "CUDA_PATH", numbers(kit.version or "")), reverse=True
    )
    return [replace(kit, selected=at == 0) for at, kit in enumerate(found)]


def file_version(path: str) -> tuple[int, int, int, int] | None:
    """The version resource of a PE file; None where there is none."""
    try:
        return PeFile(path).version
    except PeError:
        return None


def _runtimes(python: Python, system: str | None) -> Iterator[RuntimeLibrary]:
    """Every copy in System32 and beside Python: the latter are found first."""
    beside = dirname(python.libpython) if python.libpython else None
    for folder in (beside, system):
        for name in sorted(runtime_dlls()) if folder else ():
            if folder and (path := below(folder, name)):
                version = file_version(path)
                dotted = ".".join(map(str, version)) if version else None
                yield RuntimeLibrary(path=text(path), version=dotted)


def _driver_version(path: str) -> str | None:
    """32.0.15.7688 is driver 576.88: the last five digits."""
    version = file_version(path)
    if version is None:
        return None
    digits = f"{version[2] % 10}{version[3]:04d}"
    return f"{digits[:3]}.{digits[3:]}"


def _vswhere(drive: str) -> str | None:
    installer = ("Program Files (x86)", "Microsoft Visual Studio", "Installer", "vswhere.exe")
    return below(drive, *installer)


def _studios(ctx: CollectContext, drive: str) -> Iterator[VisualStudio]:
    """Those in the usual folders, then those elsewhere that vswhere names."""
    seen = set()
    for root in (*_usual_studios(drive), *_told_by_vswhere(ctx, drive)):
        toolsets = below(root, "VC", "Tools", "MSVC")
        if toolsets and root.lower() not in seen:
            seen.add(root.lower())
            usable = [v for v in names_in(toolsets) if below(f"{toolsets}/{v}", *_CL)]
            yield VisualStudio(root=text(root), toolsets=[text(v) for v in usable])


def _usual_studios(drive: str) -> Iterator[str]:
    for program_files in _STUDIOS:
        top = below(drive, program_files, "Microsoft Visual Studio")
        for year in names_in(top):
            yield from (f"{top}/{year}/{edition}" for edition in names_in(f"{top}/{year}"))


# Build tools without the IDE are no product without `-products *`. Its text has the code page of the
# system without -utf8: https://github.com/microsoft/vswhere/wiki
_ASKED = ("-all", "-prerelease", "-products", "*", "-property", "installationPath", "-utf8")
_VSWHERE_SECONDS = 5.0


def _told_by_vswhere(ctx: CollectContext, drive: str) -> list[str]:
    """Microsoft's program knows those that were installed elsewhere; it runs on Windows itself."""
    program = _vswhere(drive)
    if program is None or os.name != "nt":
        return []
    try:
        answer = ask([program, *_ASKED], ctx.environ, _VSWHERE_SECONDS)
    except NoAnswer as error:
        ctx.gap("toolkits", text(program), str(error))
        return []
    if answer.code:
        ctx.gap("toolkits", text(program), f"it exits with {answer.code}")
        return []
    lines = (line.strip() for line in answer.stdout.splitlines())
    return [line.replace("\\", "/") for line in lines if is_windows_path(line)]


_CL = ("bin", "Hostx64", "x64", "cl.exe")


def _long_paths() -> bool | None:
    """LongPathsEnabled of the registry, on Windows itself."""
    if sys.platform != "win32":
        return None
    import winreg

    key = r"SYSTEM\CurrentControlSet\Control\FileSystem"
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:
            return bool(winreg.QueryValueEx(opened, "LongPathsEnabled")[0])
    except FileNotFoundError:
        return False
    except OSError:
        return None


def _page_file(drive: str | None) -> int | None:
    """The bytes of pagefile.sys on the drive of Windows."""
    path = below(drive, "pagefile.sys") if drive else None
    try:
        return os.stat(path).st_size if path else None  # noqa: PTH116 - a path of another system
    except OSError:
        return None
