"""What CMake knows before a project's first line: -D, its own variables, cmake_minimum_required and project()."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from gpufix.source.builds.cmake_store import UNDEFINED, Value, unknown, value

if TYPE_CHECKING:
    from gpufix.source.builds.cmake_run import CMakeRun

# Variables of CMake's own that nobody sets unless the caller or the project does.
_UNSET = {
    f"CMAKE_{name}"
    for name in (
        "BUILD_TYPE CUDA_ARCHITECTURES CXX_STANDARD C_STANDARD CUDA_STANDARD CUDA_FLAGS CXX_FLAGS C_FLAGS "
        "CUDA_COMPILER CUDA_HOST_COMPILER MODULE_PATH PREFIX_PATH TOOLCHAIN_FILE CUDA_SEPARABLE_COMPILATION "
        "POSITION_INDEPENDENT_CODE CXX_STANDARD_REQUIRED CUDA_STANDARD_REQUIRED CXX_EXTENSIONS CUDA_EXTENSIONS "
        "EXPORT_COMPILE_COMMANDS CROSSCOMPILING CONFIGURATION_TYPES LIBRARY_OUTPUT_DIRECTORY "
        "RUNTIME_OUTPUT_DIRECTORY ARCHIVE_OUTPUT_DIRECTORY CUDA_RESOLVE_DEVICE_SYMBOLS CUDA_RUNTIME_LIBRARY "
        "INTERPROCEDURAL_OPTIMIZATION HIP_ARCHITECTURES HIP_FLAGS VERBOSE_MAKEFILE OSX_ARCHITECTURES "
        "OSX_DEPLOYMENT_TARGET OSX_SYSROOT FIND_ROOT_PATH CXX_VISIBILITY_PRESET INSTALL_RPATH BUILD_RPATH "
        "CXX_COMPILER_LAUNCHER CUDA_COMPILER_LAUNCHER C_COMPILER_LAUNCHER CXX_CLANG_TIDY SYSTEM_PROCESSOR "
        "SYSTEM_NAME CXX_COMPILER C_COMPILER HIP_COMPILER GENERATOR_PLATFORM GENERATOR_TOOLSET IOS ANDROID "
        "POLICY_VERSION_MINIMUM ENABLE_EXPORTS INCLUDE_CURRENT_DIR JOB_POOLS HIP_STANDARD DEBUG_POSTFIX "
        "CUDA_COMPILER_ID CXX_COMPILER_ID CUDA_COMPILER_VERSION CXX_COMPILER_VERSION PROJECT_NAME PROJECT_VERSION "
        "CUDA_COMPILER_LOADED CXX_COMPILER_LOADED UNITY_BUILD WARN_DEPRECATED SKIP_INSTALL_RULES MSVC_RUNTIME_LIBRARY "
        "C_EXTENSIONS VISIBILITY_INLINES_HIDDEN INSTALL_LIBDIR INSTALL_BINDIR INSTALL_INCLUDEDIR CXX_SIMULATE_ID "
        "SHARED_LINKER_FLAGS EXE_LINKER_FLAGS MODULE_LINKER_FLAGS CUDA_COMPILER_TOOLKIT_ROOT"
    ).split()
}
_OFF = {
    "WIN32",
    "MSVC",
    "APPLE",
    "MINGW",
    "CYGWIN",
    "ANDROID",
    "IOS",
    "MSYS",
    "XCODE",
    "BORLAND",
    "WINCE",
}
_FLAGS = {"CMAKE_CXX_FLAGS": "CXXFLAGS", "CMAKE_C_FLAGS": "CFLAGS", "CMAKE_CUDA_FLAGS": "CUDAFLAGS"}
_BUILD_TYPES = {"DEBUG": "-g", "RELEASE": "-O3 -DNDEBUG", "RELWITHDEBINFO": "-O2 -g -DNDEBUG"}
_BUILD_TYPES |= {"MINSIZEREL": "-Os -DNDEBUG"}
_CUDA_TYPES = {**_BUILD_TYPES, "MINSIZEREL": "-O1 -DNDEBUG"}


def begin(run: CMakeRun) -> None:
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


def built_in(run: CMakeRun, name: str) -> Value:
    """A variable that neither the project nor the caller sets."""
    if name in _OFF:
        return UNDEFINED if run.world.platform.startswith("linux") else unknown(defined=None)
    if name in _UNSET or name == "TORCH_CUDA_ARCH_LIST" or name.startswith("CMAKE_MATCH_"):
        return UNDEFINED
    if name.startswith(("CMAKE_", "CPACK_", "CTEST_")) or name in ("UNIX", "SKBUILD"):
        # Of a build by scikit-build, its caller says so: see cmake_callers.
        return UNDEFINED if name == "SKBUILD" else unknown(defined=None)
    if any(name.startswith(prefix) for prefix in run.prefixes):
        return unknown(defined=None)
    return UNDEFINED


def enable(run: CMakeRun, language: str) -> None:
    """project() or enable_language() of one language."""
    from gpufix.source.builds.cmake_cuda import enable_cuda

    if language in run.languages:
        return
    run.languages[language] = run.here
    if language == "CUDA":
        enable_cuda(run)
    elif language in ("CXX", "C"):
        _enable_cxx(run, language)
    else:
        run.prefixes.add(f"CMAKE_{language}_")
    _initial_flags(run, language)


def _enable_cxx(run: CMakeRun, language: str) -> None:
    chosen = run.world.environment.get("CXX" if language == "CXX" else "CC", "")
    named = run.store.cache.get(f"CMAKE_{language}_COMPILER")
    default = "c++" if language == "CXX" else "cc"
    gnu = not chosen or re.search(r"(?:g\+\+|gcc)(?:-\d+)?$", chosen) is not None
    put = run.store.put
    if named is None and run.store.variables.get(f"CMAKE_{language}_COMPILER") is None:
        put(run.store.cache, f"CMAKE_{language}_COMPILER", value(f"/usr/bin/{default}"))
    sure = gnu and named is None and run.world.platform.startswith("linux")
    put(run.store.variables, f"CMAKE_{language}_COMPILER_ID", value("GNU") if sure else unknown())
    put(run.store.variables, f"CMAKE_{language}_COMPILER_VERSION", unknown())
    put(run.store.variables, f"CMAKE_{language}_COMPILER_LOADED", value("1"))
    put(
        run.store.variables,
        "CMAKE_COMPILER_IS_GNUCXX",
        value("1") if sure else unknown(defined=None),
    )


def _initial_flags(run: CMakeRun, language: str) -> None:
    """CMAKE_<LANG>_FLAGS from CXXFLAGS and its kin, as cache entries."""
    name = f"CMAKE_{language}_FLAGS"
    if name in _FLAGS and name not in run.store.cache:
        found = run.read_env(_FLAGS[name])
        run.store.put(
            run.store.cache, name, value(found.text.strip()) if found.known else unknown()
        )
    for kind, text in (_CUDA_TYPES if language == "CUDA" else _BUILD_TYPES).items():
        if f"{name}_{kind}" not in run.store.cache and language in ("CXX", "C", "CUDA"):
            run.store.put(run.store.cache, f"{name}_{kind}", value(text))


def platform(run: CMakeRun) -> None:
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


def declare(run: CMakeRun, name: str, numbers: str | None, languages: list[str] | None) -> None:
    """project(): its variables, then the languages."""
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


def module_path(run: CMakeRun, name: str) -> str | None:
    """The project's own module of a name, by CMAKE_MODULE_PATH; "?" where that is not known."""
    found = run.read("CMAKE_MODULE_PATH")
    from gpufix.source.builds.cmake_words import elements

    for folder in elements(found.text):
        if "\0" in folder:
            continue
        path = posixpath.normpath(posixpath.join(run.call.source, folder, f"{name}.cmake"))
        if run.inside(path) and run.exists(path):
            return path
    return None
