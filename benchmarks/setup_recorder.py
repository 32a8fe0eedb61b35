"""Runs a real setup.py with recorders in the place of compilers, and prints what it would compile.

Started by setup_oracle.py. Each line that it reads names a folder, a copy, and a setup.py in it, with a
tab between; each is run in forks of this process, which has imported torch: two lines are printed,
without a GPU and with one. torch is the one installed here, made
to look like 2.14.1+cu130, with or without one GPU of capability 9.0. Programs are not started: nvcc
says 13.0, cmake 3.25.1, nvidia-smi is not there, others print nothing.
What is copied after a program was started, and is not there, is taken for made by it: an empty file.
"""

from __future__ import annotations

import io
import json
import os
import pkgutil
import runpy
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

VERSION, CUDA = "2.14.1+cu130", "13.0"
NVCC = """nvcc: NVIDIA (R) Cuda compiler driver
Copyright (c) 2005-2025 NVIDIA Corporation
Built on Wed_Aug_20_01:58:59_PM_PDT_2025
Cuda compilation tools, release 13.0, V13.0.88
Build cuda_13.0.r13.0/compiler.36424714_0
"""
CMAKE = """cmake version 3.25.1

CMake suite maintained and supported by Kitware (kitware.com/cmake).
"""
SAY = {"nvcc": NVCC, "cmake": CMAKE}


class Refused(Exception):
    """What a recorder does not do."""


def pretend_torch(gpu: bool) -> str:
    """Change torch as far as build files ask it."""
    import torch
    from torch.torch_version import TorchVersion

    real = str(torch.__version__)
    torch.__version__ = TorchVersion(VERSION)
    torch.version.cuda, torch.version.__version__ = CUDA, TorchVersion(VERSION)
    cuda = torch.cuda
    cuda._is_compiled = lambda: True
    torch._C._nccl_version = lambda: 22703
    torch._C._nccl_version_suffix = lambda: b""
    cuda.is_available = lambda: gpu
    cuda.device_count = lambda: int(gpu)
    archs = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120"]
    cuda.get_arch_list = lambda: archs if gpu else []
    torch._C._cuda_getArchFlags = lambda: " ".join(archs)

    def capability(device: object = None) -> tuple[int, int]:
        if not gpu:
            raise RuntimeError("Found no NVIDIA driver on your system.")
        return (9, 0)

    def properties(device: object = None) -> Any:
        capability()
        return type("Properties", (), {"major": 9, "minor": 0, "multi_processor_count": 132})()

    cuda.get_device_capability, cuda.get_device_properties = capability, properties
    cuda.current_device = lambda: capability() and 0
    cuda.get_device_name = lambda device=None: capability() and "NVIDIA H100"
    return real


class Popen:
    """A program that is not started."""

    def __init__(self, args: Any, *more: Any, **named: Any) -> None:
        words = args.split() if isinstance(args, str) else [str(a) for a in args]
        program = words[0].rpartition("/")[2] if words else ""
        STARTED.append(words)
        if program in ("nvidia-smi", "rocm-smi", "rocminfo") or not program:
            raise FileNotFoundError(2, "No such file or directory", program)
        self.text = SAY.get(program, "")
        self.args, self.returncode, self.pid = args, 0, 0
        texts = any(named.get(k) for k in ("text", "universal_newlines", "encoding", "errors"))
        self.out: Any = self.text if texts else self.text.encode()
        self.stdout = io.StringIO(self.text) if texts else io.BytesIO(self.text.encode())
        self.stderr = io.StringIO("") if texts else io.BytesIO(b"")
        self.stdin = None

    def communicate(self, input: Any = None, timeout: Any = None) -> tuple[Any, Any]:
        return self.out, self.out[:0]

    def wait(self, timeout: Any = None) -> int:
        return 0

    poll = wait

    def kill(self) -> None:
        """Nothing runs."""

    terminate = kill

    def __enter__(self) -> Popen:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""


def copied(real: Any) -> Any:
    """A function of shutil that copies what a program would have made."""

    def copy(source: Any, *args: Any, **named: Any) -> Any:
        if STARTED and not os.path.lexists(source):
            Path(source).parent.mkdir(parents=True, exist_ok=True)
            Path(source).touch()
        return real(source, *args, **named)

    return copy


STARTED: list[list[str]] = []
BUILT: list[dict[str, Any]] = []


def plain(value: Any) -> Any:
    """As JSON holds it."""
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value if value is None or isinstance(value, (int, str)) else str(value)


def record(ext: Any) -> None:
    """What an extension is when it is to be compiled."""
    flags = ext.extra_compile_args
    by = flags if isinstance(flags, dict) else {"cxx": flags, "nvcc": flags}
    BUILT.append(
        {
            "name": ext.name,
            "kind": getattr(ext, "recorded_kind", "plain"),
            "sources": [os.path.relpath(str(s), ROOT) for s in ext.sources],
            "cxx": plain(by.get("cxx", by.get("gcc", []))),
            "nvcc": plain(by.get("nvcc", [])),
            "macros": plain(ext.define_macros),
        }
    )


