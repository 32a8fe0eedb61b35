"""A loader of Windows that is not ours: wine's, and what it says of each file.

What wine does otherwise, and how it is told apart:
- A function that a DLL does not export is bound to a stub, and logged: its name counts, not the verdict.
- It has DLLs of its own in the place of Windows'. What they lack (functions, bcryptprimitives.dll) is
  wine's lack, so only files of wheels are compared.
- It has runtimes of Visual C++ of its own: they are switched off, and Microsoft's put into System32.
- Of a DLL that cannot be loaded for want of another it says "not found" to who needs it, too.
- What a DLL's own start-up does (an exception, a stub that is called) comes after the loader's work.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import needs
from gpufix.binary.loader.model import Verdict
from gpufix.binary.pe import PeError, PeFile
from gpufix.binary.pe_loader.disk import PeFiles
from gpufix.binary.pe_loader.state import WindowsState
from gpufix.binary.pe_loader.system import WindowsSystem
from gpufix.knowledge.windows import never_in_system, own_dlls, runtime_dlls

# 317: an unknown status, of a stub that was called. 998, 1114: start-up failed. None: the process ended.
OF_START_UP = (None, 317, 998, 1114)
WINE_LACKS = {"bcryptprimitives.dll"}
_GONE = re.compile(r'err:module:import_dll Library (\S+) \(which is needed by L"(.+?)"\) not found')
_STUB = re.compile(
    r"warn:module:import_dll No implementation for (.+?\.(?:dll|drv|pyd|exe))\.(\S+) "
    r'imported from L"(.+?)", setting',
    re.IGNORECASE,
)
_END = re.compile(r"^END (\d+)", re.MULTILINE)

Pair = tuple[str, str]
Symbol = tuple[str, str, str]


@dataclass
class Said:
    """code: of LoadLibrary, None where the process ended in it. missing: (DLL, needed by)."""

    code: int | None
    missing: set[Pair] = field(default_factory=set)
    unresolved: set[Symbol] = field(default_factory=set)


class Wine:
    """A prefix with a program that loads files; C: lies in `drive`."""

    def __init__(self, folder: Path, runtime: Path) -> None:
        """runtime: a folder with Microsoft's DLLs of the Visual C++ runtime."""
        self.drive, self._runtime = folder / "prefix/drive_c", runtime
        names = ",".join(name.removesuffix(".dll") for name in sorted(runtime_dlls()))
        self._env = {
            **os.environ,
            "WINEPREFIX": str(folder / "prefix"),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": f"{names}=n;mscoree,mshtml=",
        }
        self._run("wineboot", "-i")
        self._env["WINEDEBUG"] = "warn+module,err+module"
        self.system = self.drive / "windows/system32"
        self.application = self.drive / "py"
        self.application.mkdir()
        self.own = {path.name.lower() for path in self.system.iterdir()} - runtime_dlls()
        source = Path(__file__).with_name("wine_host.c")
        compile_dll(self.application / "host.exe", "-municode", str(source))
        for name in ("vcruntime140.dll", "vcruntime140_1.dll"):
            shutil.copy(runtime / name, self.application)

    def _run(self, *command: str, timeout: int = 900) -> bytes:
        """What it says on standard error: a file, since wine's server would keep a pipe open."""
        needs.require("wine")
        with tempfile.TemporaryFile() as said:
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    ["wine", *command],
                    env=self._env,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    timeout=timeout,
                    check=False,
                )
            said.seek(0)
            return said.read()

    def close(self) -> None:
        """End all that runs in the prefix."""
        self._run("wineboot", "-k", timeout=60)

    def with_runtime(self, there: bool) -> None:
        """Put the Visual C++ runtime into System32, or take it out."""
        for name in runtime_dlls():
            path, source = self.system / name, self._runtime / name
            path.unlink(missing_ok=True)
            if there and source.exists():
                shutil.copy(source, path)

    def replace_runtime(self, runtime: Path) -> None:
        """Put another copy of the runtime beside the program, where it is found first."""
        for name in ("msvcp140.dll", "vcruntime140.dll", "vcruntime140_1.dll"):
            shutil.copy(runtime / name, self.application)

    def ask(self, paths: Sequence[Path], added: Sequence[Path]) -> dict[Path, Said]:
        """Load each; where the process ends in one, another goes on behind it."""
        found: dict[Path, Said] = {}
        by_name = {self._windows(path): path for path in paths}
        left = list(by_name)
        while left:
            lines = [f"ADD {self._windows(folder)}" for folder in added]
            lines += [f"LOAD {name}" for name in left]
            (self.application / "list.txt").write_text("\n".join(lines) + "\n", "utf-8")
            said = self._run(r"C:\py\host.exe", r"C:\py\list.txt").decode("utf-8", "replace")
            parts = said.split("BEGIN ")[1:]
            assert parts, said[-2000:]
            for part in parts:
                found[by_name[part.partition("\n")[0].strip()]] = heard(part)
            left = [name for name in left if by_name[name] not in found]
        return found

    def state(self, folder: Path, added: Sequence[Path]) -> WindowsState:
        """The same process for our model. folder: where System32 without wine's own DLLs is laid."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in sorted(runtime_dlls() | {"nvcuda.dll"}):
            if (self.system / name).exists():
                (folder / name).symlink_to(self.system / name)
        system = WindowsSystem(own_dlls() | self.own, str(folder), never_in_system())
        return WindowsState(PeFiles(), system, str(self.application), tuple(map(str, added)))

    def _windows(self, path: Path) -> str:
        return "C:\\" + str(path.relative_to(self.drive)).replace("/", "\\")

    def differences(self, verdict: Verdict, said: Said) -> list[str]:
        """What our verdict and wine's do not agree in."""
        served = {(used.needed_by, used.name.lower()): used.path for used in verdict.uses}
        there = {(name, _base(by)) for by, name in served}
        ours = {(one.name.lower(), _base(one.needed_by)) for one in verdict.missing}
        theirs = {pair for pair in said.missing - there if pair[0] not in WINE_LACKS}
        theirs = {pair for pair in theirs if pair[1] != "host.exe"}
        failed = _failing(verdict)
        symbols = {
            (_base(one.needed_by), one.library.lower(), one.name.lstrip("#"))
            for one in verdict.undefined
            if one.library and served.get((one.needed_by, one.library.lower())) not in failed
        }
        unresolved = {
            s for s in said.unresolved if not self._is_own(s[1]) and not self._is_own(s[0])
        }
        found = [f"missing {pair}" for pair in sorted(ours ^ theirs)]
        found += [f"unresolved {symbol}" for symbol in sorted(symbols ^ unresolved)]
        lacks = any(name in WINE_LACKS for name, _ in said.missing)
        loads = said.code == 0 or said.code in OF_START_UP or (lacks and not theirs)
        if loads != (not verdict.missing and not verdict.unusable):
            found.append(f"code {said.code}")
        return found

    def _is_own(self, name: str) -> bool:
        return name in self.own or name.startswith(("api-ms-", "ext-ms-"))


