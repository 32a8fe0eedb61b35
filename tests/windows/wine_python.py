"""CPython for Windows, run by wine, with gpufix in it: what only Windows' own Python can show.

python311.dll and its modules come from a wheel of panda3d, which ships them for programs that are made with
it; the standard library is that of the tests' own Python of the same minor version. wine 8 lacks
bcryptprimitives.dll, which pydantic's core needs, and stand-ins are NVIDIA's two DLLs and vswhere.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

from pe_writer import Dll
from wine_lab import compile_dll, download, unpack

import gpufix
import needs

PYTHON, MINOR = "panda3d==1.10.16", f"3{sys.version_info.minor}"
# What gpufix requires, in the versions of the tests' own environment; colorama only Windows needs.
REQUIRED = (
    "annotated-doc", "annotated-types", "click", "markdown-it-py", "mdurl", "nvidia-ml-py", "packaging",
    "pydantic", "pydantic-core", "pygments", "rich", "shellingham", "typer", "typing-extensions",
    "typing-inspection",
)  # fmt: skip
_SKIPPED = ("lib-dynload", "site-packages", "test", "idlelib", "tkinter", "__pycache__", "config-*")

_PROGRAM = """\
#include <windows.h>
__declspec(dllimport) int Py_Main(int, wchar_t **);
int wmain(int argc, wchar_t **argv) { return Py_Main(argc, argv); }
"""
_RANDOM = """\
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) {
  return SystemFunction036(data, (ULONG)size);
}
"""
_NVML = """\
#include <string.h>
#define API __declspec(dllexport) int
API nvmlInitWithFlags(unsigned flags) { return flags; }
API nvmlSystemGetDriverVersion(char *out, unsigned size) { strcpy(out, "576.88"); return 0; }
API nvmlSystemGetCudaDriverVersion_v2(int *out) { *out = 12090; return 0; }
API nvmlDeviceGetCount_v2(unsigned *out) { *out = 1; return 0; }
API nvmlDeviceGetHandleByIndex_v2(unsigned i, void **out) { *out = (void *)1; return i; }
API nvmlDeviceGetName(void *d, char *out, unsigned n) { strcpy(out, "NVIDIA GeForce RTX 5080"); return 0; }
API nvmlDeviceGetCudaComputeCapability(void *d, int *major, int *minor) { *major = 12; *minor = 0; return 0; }
API nvmlDeviceGetMemoryInfo(void *d, unsigned long long *out) {
  out[0] = 16ull << 30; out[1] = 15ull << 30; out[2] = 1ull << 30; return 0;
}
API nvmlDeviceGetComputeRunningProcesses_v3(void *d, unsigned *n, void *out) { *n = 0; return 0; }
API nvmlDeviceGetGraphicsRunningProcesses_v3(void *d, unsigned *n, void *out) { *n = 0; return 0; }
"""
_VSWHERE = r"""
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) {
  if (argc != 8 || strcmp(argv[6], "installationPath") || strcmp(argv[4], "*")) return 87;
  puts("C:\\Tools\\Visual Studio 2022");
  return 0;
}
"""
_EACH = """
import contextlib, io, json, sys
from gpufix.__main__ import main
rows = []
for words in COMMANDS:
    sys.argv, code = ["gpufix", *words], 0
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")) as out:
        with contextlib.redirect_stderr(out):
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
        out.flush()
    rows.append((code, out.buffer.getvalue().decode()))
