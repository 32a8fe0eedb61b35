"""How each of NEEDS is found: where it lies, or nothing. A look at PATH only where that suffices."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path

from gpufix.kernels.toolchain import device_libraries

Finder = Callable[[], str]


def program(*names: str) -> Finder:
    """The first of these, on PATH or where root's programs are."""

    def find() -> str:
        places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
        return next((p for name in names if (p := shutil.which(name, path=places))), "")

    return find


def compiler(name: str, source: str, *flags: str) -> Finder:
    """A compiler that really makes a library of the source: its headers and linker are here."""
    return lambda: _compiles(name, source, *flags, "-shared", "-fPIC")


def _compiles(name: str, source: str, *flags: str) -> str:
    """Where the compiler is, if it is and does."""
    found = shutil.which(name)
    if not found:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        command = [found, *flags, "-", "-o", f"{folder}/out"]
        done = subprocess.run(command, input=source, text=True, capture_output=True)
    return "" if done.returncode else found


def distribution(name: str) -> Finder:
    """What is installed beside the tests; one that fails when it is imported is not missing."""
    return lambda: name if importlib.util.find_spec(name) else ""


def beside_python(name: str) -> Finder:
    """A command of the environment that runs the tests."""
    return lambda: shutil.which(name, path=str(Path(sys.executable).parent)) or ""


def python_of_patients() -> str:
    """Python 3.11: the one that runs the tests, or one on PATH."""
    own = sys.executable if sys.version_info[:2] == (3, 11) else ""
    return own or shutil.which("python3.11") or ""


def python_header() -> str:
    """Python.h of the interpreter that runs the tests."""
    header = Path(sysconfig.get_path("include"), "Python.h")
    return str(header) if header.exists() else ""


def initial_processes() -> str:
    """Whether every process of the machine is seen: in a container, others stay unseen."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
    return namespace if namespace == "pid:[4026531836]" else ""


def copied_python() -> str:
    """Whether the interpreter that runs the tests works as a copy elsewhere, beside its own library."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "lib", f"python{sys.version_info.major}.{sys.version_info.minor}")
        library.parent.mkdir()
        library.symlink_to(sysconfig.get_path("stdlib"))
        Path(folder, "bin").mkdir()
        copy = shutil.copy2(os.path.realpath(sys.executable), f"{folder}/bin/python")
        done = subprocess.run([copy, "-c", ""], capture_output=True)
    return "" if done.returncode else sys.executable


# A locale of ASCII alone, which neither Python nor its C library may turn into UTF-8.
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def ascii_python() -> str:
    """Python's site module reads no path that has other letters."""
    environ = {**os.environ, **ASCII}
    done = subprocess.run(
        [sys.executable, "-c", "import gpufix"], env=environ, capture_output=True, check=False
    )
    return sys.executable if done.returncode == 0 else ""


def sandbox() -> str:
    """Whether this user may enter a clean root: a folder as `/`, with mounts and processes of its own."""
    probe = ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "proc", "proc", "/proc"]
    if not all(map(shutil.which, ("unshare", "mount", "chroot"))):
        return ""
    return "" if subprocess.run(probe, capture_output=True).returncode else "unshare"


def network_namespaces() -> str:
    """Whether this user may give programs networks of their own, and slow them down."""
    if not all(map(shutil.which, ("ip", "tc"))) or os.geteuid() != 0:
        return ""
    name = f"gpufix{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        return ""
    try:
        tries = (
            ["ip", "-n", name, "link", "add", "one", "type", "veth", "peer", "name", "two"],
            ["ip", "-n", name, "link", "add", "br0", "type", "bridge"],
            ["tc", "-n", name, "qdisc", "add", "dev", "one", "root", "tbf", "rate", "1mbit",
             "burst", "32k", "latency", "9ms"],
        )  # fmt: skip
        done = [subprocess.run(one, capture_output=True).returncode for one in tries]
        return "" if any(done) else "ip netns"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


def managed_python() -> str:
    """The system's, marked so that pip leaves it alone."""
    python = Path("/usr/bin/python3")
    marked = any(Path("/usr/lib").glob("python3.*/EXTERNALLY-MANAGED"))
    return str(python) if python.exists() and marked else ""


def nvcc() -> str:
    """nvcc of PATH, of CUDA_HOME, or the newest of /usr/local/cuda*."""
    homes = [
        os.environ.get("CUDA_HOME", ""),
        *sorted(map(str, Path("/usr/local").glob("cuda*")))[::-1],
    ]
    places = [os.environ.get("PATH", ""), *(f"{home}/bin" for home in homes if home)]
    return shutil.which("nvcc", path=os.pathsep.join(places)) or ""


def nvcc_13() -> str:
    """torch's build for CUDA 13 is compiled against by no other."""
    found = nvcc()
    said = subprocess.run([found, "--version"], capture_output=True, text=True) if found else None
    return found if said and "release 13." in said.stdout else ""


