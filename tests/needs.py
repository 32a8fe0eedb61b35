"""What a test may need and a machine may lack.

A test declares what it starts, ``pytest.mark.needs("g++", "Python.h")``; a helper that starts
something calls ``require`` or ``path`` each time. Where it is missing the test is skipped, and
the reason says what brings it. tests/conftest.py holds the hooks.
"""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import need_finders as find


@dataclass(frozen=True)
class Need:
    """How it is found, what brings it, the names it is started by, and what it needs itself."""

    find: find.Finder
    brings: str = ""
    programs: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


def _program(package: str, *names: str) -> Need:
    return Need(find.program(*names), f"Debian: {package}", names)


NEEDS = {
    "gcc": Need(
        find.compiler("gcc", "#include <math.h>\n", "-x", "c"),
        "Debian: gcc libc6-dev",
        ("gcc", "cc"),
    ),
    "gcc -m32": Need(
        find.compiler("gcc", "int a;\n", "-m32", "-nostdlib", "-x", "c"), "Debian: gcc-multilib"
    ),
    "g++": Need(
        find.compiler("g++", "#include <string>\n", "-x", "c++"), "Debian: g++", ("g++", "c++")
    ),
    "musl-gcc": Need(
        find.compiler("musl-gcc", "#include <dlfcn.h>\n", "-x", "c"),
        "Debian: musl-tools",
        ("musl-gcc",),
    ),
    "Python.h": Need(find.python_header, "Debian: python3-dev"),
    **{n: _program("binutils", n) for n in ("nm", "readelf", "objcopy", "ar", "c++filt")},
    **{n: _program(n, n) for n in ("cmake", "git", "make", "openssl", "patch", "fish", "direnv")},
    "bash": Need(find.program("bash"), "Debian: bash"),
    "zstd": Need(find.zstd, "Debian: zstd, or Python 3.14", ("zstd",)),
    "ldconfig": _program("libc-bin", "ldconfig"),
    "libstdc++": Need(find.loadable("libstdc++.so.6"), "Debian: libstdc++6"),
    "an externally managed Python": Need(find.managed_python, "Debian 12 or newer: python3"),
    "wine": _program("wine", "wine"),
    "mingw-w64": _program("gcc-mingw-w64-x86-64-win32", "x86_64-w64-mingw32-gcc"),
    "chromium": _program("chromium", "chromium", "chromium-browser"),
    "nvcc": Need(find.nvcc, "CUDA toolkit", ("nvcc",), also=("g++",)),
    "nvcc of CUDA 13": Need(find.nvcc_13, "CUDA toolkit 13", also=("g++",)),
    "cuobjdump": Need(
        find.cuobjdump, "CUDA toolkit, or PyPI: nvidia-cuda-cuobjdump", ("cuobjdump",)
    ),
    "clang": Need(
        find.clang,
        "Debian: clang-19 clang-tools-19 lld-19 llvm-19",
        ("clang", "clang++", "clang-offload-bundler"),
    ),
    "AMD emulator": Need(
        find.amd_emulator,
        f"{find.EMULATOR}: github.com/tinygrad/tinygrad; Python 3.11",
        also=("hip",),
    ),
    "rocPRIM": Need(find.rocprim, f"{find.ROCPRIM}: an include folder of ROCm", also=("hip",)),
    "hip": Need(
        find.hip, "Debian: rocm-device-libs libamdhip64-dev librocprim-dev", also=("clang", "g++")
    ),
    **{
        n: Need(find.distribution(n), f"PyPI: {n}")
        for n in ("torch", "numpy", "setuptools", "wheel", "ninja", "mypy")
    },
    "build": Need(find.distribution("build"), "PyPI: build hatchling twine"),
    "mcp": Need(find.distribution("mcp"), "PyPI: mcp"),
    "zsh": Need(find.program("zsh"), "Debian: zsh", ("zsh",)),
    "triton": Need(find.distribution("triton"), "PyPI: triton", also=("torch",)),
    "Triton's interpreter counts": Need(
        find.counting_interpreter,
        "Triton 3.7, or NumPy before 2.4: github.com/triton-lang/triton/issues/9171",
        also=("triton", "numpy"),
    ),
    "conda": Need(
        find.distribution("conda"),
        "github.com/conda/conda on PYTHONPATH, with its dependencies",
        also=("rattler", "conda packages"),
    ),
    "rattler": Need(find.distribution("rattler"), "PyPI: py-rattler"),
    "conda packages": Need(
        find.distribution("conda_package_streaming"), "PyPI: conda-package-streaming"
    ),
    "cosmic_ray": Need(find.distribution("cosmic_ray"), "PyPI: cosmic-ray"),
    "ray": Need(find.distribution("ray"), "PyPI: ray"),
    "ssh": _program("openssh-client", "ssh"),
    "sshd": Need(
        find.program("sshd"), "Debian: openssh-server", ("sshd", "ssh-keygen"), also=("ssh",)
    ),
    **{
        n: _program("slurmctld slurmd slurm-client munge", n)
        for n in ("slurmctld", "slurmd", "srun", "sinfo", "scontrol", "munged")
    },
    "harbor": Need(find.distribution("harbor"), "PyPI: harbor, on Python 3.12 or newer"),
    "Python 3.11": Need(find.python_of_patients, "of the benchmark's patients"),
    "uv": Need(find.beside_python("uv"), "PyPI: uv", ("uv",)),
    "mkdocs": Need(find.beside_python("mkdocs"), "PyPI: mkdocs-material", ("mkdocs",)),
    "a Python that wheels have for Windows": Need(
        find.that(sys.version_info < (3, 14)), "Python 3.10 to 3.13"
    ),
    "wheels built for NumPy 1": Need(find.that(sys.version_info < (3, 12)), "Python 3.10 or 3.11"),
    "package index": Need(find.package_index, "pip reaches it"),
    "GPU": Need(find.gpu("CUDA", "ROCm"), "one that torch sees", also=("torch",)),
    "CUDA GPU": Need(find.gpu("CUDA"), "one that torch sees", also=("torch",)),
    "a machine without an NVIDIA driver": Need(find.that(not Path("/proc/driver/nvidia").exists())),
    "Linux": Need(find.that(sys.platform == "linux")),
    "all of the machine's processes": Need(find.initial_processes, "outside containers"),
    "root": Need(find.that(os.geteuid() == 0)),
    "a user other than root": Need(find.that(os.geteuid() != 0)),
    "/dev/shm": Need(find.that(os.access("/dev/shm", os.W_OK))),
    "a Python that can be copied": Need(find.copied_python),
    "a Python of site-packages": Need(
        find.that("deb_system" not in sysconfig.get_scheme_names()), "any but Debian's own"
    ),
    "a Python that starts in ASCII only": Need(find.ascii_python, "a path of ASCII letters"),
    "sandbox": Need(find.sandbox, "root, where mounting is allowed"),
    "network namespaces": Need(find.network_namespaces, "root, iproute2, where that is allowed"),
    "mount": Need(find.mount, "root, where mounting is allowed"),
    "overlay": Need(find.overlay, "root, where mounting is allowed"),
}


