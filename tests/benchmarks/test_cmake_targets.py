"""The abstract run's targets against CMake's own code model: one project of many folders, each a case."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmake_oracle import Disk, cmake_release, configure, differences, environment
from gpufix.source.builds.cmake_result import CMakeBuild, run_cmake
from gpufix.source.builds.cmake_state import CMakeCall
from gpufix.source.builds.world import BuildWorld

CASES = {
    "library": "add_library(${n} STATIC a.cpp b.cpp)",
    "glob": "file(GLOB s *.cpp)\nadd_library(${n} STATIC ${s})",
    "glob of folders": "file(GLOB_RECURSE s RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.cpp)\nadd_library(${n} STATIC ${s})",
    "filtered": 'file(GLOB s *.cpp)\nlist(FILTER s EXCLUDE REGEX "b[.]cpp$")\nadd_library(${n} STATIC ${s})',
    "target_sources": "add_library(${n} STATIC)\ntarget_sources(${n} PRIVATE a.cpp PUBLIC b.cpp)",
    "options": "add_compile_options(-Wall)\nadd_library(${n} STATIC a.cpp)\nadd_compile_options(-Wextra)",
    "options of a language": "add_library(${n} STATIC a.cpp)\ntarget_compile_options(${n} PRIVATE "
    "$<$<COMPILE_LANGUAGE:CXX>:-Wall> $<$<COMPILE_LANGUAGE:CUDA>:-lineinfo>)",
    "options of a compiler": "add_library(${n} STATIC a.cpp)\ntarget_compile_options(${n} PRIVATE "
    "$<$<CXX_COMPILER_ID:GNU>:-Wshadow> $<$<AND:$<CXX_COMPILER_ID:Clang>,$<CONFIG:Debug>>:-Wx>)",
    "options of a configuration": "add_library(${n} STATIC a.cpp)\ntarget_compile_options(${n} PRIVATE "
    "$<$<CONFIG:Release>:-O1> $<$<NOT:$<CONFIG:Debug>>:-O2> $<IF:$<BOOL:${n}>,-Wa1,-Wb1>)",
    "options in one expression": "add_library(${n} STATIC a.cpp)\ntarget_compile_options(${n} PRIVATE "
    "$<$<COMPILE_LANGUAGE:CUDA>:\n-lineinfo -Wno-x\n> $<$<COMPILE_LANGUAGE:CXX>: -Wall\n-Wextra>)\n"
    'set_property(TARGET ${n} APPEND PROPERTY COMPILE_OPTIONS "$<$<CONFIG:Debug>:-O0" "-g3>" "-O1")',
    "options twice": "add_library(${n} STATIC a.cpp)\ntarget_compile_options(${n} PRIVATE -Wall -Wall -Wextra)",
    "options by SHELL": 'add_library(${n} STATIC a.cpp)\ntarget_compile_options(${n} PRIVATE "SHELL:-I x -I y")',
    "definitions": "add_definitions(-DA=1 -DB -pipe)\nadd_library(${n} STATIC a.cpp)\nadd_compile_definitions(C=2)\n"
    "target_compile_definitions(${n} PRIVATE -DD=3 PUBLIC E)",
    "definitions that are removed": "add_definitions(-DA=1 -DB)\nremove_definitions(-DB)\nadd_library(${n} STATIC a.cpp)",
    "flags": 'set(CMAKE_CXX_FLAGS "${CMAKE_CXX_FLAGS} -O1 -Wall")\nadd_library(${n} STATIC a.cpp)\n'
    'string(APPEND CMAKE_CXX_FLAGS " -g0")',
    "a build type": "set(CMAKE_BUILD_TYPE Release)\nset(CMAKE_CXX_FLAGS_RELEASE -O2)\nadd_library(${n} STATIC a.cpp)",
    "standard by a variable": "set(CMAKE_CXX_STANDARD 17)\nadd_library(${n} STATIC a.cpp)\nset(CMAKE_CXX_STANDARD 20)",
    "standard by a property": "add_library(${n} STATIC a.cpp)\nset_target_properties(${n} PROPERTIES CXX_STANDARD 20)",
    "standard by a feature": "add_library(${n} STATIC a.cpp)\ntarget_compile_features(${n} PRIVATE cxx_std_20)",
    "usage requirements": "add_library(${n}_i INTERFACE)\ntarget_compile_definitions(${n}_i INTERFACE V=1)\n"
    "target_compile_options(${n}_i INTERFACE -Wundef)\nadd_library(${n}_b STATIC b.cpp)\n"
    "target_link_libraries(${n}_b PUBLIC ${n}_i)\ntarget_compile_definitions(${n}_b PUBLIC W PRIVATE X)\n"
    "add_library(${n} STATIC a.cpp)\ntarget_link_libraries(${n} PRIVATE ${n}_b)",
    "an alias": "add_library(${n} STATIC a.cpp)\nadd_library(x::${n} ALIAS ${n})\nadd_library(${n}_c STATIC b.cpp)\n"
    "target_compile_options(${n} PUBLIC -Wundef)\ntarget_link_libraries(${n}_c x::${n})",
    "a function": 'function(mk name)\n cmake_parse_arguments(P "" "" "SRCS;OPTS" ${ARGN})\n'
    " add_library(${name} STATIC ${P_SRCS})\n target_compile_options(${name} PRIVATE ${P_OPTS})\nendfunction()\n"
    "mk(${n} SRCS a.cpp b.cpp OPTS -Wall)",
    "properties": "add_library(${n} STATIC a.cpp)\nset_property(TARGET ${n} APPEND PROPERTY COMPILE_OPTIONS -Wall -Wundef)\n"
    "get_target_property(o ${n} COMPILE_OPTIONS)\nadd_library(${n}_d STATIC b.cpp)\ntarget_compile_options(${n}_d PRIVATE ${o})",
    "a folder of its own": "add_compile_options(-Wall)\nadd_subdirectory(sub)",
    "a global property": "set_property(GLOBAL APPEND PROPERTY srcs ${CMAKE_CURRENT_SOURCE_DIR}/a.cpp)\n"
    "get_property(s GLOBAL PROPERTY srcs)\nadd_library(${n} STATIC ${s})",
}
ARCHS = {
    "by default": "add_library(${n} STATIC k.cu)",
    "a variable": "set(CMAKE_CUDA_ARCHITECTURES 80 90-real 100-virtual)\nadd_library(${n} STATIC k.cu)",
    "a property": 'add_library(${n} STATIC k.cu)\nset_target_properties(${n} PROPERTIES CUDA_ARCHITECTURES "80;90")',
    "a property that is appended to": "add_library(${n} STATIC k.cu)\nset_property(TARGET ${n} APPEND PROPERTY CUDA_ARCHITECTURES 120)",
    "off": "set(CMAKE_CUDA_ARCHITECTURES OFF)\nadd_library(${n} STATIC k.cu)\n"
    "target_compile_options(${n} PRIVATE -gencode=arch=compute_90,code=sm_90)",
    "all": "set(CMAKE_CUDA_ARCHITECTURES all-major)\nadd_library(${n} STATIC k.cu a.cpp)",
    "flags": 'set(CMAKE_CUDA_FLAGS "${CMAKE_CUDA_FLAGS} -lineinfo --use_fast_math")\nadd_library(${n} STATIC k.cu)',
    "by the toolkit's release": "set(CMAKE_CUDA_ARCHITECTURES 80)\nif(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.8)\n"
    " list(APPEND CMAKE_CUDA_ARCHITECTURES 120)\nendif()\nif(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 13)\n"
    " list(APPEND CMAKE_CUDA_ARCHITECTURES 70)\nendif()\nadd_library(${n} STATIC k.cu)",
    "standards": "set(CMAKE_CUDA_STANDARD 14)\nadd_library(${n} STATIC k.cu)\ntarget_compile_features(${n} PUBLIC cuda_std_17)",
    "found": "find_package(CUDAToolkit REQUIRED)\nif(CUDAToolkit_VERSION_MAJOR EQUAL 13)\n set(CMAKE_CUDA_ARCHITECTURES 100)\nendif()\n"
    "add_library(${n} STATIC k.cu)",
    "options of both": "add_library(${n} STATIC k.cu a.cpp)\ntarget_compile_options(${n} PRIVATE "
    "$<$<COMPILE_LANGUAGE:CUDA>:-Xptxas=-v> $<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-lineinfo> "
    "$<$<COMPILE_LANGUAGE:CXX>:-Wall>)\ntarget_compile_definitions(${n} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:ON_GPU>)",
}
BEFORE = {  # in front of project(LANGUAGES CUDA), and CUDAARCHS
    "set before": ("set(CMAKE_CUDA_ARCHITECTURES 90)", ""),
    "a default before, and CUDAARCHS": (
        "if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)\n set(CMAKE_CUDA_ARCHITECTURES 90)\nendif()", "100"),
    "CUDAARCHS": ("", "89-real;90"),
    "a cached default, and CUDAARCHS": ('set(CMAKE_CUDA_ARCHITECTURES 90 CACHE STRING "")', "100"),
}  # fmt: skip


def project(root: Path, cases: dict[str, str], languages: str, before: str = "") -> Path:
    """A project with a folder for each case."""
    main = [f"cmake_minimum_required(VERSION 3.18)\n{before}\nproject(p LANGUAGES {languages})"]
    for number, text in enumerate(cases.values()):
        folder = root / f"c{number}"
        (folder / "sub").mkdir(parents=True)
        for name in ("a.cpp", "b.cpp", "k.cu", "sub/d.cpp"):
            (folder / name).write_text("")
        (folder / "CMakeLists.txt").write_text(f"set(n t{number})\n{text}\n")
        (folder / "sub/CMakeLists.txt").write_text("add_library(${n} STATIC d.cpp)\n")
        main.append(f"add_subdirectory(c{number})")
    (root / "CMakeLists.txt").write_text("\n".join(main) + "\n")
    return root


def check(
    root: Path, tmp_path: Path, cases: dict[str, str], env: dict[str, str], nvcc: str = ""
) -> CMakeBuild:
    """Nothing is unsure, and nothing differs from what CMake does."""
    defines = {"CMAKE_CUDA_COMPILER": nvcc} if nvcc else {}
    real = configure(root, tmp_path / "build", defines, env)
    assert real.ok, real.message
    home = nvcc.removesuffix("/bin/nvcc") or None
    world = BuildWorld(
        root=str(root),
        files=Disk(),
        environment=environment(env),
        nvcc="13.0" if nvcc else None,
        cuda_home=home,
    )
    said = run_cmake(
        CMakeCall(world=world, source=str(root), defines=dict(defines), cmake=cmake_release())
    )
    assert said.whole
    assert len(real.targets) >= len(cases)
    numbered = {f"t{n}": case for n, case in enumerate(cases)}
    found = differences(real, said, root, root)
    assert [f"{numbered.get(text.partition(':')[0])}: {text}" for text in found] == []
    assert [
        t.name for t in said.targets if any(not s.sure for s in (*t.sources, *t.cxx, *t.nvcc))
    ] == []
    return said


@pytest.mark.needs("cmake", "g++")
def test_targets(tmp_path: Path) -> None:
    check(project(tmp_path / "p", CASES, "CXX"), tmp_path, CASES, {})


@pytest.fixture
def nvcc() -> str:
    import needs

    path = Path(needs.path("nvcc")).resolve()
    return str(
        path
        if path.parent.name == "bin" and (path.parents[1] / "nvvm").is_dir()
        else Path("/usr/local/cuda-13.0/bin/nvcc")
    )


@pytest.mark.slow
@pytest.mark.needs("cmake", "nvcc")
def test_architectures(tmp_path: Path, nvcc: str) -> None:
    check(project(tmp_path / "p", ARCHS, "CXX CUDA"), tmp_path, ARCHS, {}, nvcc)


@pytest.mark.slow
@pytest.mark.needs("cmake", "nvcc")
@pytest.mark.parametrize("case", BEFORE)
def test_what_stands_before_project(case: str, tmp_path: Path, nvcc: str) -> None:
    before, archs = BEFORE[case]
    cases = {"by default": ARCHS["by default"]}
    env = {"CUDAARCHS": archs} if archs else {}
    check(project(tmp_path / "p", cases, "CXX CUDA", before), tmp_path, cases, env, nvcc)
