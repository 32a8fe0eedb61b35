"""include() and find_package(): the project's own modules are run, CMake's and others' are known in part."""

from __future__ import annotations

import re

from gpufix.source.builds import cmake_cuda, cmake_start
from gpufix.source.builds.cmake_state import Call, CMakeState, Flow
from gpufix.source.builds.cmake_store import unknown, value
from gpufix.source.builds.run import UNKNOWN_PART

# CMake's own modules that set no variable by themselves.
_HARMLESS = [
    "CheckCXXCompilerFlag",
    "CheckCCompilerFlag",
    "CheckCompilerFlag",
    "CheckCXXSourceCompiles",
    "CheckLanguage",
    "CTest",
    "CheckCSourceCompiles",
    "CheckIncludeFile",
    "CheckIncludeFileCXX",
    "CheckSymbolExists",
    "CheckCXXSymbolExists",
    "CMakeParseArguments",
    "CMakeDependentOption",
    "CMakePackageConfigHelpers",
    "ExternalProject",
    "FetchContent",
    "GenerateExportHeader",
    "FindPackageHandleStandardArgs",
    "CheckIPOSupported",
    "CPack",
    "GoogleTest",
    "FindPackageMessage",
    "CMakePrintHelpers",
    "CheckFunctionExists",
    "CheckLibraryExists",
    "CheckTypeSize",
    "FeatureSummary",
    "ProcessorCount",
    "CheckCXXSourceRuns",
    "CheckSourceCompiles",
    "CMakePushCheckState",
    "TestBigEndian",
    "InstallRequiredSystemLibraries",
]


def include(run: CMakeState, call: Call) -> Flow:
    """A file, or a module by its name: the project's own first."""
    texts = call.texts
    if not texts:
        return ""
    name, optional = texts[0], "OPTIONAL" in texts[1:]
    result = texts[texts.index("RESULT_VARIABLE") + 1] if "RESULT_VARIABLE" in texts[:-1] else None
    if result:
        run.put(result, unknown((call.place,)))
    if UNKNOWN_PART in name:
        run.unfollow("include() of an unknown file")
        return ""
    path = (
        cmake_start.module_path(run, name)
        if "/" not in name and not name.endswith(".cmake")
        else None
    )
    if path is None and ("/" in name or name.endswith(".cmake")):
        path = run.absolute(name)
    if path is not None and run.inside(path):
        there = run.exists(path)
        if there is False and not optional:
            run.fail(f"include could not find {run.relative(path)}", "missing file")
            return "fatal"
        return run.run_file(path) if there else ""
    if name in _HARMLESS:
        if name == "CTest":
            cache = run.store.cache
            run.store.put(cache, "BUILD_TESTING", cache.get("BUILD_TESTING", value("ON")))
        return ""
    if name == "GNUInstallDirs":
        for kind, folder in (("BIN", "bin"), ("LIB", UNKNOWN_PART), ("INCLUDE", "include")):
            run.store.put(run.store.cache, f"CMAKE_INSTALL_{kind}DIR", value(folder))
        return ""
    if name in ("FindCUDA/select_compute_arch", "select_compute_arch"):
        return ""
    run.unfollow(f"include({name}) is not followed")
    run.prefixes.add(f"{name.rpartition('/')[2].removesuffix('.cmake').removeprefix('Find')}_")
    return ""


# Find modules of CMake that projects carry along, and that are known as CMake has them.
_COPIES = ("CUDA", "CUDAToolkit")


def find_package(run: CMakeState, call: Call) -> Flow:
    """A package: by the project's own find module, by what is known of it, or unknown."""
    texts = call.texts
    if not texts or UNKNOWN_PART in texts[0]:
        run.unfollow("find_package() of an unknown package")
        return ""
    name, required = texts[0], "REQUIRED" in texts[1:]
    config = "CONFIG" in texts[1:] or "NO_MODULE" in texts[1:]
    path = None if config else cmake_start.module_path(run, f"Find{name}")
    if path is not None and name not in _COPIES:
        return _own_module(run, call, name, path, required)
    known = cmake_cuda.PACKAGES.get(name)
    if known is not None:
        return known(run, call, required)
    _foreign(run, call, name, required)
    return ""


def _foreign(run: CMakeState, call: Call, name: str, required: bool) -> None:
    for spelled in dict.fromkeys((name, name.upper())):
        run.prefixes.add(f"{spelled}_")
        found = value("1", (call.place,)) if required else unknown((call.place,), defined=None)
        run.put(f"{spelled}_FOUND", found)
    if required:
        run.fail(f"find_package({name}): whether it is here is not known", "package", sure=False)
    if required and name.startswith("Python") and run.world.python:
        numbers = [str(n) for n in run.world.python]
        run.put(f"{name}_VERSION_MAJOR", value(numbers[0]))
        run.put(f"{name}_EXECUTABLE", unknown((call.place,)))


def _own_module(run: CMakeState, call: Call, name: str, path: str, required: bool) -> Flow:
    texts = call.texts
    for word in ("REQUIRED", "QUIET"):
        run.set(f"{name}_FIND_{word.replace('QUIET', 'QUIETLY')}", "1" if word in texts else "0")
    run.put(f"{name}_FOUND", unknown((call.place,), defined=None))
    run.prefixes |= {f"{name}_", f"{name.upper()}_"}
    flow = run.run_file(path)
    if required:
        run.fail(f"find_package({name}): whether it is here is not known", "package", sure=False)
    if required and flow == "" and run.read(f"{name}_FOUND").defined is not True:
        run.set(f"{name}_FOUND", "1")
    return flow


def fetched(run: CMakeState, call: Call) -> None:
    """FetchContent and its kin: what another project sets is not known."""
    for text in call.texts[:8]:
        name = re.sub(r"\W.*", "", text)
        if name.isidentifier():
            run.prefixes |= {f"{name}_", f"{name.lower()}_", f"{name.upper()}_"}
    run.unfollow(f"{call.name}() fetches a project")


def handled(run: CMakeState, call: Call) -> None:
    """find_package_handle_standard_args(): found where all that is required is."""
    for name in call.texts[:1]:
        for spelled in (name, name.upper()):
            run.put(f"{spelled}_FOUND", unknown((call.place,), defined=None))