def cuobjdump() -> str:
    beside = str(Path(nvcc()).parent) if nvcc() else ""
    wheels = Path(sysconfig.get_path("purelib")).glob("nvidia/*/bin")  # nvidia-cuda-cuobjdump
    places = os.pathsep.join([beside, *map(str, wheels)])
    return shutil.which("cuobjdump") or shutil.which("cuobjdump", path=places) or ""


def clang() -> str:
    """clang++ 19 or newer that makes HIP objects: with its lld, offload bundler and objcopy."""
    kernel = "__attribute__((global)) void k() {}"
    flags = ["-x", "hip", "-nogpuinc", "-nogpulib", "-mcode-object-version=6", "-c"]
    flags.append("--offload-arch=gfx10-3-generic")
    for name in [*(f"clang++-{number}" for number in range(29, 18, -1)), "clang++"]:
        if _compiles(name, kernel, *flags) and _compiles(name, kernel, *flags, "-fgpu-rdc"):
            return str(shutil.which(name))
    return ""


def hip() -> str:
    """AMD's device libraries and the headers of HIP and rocPRIM, in Debian's places."""
    headers = [Path("/usr/include/hip/hip_runtime.h"), Path("/usr/include/rocprim")]
    libraries = device_libraries()
    return str(libraries) if libraries and all(h.exists() for h in headers) else ""


EMULATOR = "GPUFIX_AMD_EMULATOR"


def amd_emulator() -> str:
    """A checkout of tinygrad, whose code needs Python 3.11."""
    checkout = os.environ.get(EMULATOR, "")
    there = Path(checkout, "test/mockgpu/amd/emu.py").is_file() and sys.version_info >= (3, 11)
    return checkout if there else ""


ROCPRIM = "GPUFIX_ROCPRIM"


def rocprim() -> str:
    """A folder with the headers of HIP and rocPRIM that is not Debian's: /opt/rocm/include."""
    folder = os.environ.get(ROCPRIM, "/opt/rocm/include")
    headers = ("hip/hip_fp16.h", "hip/hip_version.h", "rocprim/rocprim_version.hpp")
    return folder if all(Path(folder, header).is_file() for header in headers) else ""


def gpu(*kinds: str) -> Finder:
    """A GPU that torch sees, of a torch for one of the kinds."""

    def find() -> str:
        if not distribution("torch")():
            return ""
        import torch

        kind = "ROCm" if torch.version.hip else "CUDA"
        return kind if torch.cuda.is_available() and kind in kinds else ""

    return find


def counting_interpreter() -> str:
    """A Triton that loops from one number of the interpreted kernel to another under this NumPy."""
    try:
        triton, numpy = (
            tuple(int(part) for part in importlib.metadata.version(name).split(".")[:2])
            for name in ("triton", "numpy")
        )
    except importlib.metadata.PackageNotFoundError:
        return ""
    return "triton" if triton >= (3, 7) or numpy < (2, 4) else ""


def mount() -> str:
    """Whether this user may mount a file system here, tried on a folder in memory."""
    with tempfile.TemporaryDirectory() as folder:
        if not _mounted("tmpfs", folder):
            return ""
        subprocess.run(["umount", folder], check=True)
    return "tmpfs"


def overlay() -> str:
    """The same for an overlay whose upper layer is in memory."""
    with tempfile.TemporaryDirectory() as folder:
        if not _mounted("tmpfs", folder):
            return ""
        try:
            lower, upper, work, top = (f"{folder}/{n}" for n in ("lower", "upper", "work", "top"))
            for part in (lower, upper, work, top):
                Path(part).mkdir()
            layers = f"lowerdir={lower},upperdir={upper},workdir={work}"
            if not _mounted("overlay", top, "-o", layers):
                return ""
            subprocess.run(["umount", top], check=True)
        finally:
            subprocess.run(["umount", folder], check=True)
    return "overlay"


def _mounted(kind: str, folder: str, *options: str) -> bool:
    program = shutil.which("mount")
    command = [str(program), "-t", kind, *options, kind, folder]
    return bool(program) and subprocess.run(command, capture_output=True).returncode == 0


def package_index() -> str:
    """Whether pip gets a small package."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["-q", "--no-deps", "--no-cache-dir", "--retries", "1", "-d", folder]
        command = [sys.executable, "-m", "pip", "download", *options, "six==1.16.0"]
        return "" if subprocess.run(command, capture_output=True).returncode else "pip"


def zstd() -> str:
    """libzstd, of Python 3.14 or behind the program."""
    try:
        return str(importlib.import_module("compression.zstd").__name__)
    except ImportError:
        return shutil.which("zstd") or ""


def loadable(library: str) -> Finder:
    """A library that the loader finds for this process."""

    def find() -> str:
        try:
            ctypes.CDLL(library)
        except OSError:
            return ""
        return library

    return find


def that(true: bool) -> Finder:
    """Something that is so, or not, for the whole run."""
    return lambda: "yes" if true else ""