class Missing(pytest.skip.Exception):
    """A test is not run; `names`: what it lacks."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        super().__init__("needs " + ", ".join(map(describe, names)))


def describe(name: str) -> str:
    return f"{name} ({NEEDS[name].brings})" if NEEDS[name].brings else name


declared: set[str] = set()  # by the test that runs now
recorders: list[set[str]] = []  # of the fixtures that are being set up


@cache
def _found(name: str) -> str:
    return NEEDS[name].find()


def _with_more(names: tuple[str, ...]) -> Iterator[str]:
    """The names, each after what it needs itself."""
    for name in names:
        yield from _with_more(NEEDS[name].also)
        yield name


def missing(*names: str) -> list[str]:
    """Those of the names, and of what they need themselves, that are not here."""
    wanted = dict.fromkeys(_with_more(names))
    for record in (declared, *recorders):
        record.update(wanted)
    return [name for name in wanted if not _found(name)]


def require(*names: str) -> None:
    """Skip the test that runs unless all of this is here."""
    if absent := missing(*names):
        raise Missing(absent)


def path(name: str) -> str:
    """The program or file behind a name; skips the test that runs where there is none."""
    require(name)
    return _found(name)


def optional(name: str) -> str:
    """The program behind a name, or "": for a comparison without which a test still says enough."""
    return "" if missing(name) else _found(name)


def module(need: str, name: str = "") -> Any:
    """A module for the top of a test file, or one that imports it; None without it.

    The file's mark skips its tests then: a file that is skipped whole would be counted nowhere.
    """
    return importlib.import_module(name or need) if _found(need) else None
