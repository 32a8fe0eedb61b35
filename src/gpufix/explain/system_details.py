"""Which package of the system brings a library or a header, in the words of apt, dnf and conda."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import system_headers, system_libraries
from gpufix.knowledge.conda import CHANNEL
from gpufix.knowledge.data_table import table

_WORD = re.compile(r"[\w+-]+")


def library(name: str) -> str | None:
    """How to install what holds a library; None where that is not known."""
    held = system_libraries.holding(name)
    if held is None:
        return None
    debian = " or ".join(dict.fromkeys(filter(None, held.debian)))
    return _commands(debian, f"'{name}()(64bit)'", held.conda)


def header(name: str) -> str | None:
    """How to install what holds a header; None where that is not known."""
    held = system_headers.holding(name)
    return _commands(held.debian, f"'*/include/{name}'", held.conda) if held else None


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