def _failing(verdict: Verdict) -> set[str]:
    """Files that lack something: wine binds nothing to them."""
    failing = {one.needed_by for one in verdict.missing} | {one.path for one in verdict.unusable}
    while more := {u.needed_by for u in verdict.uses if u.path in failing} - failing:
        failing |= more
    return failing


def heard(text: str) -> Said:
    """What wine says while it loads one file."""
    end = _END.search(text)
    return Said(
        int(end[1]) if end else None,
        {(m[1].lower(), _base(m[2])) for m in _GONE.finditer(text)},
        {(_base(m[3]), m[1].lower(), m[2]) for m in _STUB.finditer(text)},
    )


def _base(path: str) -> str:
    return re.split(r"[\\/]+", path)[-1].lower()


def compile_dll(path: Path, *arguments: str) -> None:
    """Compile for Windows."""
    needs.require("mingw-w64")
    command = ["x86_64-w64-mingw32-gcc", "-O1", "-o", str(path), *arguments]
    subprocess.run(command, check=True, capture_output=True)


def stand_in(path: Path, names: Iterable[str]) -> None:
    """A DLL that exports names, and does nothing."""
    source, listed = path.with_suffix(".c"), path.with_suffix(".def")
    source.write_text("int nothing(void) { return 0; }\n")
    rows = "".join(f"  {name}=nothing\n" for name in sorted(names))
    listed.write_text(f'LIBRARY "{path.name}"\nEXPORTS\n{rows}')
    compile_dll(path, "-shared", "-nostdlib", "-Wl,--entry=0", str(source), str(listed))
    source.unlink()
    listed.unlink()


def asked_of(files: Iterable[Path], *libraries: str) -> Mapping[str, set[str]]:
    """The names that files import of DLLs which are nowhere here: Python's, the driver's."""
    found: dict[str, set[str]] = defaultdict(set, {name: set() for name in libraries})
    for path in files:
        try:
            imports = PeFile(str(path)).imports
        except PeError:
            continue
        for one in imports:
            if one.library.lower() in libraries:
                found[one.library.lower()] |= set(one.names)
    return found


def download(wheels: Iterable[str], folder: Path, python: str = "3.11") -> list[Path]:
    """Wheels for Windows and CPython; $GPUFIX_TESTS_WHEELS keeps them for the next time."""
    needs.require("package index")
    kept = Path(os.environ.get("GPUFIX_TESTS_WHEELS") or folder)
    kept.mkdir(exist_ok=True)
    found = []
    for wheel in wheels:
        name, _, version = wheel.partition("==")
        pattern = f"{name.replace('-', '_')}-{version}-*.whl"
        if not list(kept.glob(pattern)):
            options = ["--no-deps", "--only-binary=:all:", "--platform", "win_amd64"]
            options += ["--python-version", python, "-d", str(kept), wheel]
            subprocess.run([sys.executable, "-m", "pip", "download", "-q", *options], check=True)
        found += list(kept.glob(pattern))[:1]
    return found


def unpack(wheel: Path, site: Path, every: bool = False) -> list[str]:
    """Unpack the DLLs and modules of a wheel, or all of it; the names of these."""
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if ".data/" not in n]
        code = [n for n in names if n.lower().endswith((".dll", ".pyd"))]
        archive.extractall(site, names if every else code)
    return sorted(code)
