"""project(LANGUAGES …) and enable_language(): compilers, initial flags, CUDA's architectures."""

from __future__ import annotations

import re

from gpufix.source.builds.cmake_conditions import compared
from gpufix.source.builds.cmake_state import CMakeState
from gpufix.source.builds.cmake_store import Value, unknown, value
from gpufix.source.builds.run import UNKNOWN_PART

ARCHITECTURES = "CMAKE_CUDA_ARCHITECTURES"
_LEGAL = re.compile(r"(?:\d+[af]?(?:-real|-virtual)?;?)+|all|all-major|native")
_FLAGS = {"CMAKE_CXX_FLAGS": "CXXFLAGS", "CMAKE_C_FLAGS": "CFLAGS", "CMAKE_CUDA_FLAGS": "CUDAFLAGS"}
_BUILD_TYPES = {"DEBUG": "-g", "RELEASE": "-O3 -DNDEBUG", "RELWITHDEBINFO": "-O2 -g -DNDEBUG"}
_BUILD_TYPES |= {"MINSIZEREL": "-Os -DNDEBUG"}
_CUDA_TYPES = {**_BUILD_TYPES, "MINSIZEREL": "-O1 -DNDEBUG"}


def enable(run: CMakeState, language: str) -> None:
    """project() or enable_language() of one language."""
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


def _enable_cxx(run: CMakeState, language: str) -> None:
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


def _initial_flags(run: CMakeState, language: str) -> None:
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


def has_toolkit(run: CMakeState) -> bool | None:
    """Whether CMake finds an nvcc; None: nobody knows."""
    if run.world.nvcc == "?" or run.world.cuda_home == "?":
        return None
    return run.world.nvcc is not None or run.world.cuda_home is not None


def compiler(run: CMakeState) -> Value:
    """CMAKE_CUDA_COMPILER as check_language() and project() find it."""
    there = has_toolkit(run)
    if there is None:
        return unknown((run.here,))
    if not there:
        return value("CMAKE_CUDA_COMPILER-NOTFOUND", (run.here,))
    home = run.world.cuda_home
    return value(f"{home.rstrip('/')}/bin/nvcc" if home else "nvcc", (run.here,))


def release(run: CMakeState) -> str:
    """The toolkit's release, its third number unknown; "\\0" where none is known."""
    nvcc = run.world.nvcc
    return f"{nvcc}.{UNKNOWN_PART}" if nvcc and re.fullmatch(r"\d+\.\d+", nvcc) else UNKNOWN_PART


def enable_cuda(run: CMakeState) -> None:
    """project(LANGUAGES CUDA): the compiler, and CMAKE_CUDA_ARCHITECTURES as CMake initialises it."""
    put, variables = run.store.put, run.store.variables
    if has_toolkit(run) is False and run.read("CMAKE_CUDA_COMPILER").defined is False:
        run.fail("No CMAKE_CUDA_COMPILER could be found", "no CUDA compiler")
    if not run.read("CMAKE_CUDA_COMPILER").text.strip(UNKNOWN_PART).endswith("nvcc"):
        put(run.store.cache, "CMAKE_CUDA_COMPILER", compiler(run))
    put(variables, "CMAKE_CUDA_COMPILER_ID", value("NVIDIA") if _plain(run) else unknown())
    put(variables, "CMAKE_CUDA_COMPILER_VERSION", value(release(run)))
    put(variables, "CMAKE_CUDA_COMPILER_TOOLKIT_VERSION", value(release(run)))
    put(variables, "CMAKE_CUDA_COMPILER_LOADED", value("1"))
    home = run.world.cuda_home
    root = value(home) if home and home != "?" else unknown()
    put(variables, "CMAKE_CUDA_COMPILER_TOOLKIT_ROOT", root)
    _architectures(run)


def _plain(run: CMakeState) -> bool:
    """Whether the compiler is nvcc: not clang."""
    chosen = run.world.environment.get("CUDACXX", "nvcc")
    return chosen.split()[0].endswith("nvcc") if chosen.split() else True


def _architectures(run: CMakeState) -> None:
    given = run.read_env("CUDAARCHS")
    if given.text:
        run.set_cache(ARCHITECTURES, value(given.text, given.places), "STRING")
    found = run.read(ARCHITECTURES)
    if found.defined is True and found.known:
        if not found.text:
            run.fail(f"{ARCHITECTURES} must be non-empty if set", "architectures")
        elif found.text.upper() not in ("OFF", "0", "NO", "FALSE") and not _LEGAL.fullmatch(
            found.text
        ):
            run.fail(f"{ARCHITECTURES} is {found.text}", "architectures")
    if found.defined is False and run.is_new("CMP0104", (3, 18)):
        default = default_arch(run)
        new = value(default, (run.here,)) if default else unknown((run.here,))
        run.store.put(run.store.cache, ARCHITECTURES, new)
    elif found.defined is None:
        run.store.put(
            run.store.cache, ARCHITECTURES, Value(UNKNOWN_PART, found.places, True, found.maybe)
        )


def default_arch(run: CMakeState) -> str | None:
    """What nvcc compiles for when nothing is asked of it."""
    nvcc = run.world.nvcc or ""
    if not re.fullmatch(r"\d+\.\d+", nvcc):
        return None
    if compared(nvcc, "VERSION_GREATER_EQUAL", "14"):
        return None
    if compared(nvcc, "VERSION_GREATER_EQUAL", "13"):
        return "75"
    return "52" if compared(nvcc, "VERSION_GREATER_EQUAL", "11") else "30"
