"""Which package of the system brings a library or a header, in the words of apt, dnf and conda."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import system_headers, system_libraries
from gpufix.knowledge.conda import CHANNEL
from gpufix.knowledge.data_table import table

# Libraries whose headers no toolkit holds: NVIDIA's package for Debian, conda-forge's, and the wheel's folder.
_BESIDE_CUDA = {
    "nccl": ("libnccl-dev", "nccl", "nvidia-nccl-cu12", "nccl"),
    "cudnn": ("libcudnn9-dev-cuda-12", "cudnn", "nvidia-cudnn-cu12", "cudnn"),
}
_WORD = re.compile(r"[\w+-]+")


def library(name: str) -> str | None:
    """How to install what holds a library; None where that is not known."""
    held = system_libraries.holding(name)
    if held is None:
        return None
    debian = " or ".join(dict.fromkeys(filter(None, held.debian)))
    return _commands(debian, f"'{name}()(64bit)'", held.conda)


_GRAPHICS = re.compile(r"lib(?!GL\b)(?:GL|EGL|OpenGL|OSMesa)\w*\.so\.\d+")


def graphics(explanation: Explanation, hit: Hit) -> Explanation:
    """Another library of graphics than libGL: the packages that hold that one."""
    found = _GRAPHICS.search(hit.shown)
    if found is None or (do := library(found[0])) is None:
        return explanation
    return explanation.but(
        what=f"{found[0]}, a graphics library of the system, is not installed.", do=do
    )


# A SONAME as distributions have them; not those that auditwheel renames (libgomp-d22c30c5.so.1).
_SONAME = re.compile(
    r"(?P<stem>lib(?![\w.+-]*-[0-9a-f]{8}\.so)[A-Za-z][\w.+-]*)\.so\.(?P<major>\d{1,3})(?:\.\d+)*"
)


def by_soname(name: str) -> str | None:
    """How to look for what holds a library that no table has: both systems name packages by the SONAME."""
    found = _SONAME.fullmatch(name)
    if found is None:
        return None
    stem, major = found["stem"].lower().replace("_", "-"), found["major"]
    # Debian policy 8.1: a hyphen stands before the version where the name ends in a digit.
    debian = f"{stem}{'-' if stem[-1].isdigit() else ''}{major}"
    return (
        f"Where it is the system's: `apt install {debian}` (Debian names packages by the library; `apt-file search {name}` tells), "
        f"`dnf install '{name}()(64bit)'`. Where a wheel or program of its own brings it: reinstall that, or put its folder on "
        "LD_LIBRARY_PATH (`find / -name '" + name + "*'`)."
    )


def header(name: str) -> str | None:
    """How to install what holds a header; None where that is not known."""
    held = system_headers.holding(name)
    return _commands(held.debian, f"'*/include/{name}'", held.conda) if held else None


def beside_cuda(name: str) -> str | None:
    """How to install a header of NVIDIA's that the toolkit does not hold; None for the toolkit's own."""
    library = next((one for one in _BESIDE_CUDA if name.startswith(one)), None)
    if library is None:
        return None
    debian, conda, wheel, folder = _BESIDE_CUDA[library]
    return (
        f"{name} is not the toolkit's: `apt install {debian}` (of NVIDIA's repository), `conda install -c {CHANNEL} {conda}`. Or name "
        f"the wheel's: `pip install {wheel}`, then `export CPATH=…/site-packages/nvidia/{folder}/include` and LIBRARY_PATH at its lib "
        "(a link lib…so to the lib…so.N there)."
    )


def _commands(debian: str, provided: str, conda: str | None) -> str:
    ways = [f"`apt install {debian}`"] if debian else []
    ways.append(f"`dnf install {provided}`")
    if conda:
        ways.append(f"`conda install -c {CHANNEL} {conda}`")
    return f"Install what holds it: {', '.join(ways)}."


def program(explanation: Explanation, hit: Hit) -> Explanation:
    """How to install a program that is called and not there."""
    programs: dict[str, list[str | None]] = table("system_programs")["programs"]
    found = next((word for word in _WORD.findall(hit.shown) if word in programs), None)
    if found is None:
        return explanation
    debian, conda = programs[found]
    ways = [f"`apt install {debian}`"] if debian else []
    ways.append(f"`conda install -c {CHANNEL} {conda}`")
    return explanation.but(
        what=f"The program {found} is not installed, or not on PATH.",
        do=f"Install {found}: {', '.join(ways)}, on Windows its own installer with its folder on PATH; then a new shell. In "
        "a container's image it is one more line of the Dockerfile.",
    )


# Of Python and not of the system: the option with which the package tells where its CMake files lie.
_BY_PIP = {"pybind11": "--cmakedir", "nanobind": "--cmake_dir"}
_SKBUILD = (
    "`python -m pip install scikit-build-core` (setup.py imports skbuild: scikit-build), and build through pip: `pip install "
    "--no-build-isolation .`. CMake that is started by itself does not get what they pass on."
)


def build_package(explanation: Explanation, hit: Hit) -> Explanation | None:
    """What CMake or pkg-config looks for, as the system calls it."""
    name = explanation.captures.get("name", "")
    if name == "scikit-build":
        return explanation.but(do=_SKBUILD)
    if option := _BY_PIP.get(name):
        return explanation.but(
            do=f"`python -m pip install {name}`, and -D{name}_DIR=$(python -m {name} {option}) where CMake does not see it."
        )
    known = table("system_programs")
    row = next(
        (known[kind][name] for kind in ("cmake", "pkgconfig", "programs") if name in known[kind]),
        None,
    )
    if row is None and (found := re.search(r"libraries \['(\w+)'", hit.shown)):
        row = known["pkgconfig"].get(f"lib{found[1]}")
    if row is None:
        return explanation
    debian, conda = row
    return explanation.but(
        what=f"The build wants {name or 'a library'}, and CMake or pkg-config does not find it.",
        do=f"Install it with its headers: `apt install {debian}`, `conda install -c {CHANNEL} {conda}`. Where it is there, "
        f"name its folder (-D{name}_DIR=…, CMAKE_PREFIX_PATH, PKG_CONFIG_PATH), and empty the build folder first.",
    )
