"""What CMake knows before a project's first line: -D, its own variables, cmake_minimum_required and project()."""

from __future__ import annotations

import posixpath

from gpufix.source.builds.cmake_languages import enable
from gpufix.source.builds.cmake_state import CMakeState
from gpufix.source.builds.cmake_store import UNDEFINED, Value, unknown, value
from gpufix.source.builds.cmake_words import elements


def begin(run: CMakeState) -> None:
    """The cache as the caller fills it, and the variables that are there at once."""
    for name, text in run.call.defines.items():
        new = unknown(defined=None) if text is None else value(text)
        run.store.put(run.store.cache, name, new)
    source, binary = run.call.source, run.binary_root
    linux = run.world.platform.startswith("linux")
    known = {
        "CMAKE_SOURCE_DIR": source,
        "CMAKE_BINARY_DIR": binary,
        "CMAKE_CURRENT_SOURCE_DIR": source,
        "CMAKE_CURRENT_BINARY_DIR": binary,
        "CMAKE_COMMAND": "/usr/bin/cmake",
    }
    if linux:
        known |= {"UNIX": "1", "CMAKE_HOST_UNIX": "1", "CMAKE_HOST_SYSTEM_NAME": "Linux"}
        known |= {"CMAKE_HOST_SYSTEM_PROCESSOR": run.world.machine}
    if run.call.cmake:
        version = run.call.cmake
        major, minor, patch = (*version.split("."), "0", "0")[:3]
        known |= {
            "CMAKE_VERSION": version,
            "CMAKE_MAJOR_VERSION": major,
            "CMAKE_MINOR_VERSION": minor,
        }
        known |= {"CMAKE_PATCH_VERSION": patch}
    for name, text in known.items():
        run.store.put(run.store.variables, name, Value(text))


def platform(run: CMakeState) -> None:
    """What the first project() finds out about the machine."""
    linux = run.world.platform.startswith("linux")
    known = (
        {"CMAKE_SYSTEM_NAME": "Linux", "CMAKE_SYSTEM_PROCESSOR": run.world.machine} if linux else {}
    )
    known |= {"CMAKE_SIZEOF_VOID_P": "8"} if run.world.machine in ("x86_64", "aarch64") else {}
    for name, text in known.items():
        run.store.put(run.store.variables, name, Value(text))
    for name in ("CMAKE_SHARED_LIBRARY_SUFFIX", "CMAKE_SHARED_MODULE_SUFFIX"):
        run.store.put(run.store.variables, name, Value(".so") if linux else unknown())


def declare(run: CMakeState, name: str, numbers: str | None, languages: list[str] | None) -> None:
    """project(): its variables, then the languages."""
    run.spend(4096)  # a score of variables: a loop of them ends soon
    folder = run.folder
    binary = run.store.variables.get("CMAKE_CURRENT_BINARY_DIR", UNDEFINED).text
    first = "CMAKE_PROJECT_NAME" not in run.store.variables
    if first:
        platform(run)
    run.set("PROJECT_NAME", name)
    run.set("PROJECT_SOURCE_DIR", folder)
    run.set("PROJECT_BINARY_DIR", binary)
    for part, where in (("SOURCE", folder), ("BINARY", binary)):
        run.store.put(run.store.cache, f"{name}_{part}_DIR", value(where, (run.here,)))
        run.set(f"{name}_{part}_DIR", where)
    if first or folder == run.call.source:
        run.set("CMAKE_PROJECT_NAME", name)
        run.set("CMAKE_PROJECT_VERSION", numbers or "")
    run.set("PROJECT_IS_TOP_LEVEL", "ON" if folder == run.call.source else "OFF")
    parts = (numbers or "").split(".") if numbers else []
    for prefix in ("PROJECT", name):
        run.set(f"{prefix}_VERSION", numbers or "")
        for n, kind in enumerate(("MAJOR", "MINOR", "PATCH", "TWEAK")):
            run.set(f"{prefix}_VERSION_{kind}", parts[n] if n < len(parts) else "")
    for language in languages if languages is not None else ["C", "CXX"]:
        if language != "NONE":
            enable(run, language)


def module_path(run: CMakeState, name: str) -> str | None:
    """The project's own module of a name, by CMAKE_MODULE_PATH; "?" where that is not known."""
    found = run.read("CMAKE_MODULE_PATH")
    for folder in elements(found.text):
        if "\0" in folder:
            continue
        path = posixpath.normpath(posixpath.join(run.call.source, folder, f"{name}.cmake"))
        if run.inside(path) and run.exists(path):
            return path
    return None