def pretend_setuptools() -> None:
    """Commands go their way, and compile nothing."""
    import setuptools
    from setuptools.command import bdist_egg, build_ext, build_py, develop, egg_info, install
    from torch.utils import cpp_extension

    try:
        from wheel.bdist_wheel import bdist_wheel
    except ImportError:
        from setuptools.command.bdist_wheel import bdist_wheel

    def nothing(self: Any, *args: Any, **named: Any) -> None:
        return None

    def builds(self: Any) -> None:
        self.run_command("build")

    bdist_wheel.run = builds
    for kind in (
        egg_info.egg_info,
        build_py.build_py,
        install.install,
        develop.develop,
        bdist_egg.bdist_egg,
    ):
        kind.run = nothing
    import setuptools._distutils.command.build_ext as base
    import setuptools._distutils.command.clean

    def each(self: Any) -> None:
        for ext in self.extensions:
            self.build_extension(ext)

    def run(self: Any) -> None:
        self.compiler = Compiler()
        self.build_extensions()

    for kind in (base.build_ext, build_ext.build_ext, cpp_extension.BuildExtension):
        kind.run, kind.build_extensions = run, each
        kind.build_extension = lambda self, ext: record(ext)

    def made(kind: str) -> Any:
        def extension(name: Any, sources: Any, *args: Any, **named: Any) -> Any:
            if kind == "cuda":
                cpp_extension.library_paths(device_type="cuda")
            named.pop("dlink", None), named.pop("dlink_libraries", None)
            ext = setuptools.Extension(name, sources, *args, **named)
            ext.recorded_kind = kind
            return ext

        return extension

    cpp_extension.CUDAExtension, cpp_extension.CppExtension = made("cuda"), made("cpp")
    cpp_extension.load = lambda *a, **k: None
    setuptools.setup = setuptools.distutils.core.setup = pretended_setup


class Compiler:
    """Stands for the compiler of distutils on Linux."""

    compiler_type = "unix"

    def __init__(self, *_: object) -> None:
        self.src_extensions = [".c", ".C", ".cc", ".cxx", ".cpp", ".m"]
        self.compiler_so, self.compiler_cxx = ["gcc", "-fPIC"], ["g++"]
        self.compiler, self.linker_so = ["gcc"], ["g++", "-shared"]
        self.include_dirs: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **named: None

    def has_flag(self, *_: object) -> bool:
        return True


def pretended_setup(**attributes: Any) -> Any:
    """setup(), as far as it bears on extensions."""
    import setuptools

    NAMES.append(attributes.get("name"))
    commands = attributes.get("cmdclass") or {}
    dist = setuptools.Distribution(
        {
            "name": "recorded",
            "version": "0",
            "packages": attributes.get("packages"),
            "py_modules": attributes.get("py_modules"),
            "ext_modules": attributes.get("ext_modules"),
            "cmdclass": commands,
        }
    )
    dist.parse_config_files()
    if "bdist_wheel" not in sys.argv:
        return dist
    if "bdist_wheel" in commands:
        command = dist.get_command_obj("bdist_wheel")
        command.ensure_finalized()
        command.run()
        return dist
    dist.set_defaults()
    for label in ("egg_info", "build_py", "build", "install_lib", "install"):
        if label == "build_py" and not dist.has_pure_modules():
            continue
        if label in commands or label == "build":
            dist.run_command(label)
    return dist


NAMES: list[Any] = []
ROOT = ""


def refuse(*args: Any, **named: Any) -> Any:
    """Nothing is fetched."""
    raise urllib.request.HTTPError(str(args[:1]), 404, "Not Found", None, None)  # type: ignore[attr-defined]


def main() -> int:
    """Run each file twice, in forks."""
    import torch.utils.cpp_extension  # noqa: F401 - once, for all forks

    global ROOT
    for line in sys.stdin:
        folder, path = line.rstrip("\n").split("\t")
        ROOT = os.path.realpath(folder)
        for gpu in (False, True):
            if (child := os.fork()) == 0:
                signal.alarm(90)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                run(path, gpu)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            if status:
                row = {"torch": "", "ending": "crash", "message": str(status)}
                print(json.dumps(row), flush=True)
    return 0


def run(path: str, gpu: bool) -> None:
    """Run it, and print a line of JSON."""
    said = sys.stdout
    sys.stdout = sys.stderr
    real = pretend_torch(gpu)
    import torch.utils.cpp_extension as cpp

    cpp.CUDA_HOME = cpp._find_cuda_home()
    pretend_setuptools()
    modules = sorted(m.name for m in pkgutil.iter_modules())
    before = dict(os.environ)
    folder = str(Path(path).parent)
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = ["setup.py", "bdist_wheel"]
    subprocess.Popen = Popen  # type: ignore[assignment,misc]
    os.system = lambda command: STARTED.append(str(command).split()) or 0
    for how in ("copy", "copy2", "copyfile", "move"):
        setattr(shutil, how, copied(getattr(shutil, how)))
    urllib.request.urlretrieve = urllib.request.urlopen = refuse
    ending, message = "done", ""
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as error:
        ending, message = "exit", str(error.code)
    except BaseException as error:
        ending, message = type(error).__name__, str(error)
    after = {k: v for k, v in os.environ.items() if before.get(k) != v}
    answer = {
        "torch": f"{real} as {VERSION}",
        "home": cpp.CUDA_HOME,
        "ending": ending,
        "message": message[:300],
        "extensions": BUILT,
        "names": [str(n) for n in NAMES],
        "environment": after,
        "modules": modules,
        "started": STARTED[:20],
    }
    print(json.dumps(answer), file=said, flush=True)


if __name__ == "__main__":
    sys.exit(main())