print(json.dumps(rows))
"""


class WindowsPython:
    """A prefix of wine; `folder`: where python.exe lies, C:\\py inside."""

    def __init__(self, place: Path) -> None:
        needs.require("wine", "mingw-w64", "package index")
        self._place = place
        self.drive = place / "prefix" / "drive_c"
        self._env = {**os.environ, "WINEPREFIX": str(place / "prefix"), "WINEDEBUG": "-all"}
        # Wine's own programs would keep pipes open: they are started without any, and stay.
        for command in (["wineserver", "-p"], ["wine", "wineboot", "-i"]):
            self._quietly(command)
        self.system = self.drive / "windows" / "system32"
        self.folder = self.drive / "py"
        self._python(download([PYTHON], place / "wheels", f"3.{MINOR[1:]}")[0])
        self.site = self.folder / "Lib" / "site-packages"
        installed = {d.name.lower(): d.version for d in metadata.distributions()}
        wanted = [
            f"{n}=={v}"
            for n in REQUIRED
            if (v := installed.get(n) or installed.get(n.replace("-", "_")))
        ]
        for wheel in download([*wanted, "colorama==0.4.6"], place / "wheels", f"3.{MINOR[1:]}"):
            unpack(wheel, self.site, every=True)
        shutil.copytree(Path(str(gpufix.__file__)).parent, self.site / "gpufix")
        self._compiled("bcryptprimitives.dll", _RANDOM, self.system, "-shared", "-ladvapi32")

    def _quietly(self, command: list[str]) -> None:
        nothing = subprocess.DEVNULL
        subprocess.run(command, env=self._env, stdin=nothing, stdout=nothing, stderr=nothing)

    def _python(self, wheel: Path) -> None:
        (self.folder / "DLLs").mkdir(parents=True)
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                folder, _, file = name.rpartition("/")
                if folder == "deploy_libs" and not file.startswith("api-ms"):
                    beside = file.lower().startswith(("python3", "vcruntime"))
                    target = self.folder if beside else self.folder / "DLLs"
                    (target / file).write_bytes(archive.read(name))
        own = sysconfig.get_path("stdlib")
        shutil.copytree(own, self.folder / "Lib", ignore=shutil.ignore_patterns(*_SKIPPED))
        (self.folder / "Lib" / "site-packages").mkdir()
        dll = self.folder / f"python{MINOR}.dll"
        self._compiled("python.exe", _PROGRAM, self.folder, "-municode", str(dll))

    def _compiled(self, name: str, source: str, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        text = self._place / f"{name}.c"
        text.write_text(source)
        first, rest = [o for o in options if o[0] == "-" and o[1] != "l"], options
        compile_dll(folder / name, *first, str(text), *(o for o in rest if o not in first))

    def nvidia(self) -> None:
        """A driver, and an NVML that knows an RTX 5080."""
        self._compiled("nvml.dll", _NVML, self.system, "-shared")
        driver = Dll(exports={"cuInit": ""}, version=(32, 0, 15, 7688))
        (self.system / "nvcuda.dll").write_bytes(driver.bytes())

    def visual_studio(self) -> None:
        """Elsewhere than usual: only vswhere knows it."""
        installer = self.drive / "Program Files (x86)/Microsoft Visual Studio/Installer"
        self._compiled("vswhere.exe", _VSWHERE, installer)
        tools = self.drive / "Tools/Visual Studio 2022/VC/Tools/MSVC/14.44.35207/bin/Hostx64/x64"
        tools.mkdir(parents=True)
        (tools / "cl.exe").write_bytes(b"MZ")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Its python.exe, on pipes: wine's CPython cannot ask what a file of Linux is."""
        done = subprocess.run(
            ["wine", str(self.folder / "python.exe"), *arguments],
            env=self._env, cwd=self.drive, stdin=subprocess.DEVNULL, capture_output=True, timeout=600,
            check=False,
        )  # fmt: skip
        out, err = (
            t.decode("utf-8", "replace").replace("\r", "") for t in (done.stdout, done.stderr)
        )
        return subprocess.CompletedProcess(arguments, done.returncode, out, err)

    def gpufix(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`gpufix ...` in it."""
        return self.run("-m", "gpufix", *arguments)

    def each(self, commands: list[list[str]]) -> list[tuple[int, str]]:
        """Several `gpufix ...` in one process, since wine takes seconds to start: codes and texts."""
        done = self.run("-c", f"COMMANDS = {commands!r}\n{_EACH}")
        assert done.returncode == 0, done.stderr
        return [(int(code), text) for code, text in json.loads(done.stdout)]

    def close(self) -> None:
        """End all that runs in the prefix."""
        self._quietly(["wineserver", "-k"])
