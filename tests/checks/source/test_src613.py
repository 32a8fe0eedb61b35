"""SRC613: builds that ask for a visible GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import builders as b
import source_tree as t
from rows import Fires, Given, rows

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.source.src613_build_asks_for_gpu import build_asks_for_gpu
from gpufix.model import Severity
from gpufix.model.source_payload import (
    CargoFeature,
    CMakeGpuAsked,
    CMakeOption,
    GpuAsked,
    PlainSetting,
    ProjectFile,
    SwitchedBuild,
)

ROCM: dict[str, Any] = {"torch": b.torch("2.9.0+rocm6.4"), "toolkits": [b.rocm()]}
HEAD = """\
import os, sys
import torch
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension, CppExtension
"""
TAIL = """
setup(name="lap", ext_modules=exts, cmdclass={"build_ext": BuildExtension})
"""
CHOICE = """\
cuda = torch.cuda.is_available()
exts = [CUDAExtension("lap", ["lap.cpp", "lap.cu"]) if cuda else CppExtension("lap", ["lap.cpp"])]
"""
FORCED = CHOICE.replace("()\n", '() or os.getenv("FORCE_CUDA", "0") == "1"\n', 1)
OWN = CHOICE.replace("()\n", '() or os.environ.get("LAP_GPU", "").upper() == "ON"\n', 1)
AMD = CHOICE.replace("()\n", "() or torch.version.hip is not None\n", 1)
OPTION = CHOICE.replace("()\n", '() or "--force_cuda" in sys.argv\n', 1)
STOPS = """\
if not torch.cuda.is_available():
    raise NotImplementedError("CUDA is not available")
exts = [CUDAExtension("lap", ["lap.cu"])]
"""
EXITS = STOPS.replace("raise NotImplementedError", "sys.exit")
ASKS = """\
major, minor = torch.cuda.get_device_capability()
flag = f"-gencode=arch=compute_{major}{minor},code=sm_{major}{minor}"
exts = [CUDAExtension("lap", ["lap.cu"], extra_compile_args={"nvcc": [flag]})]
"""
TRIED = f"""\
try:
    cap = torch.cuda.get_device_capability()
except Exception:
    cap = (9, 0)
{ASKS.partition(chr(10))[2].replace("{major}{minor}", "{cap[0]}{cap[1]}")}"""
LISTED = """\
archs = os.environ.get("LAP_ARCHS")
if archs is None:
    archs = "".join(map(str, torch.cuda.get_device_capability()))
exts = [CUDAExtension("lap", ["lap.cu"],
    extra_compile_args={"nvcc": [f"-gencode=arch=compute_{a},code=sm_{a}" for a in archs.split(";")]})]
"""
OF_CUDA = """\
gpu = torch.version.cuda is not None
exts = [CUDAExtension("lap", ["lap.cu"]) if gpu else CppExtension("lap", ["lap.cpp"])]
"""
NEEDS_CUDA = OF_CUDA.replace("exts", "assert gpu, 'CUDA is needed'\nexts")
NEEDS_ROCM = "major = int(torch.version.hip.split('.')[0])\n" + CHOICE
OF_BOTH = OF_CUDA.replace('CppExtension("lap", ["lap.cpp"])', 'CUDAExtension("lap", ["a.cu"])')
HIPCC = """\
import subprocess
subprocess.check_call(["hipcc", "-shared", "lap.hip"])
exts = []
"""
BUILD_EXT = """\
exts = []
if os.environ.get("BUILD_EXT", "0") == "1":
    exts = [CUDAExtension("lap", ["lap.cu"])]
"""
BY_NAME = """\
exts = []
for name in ("ext-all", "ext"):
    if name in sys.argv:
        sys.argv.remove(name)
        exts = [CUDAExtension("lap", ["lap.cu"])]
"""
SOURCES = """\
files = ["lap.cpp", "a.cu"]
if torch.cuda.device_count() > 0:
    files += ["b.cu"]
exts = [CUDAExtension("lap", files)]
"""


def py(body: str, *named: str, path: str = "setup.py", **sections: Any) -> Given:
    """A setup.py that makes `exts` (from line 5 on), for targets that are not visible."""
    files = {path: HEAD + body + TAIL, "lap.cu": "", "a.cu": "", "b.cu": "", "lap.cpp": ""}
    return t.project(files, *(named or ("sm_90",)), **sections)


def says(text: str, severity: Severity, line: int, what: str, served: str = "sm_90") -> Fault:
    return Fault(
        severity,
        "setup.py",
        f"setup.py {text}; {served} is to be served.",
        evidence=(t.at("setup.py", line, what),),
        payload=GpuAsked("setup.py"),
    )


def unless(what: str, name: str, line: int, argument: bool = False) -> Fault:
    found = says(f"builds no extension unless {what}", ADVICE, line, f"asks for {name}")
    return replace(found, payload=SwitchedBuild("setup.py", name, "" if argument else "1"))


def without(served: str = "sm_90") -> Fault:
    text = "builds lap without its GPU code where torch sees no GPU"
    return says(text, WARNING, 5, "asks for a visible GPU", served)


def for_cuda(
    what: str = "builds lap with GPU code only where torch is built for CUDA",
    text: str = "what a torch for CUDA gets",
    severity: Severity = WARNING,
) -> Fault:
    return replace(says(what, severity, 6, text, "gfx1100"), payload=ProjectFile("setup.py"))


STOPPED = "stops where torch sees no GPU (NotImplementedError: CUDA is not available)"
LIVE = "stops where torch sees no GPU (RuntimeError: Found no NVIDIA driver on your system.)"
FORCE = ["force-gpu-build safe"]


def beside(dockerfile: str, **sections: Any) -> Given:
    """The setup.py that FORCE_CUDA forces, and a Dockerfile."""
    files = {
        "setup.py": HEAD + FORCED + TAIL,
        "lap.cu": "",
        "lap.cpp": "",
        "Dockerfile": dockerfile,
    }
    return t.project(files, "sm_90", **sections)


HERE: dict[str, Any] = {"gpus": [b.gpu("sm_90")]}
SHELL_ALONE = "FROM x\nRUN FORCE_CUDA=1 && pip install .\n"


def in_image() -> Fault:
    return Fault(
        WARNING,
        "Dockerfile",
        "Dockerfile sets FORCE_CUDA for its shell only, and setup.py does not see it: where the image is "
        "built no GPU is visible, and GPU code is left out.",
        evidence=(t.at("Dockerfile", 2, "FORCE_CUDA, not exported: no program sees it"),),
        payload=PlainSetting("Dockerfile", 2, "FORCE_CUDA"),
    )


def plain(line: int) -> Fault:
    told = without()
    text = "FORCE_CUDA, not exported: no program sees it"
    return replace(told, evidence=(*told.evidence, t.at("Dockerfile", line, text)))


SILENT = {
    "builds always": py('exts = [CUDAExtension("lap", ["lap.cu"])]'),
    "a GPU is here": py(CHOICE, "sm_90", gpus=[b.gpu("sm_90")]),
    "a GPU is here, and the Dockerfile's build sees it": beside(
        "FROM x\nRUN FORCE_CUDA=1 pip install .\n", **HERE
    ),
    "a GPU is here, and the Dockerfile installs something else": beside(
        "FROM x\nRUN FORCE_CUDA=1 && pip install lap\n", **HERE
    ),
    "a torch for the CPU": py(CHOICE, torch=b.torch("2.9.0+cpu")),
    "no torch": py(CHOICE, torch=None),
    "another vendor's target": py(CHOICE, "gfx1100"),
    "forced already": py(FORCED, env={"FORCE_CUDA": "1"}),
    "AMD's torch is asked for beside it": py(AMD, "gfx1100", **ROCM),
    "taken from a default where it cannot be asked": py(TRIED),
    "asked and printed": py(
        'print(torch.cuda.is_available())\nexts = [CUDAExtension("lap", ["lap.cu"])]'
    ),
    "ROCm: none for CUDA either": py(
        'exts = [CppExtension("lap", ["lap.cpp"])] if torch.version.hip else []', "gfx1100", **ROCM
    ),
    "ROCm: sources of its own": py(OF_BOTH, "gfx1100", **ROCM),
    "ROCm: code that only a run tells": py(
        OF_CUDA.replace("is not None", "or ask()"), "gfx1100", **ROCM
    ),
    "ROCm: what it stops for may be missing with CUDA as well": py(
        "if torch.version.hip or not os.path.exists('/opt/x'):\n    raise RuntimeError('no x')\n"
        + OF_CUDA,
        "gfx1100",
        **ROCM,
    ),
    "ROCm: it stops with CUDA as well": py("raise RuntimeError()", "gfx1100", **ROCM),
    "ROCm: no toolkit is here, which TCH204 says": py(
        'exts = [CUDAExtension("lap", ["lap.cu"])]', "gfx1100", torch=b.torch("2.9.0+rocm6.4")
    ),
    "CUDA, where CUDA is asked for": py(OF_CUDA, "sm_90"),
    "CUDA: it stops with ROCm as well": py(f"{NEEDS_ROCM}int(None.x)\n"),
    "CUDA: no toolkit is here, which TCH204 says": py(
        'exts = [CUDAExtension("lap", ["lap.cu"])]', toolkits=()
    ),
    "a variable that adds to an extension": py(
        'exts = [CUDAExtension("lap", ["lap.cu"])]\nif os.getenv("BUILD_B"):\n    exts += exts\n'
    ),
    "a variable that brings no GPU code": py(
        'exts = [CppExtension("lap", ["lap.cpp"])] if os.getenv("BUILD_EXT") else []\n'
    ),
    "nothing to build": py('exts = []\nname = os.getenv("BUILD_NAME")\n'),
    "a variable that is set": py(BUILD_EXT, env={"BUILD_EXT": "1"}),
    "a test's": py(STOPS, path="tests/setup.py"),
    "carried along": py(STOPS, path="third_party/lap/setup.py"),
    "it stops with a GPU as well": py("raise RuntimeError(str(torch.cuda.is_available()))"),
    "only a run tells": py(CHOICE.replace("cuda else", "cuda and ask() else")),
}
FIRING = {
    "code is left out": Fires(py(CHOICE), without(), offers=FORCE),
    "a variable forces it": Fires(py(FORCED), without(), offers=FORCE),
    "it is set, and not to that": Fires(
        py(FORCED, env={"FORCE_CUDA": "0"}), without(), offers=FORCE
    ),
    "a variable of its own forces it": Fires(py(OWN), without(), offers=FORCE),
    "an option forces it": Fires(py(OPTION), without(), offers=["force-gpu-build manual"]),
    "another vendor's GPU is here": Fires(
        py(CHOICE, gpus=[b.gpu("gfx1036")]), without(), offers=FORCE
    ),
    "a Dockerfile sets it for the shell only": Fires(
        beside("FROM x\nRUN FORCE_CUDA=1 && pip install .\n"), plain(2), offers=FORCE
    ),
    "a Dockerfile sets it for the build": Fires(
        beside("FROM x\nRUN FORCE_CUDA=1 pip install .\n"), without(), offers=FORCE
    ),
    "a Dockerfile exports it": Fires(
        beside("FROM x\nRUN FORCE_CUDA=1 && export FORCE_CUDA && pip install .\n"),
        without(),
        offers=FORCE,
    ),
    "a GPU is here, and an image is built without": Fires(
        beside(SHELL_ALONE, **HERE), in_image(), offers=FORCE
    ),
    "two targets": Fires(py(FORCED, "sm_90", "sm_120"), without("sm_90, sm_120"), offers=FORCE),
    "ROCm": Fires(py(FORCED, "gfx1100", **ROCM), without("gfx1100"), offers=FORCE),
    "ROCm: code only for CUDA": Fires(py(OF_CUDA, "gfx1100", **ROCM), for_cuda()),
    "ROCm: code only for CUDA, and a GPU is here": Fires(
        py(OF_CUDA, "gfx1100", gpus=[b.gpu("gfx1100")], **ROCM), for_cuda()
    ),
    "ROCm: it stops": Fires(
        py(NEEDS_CUDA, "gfx1100", **ROCM),
        for_cuda(
            "stops where torch is built for ROCm (AssertionError: CUDA is needed)",
            "AssertionError",
            severity=ERROR,
        ),
    ),
    "a variable without which nothing is built": Fires(
        py(BUILD_EXT), unless("BUILD_EXT is 1", "BUILD_EXT", 6), offers=["force-gpu-build manual"]
    ),
    "an argument without which nothing is built": Fires(
        py(BY_NAME),
        unless("it is called with ext", "ext", 7, argument=True),
        offers=["force-gpu-build manual"],
    ),
    "CUDA: it starts hipcc": Fires(
        py(HIPCC),
        Fault(
            WARNING,
            "setup.py",
            "setup.py compiles with hipcc, for AMD GPUs only; sm_90 is to be served.",
            evidence=(t.at("setup.py", 6, "starts hipcc"),),
            payload=ProjectFile("setup.py"),
        ),
    ),
    "CUDA: it stops": Fires(
        py(NEEDS_ROCM),
        replace(
            says(
                "stops where torch is built for CUDA "
                "(AttributeError: 'NoneType' object has no attribute 'split')",
                ERROR,
                5,
                "AttributeError",
            ),
            payload=ProjectFile("setup.py"),
        ),
    ),
    "it stops": Fires(py(STOPS), says(STOPPED, ERROR, 6, "NotImplementedError"), offers=FORCE),
    "it exits": Fires(
        py(EXITS),
        says(
            "stops where torch sees no GPU (SystemExit: CUDA is not available)",
            ERROR,
            6,
            "SystemExit",
        ),
        offers=FORCE,
    ),
    "it asks for the capability": Fires(py(ASKS), says(LIVE, ERROR, 5, "RuntimeError")),
    "a list takes the place of the capability": Fires(
        py(LISTED), says(LIVE, ERROR, 7, "RuntimeError"), offers=FORCE
    ),
    "a source is left out": Fires(
        py(SOURCES),
        says("leaves b.cu out where torch sees no GPU", WARNING, 6, "asks for a visible GPU"),
    ),
}

NATIVE = "set(CMAKE_CUDA_ARCHITECTURES native)"
GUARDED = f"if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)\n  {NATIVE}\nendif()"
OURS = "if(NOT MY_ARCHS AND DEFINED ENV{MY_ARCHS})\n  set(MY_ARCHS $ENV{MY_ARCHS})\nendif()\n"
OURS += (
    "if(NOT MY_ARCHS)\n  set(MY_ARCHS native)\nendif()\nset(CMAKE_CUDA_ARCHITECTURES ${MY_ARCHS})"
)
LISTS: dict[str, Any] = {"torch": b.torch("2.14.1+cu130"), "toolkits": [b.toolkit("13.0")]}
ASKING = """\
execute_process(COMMAND python -c "import torch; print(torch.cuda.is_available())"
  OUTPUT_VARIABLE seen OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT seen STREQUAL "True")
  message(FATAL_ERROR "a GPU is needed")
endif()
"""
OPTION_OFF = """\
cmake_minimum_required(VERSION 3.18)
project(d LANGUAGES CXX)
option(D_CUDA "CUDA" {default})
option(D_GPU_CUDA_F16 "halves" OFF)
if(D_CUDA)
  {then}
endif()
add_library(d SHARED d.cpp)
"""


SWITCHED = {
    "CMakeLists.txt": OPTION_OFF.format(default="OFF", then="enable_language(CUDA)"),
    "d.cpp": "",
}


SKBUILD = """\
[build-system]
requires = ["scikit-build-core"]
build-backend = "scikit_build_core.build"
[tool.scikit-build.cmake.define]
D_CUDA = "{}"
"""


def option(default: str = "OFF", then: str = "enable_language(CUDA)", **files: str) -> Given:
    """A CMakeLists.txt whose library may be built with CUDA."""
    main = OPTION_OFF.format(default=default, then=then)
    return t.project({"CMakeLists.txt": main, "d.cpp": "", "k.cu": "", **files}, "sm_89")


def off(given: Given | None = None, **files: str) -> Fires:
    """What is said of an option that is off."""
    return Fires(
        given or option(**files),
        Fault(
            ADVICE,
            "CMakeLists.txt",
            "CMakeLists.txt builds without CUDA unless cmake is given -DD_CUDA=ON; sm_89 is to be served.",
            evidence=(t.at("CMakeLists.txt", 3, "D_CUDA is off"),),
            payload=CMakeOption("CMakeLists.txt", "D_CUDA", "ON", "pyproject.toml" in files),
        ),
        offers=["force-gpu-build manual"],
    )


PROBED = """\
if(NOT DEFINED ENV{{TORCH_CUDA_ARCH_LIST}})
  execute_process(COMMAND ${{PY}} -c "import torch; assert torch.cuda.is_available(); mj, mn = \
torch.cuda.get_device_capability(0); print(f'{{mj}}.{{mn}}')"
    OUTPUT_VARIABLE seen OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
  if(failed EQUAL 0 AND seen)
    set(ENV{{TORCH_CUDA_ARCH_LIST}} "${{seen}}")
  else()
    {otherwise}
  endif()
endif()
find_package(Torch REQUIRED)
"""
FATAL = 'message(FATAL_ERROR "name the architectures")'
ONE_FATAL = """\
execute_process(COMMAND python -c "import torch; torch.cuda.get_device_name()" COMMAND_ERROR_IS_FATAL ANY)
"""


def cmake(
    text: str,
    *named: str,
    before: str = "",
    release: str | None = "3.25.1",
    languages: str = "CXX CUDA",
    **sections: Any,
) -> Given:
    """A CMakeLists.txt: `before`, line 3 project(), `text`, a library of a CUDA source."""
    main = (
        f"cmake_minimum_required(VERSION 3.24)\n{before}\nproject(d LANGUAGES {languages})\n{text}\n"
        "add_library(d SHARED k.cu)\n"
    )
    tools = [b.tool("cmake", release)] if release else []
    files = {"k.cu": "", "CMakeLists.txt": main, **sections.pop("files", {})}
    return t.project(files, *(named or ("sm_89",)), **{"tools": tools, **sections})


def configures(
    what: str, line: int, text: str, severity: Severity = ERROR, follows: str = "CUDAARCHS"
) -> Fault:
    """A CMake build that asks for the GPU."""
    return Fault(
        severity,
        "CMakeLists.txt",
        f"CMakeLists.txt {what}; sm_89 is to be served.",
        evidence=(t.at("CMakeLists.txt", line, text),),
        payload=CMakeGpuAsked("CMakeLists.txt", line, follows, "CMakeLists.txt"),
    )


def native(end: str = "cmake 3.25.1 stops", line: int = 4, severity: Severity = ERROR) -> Fault:
    what = f"builds d for the GPU that it sees (native), and none is visible: {end}"
    return configures(what, line, "CUDA_ARCHITECTURES: native", severity)


SILENT |= {
    "CMake: nothing is asked": cmake(""),
    "CMake: native, and a GPU is here": cmake(NATIVE, gpus=[b.gpu("sm_89")]),
    "CMake: native, and a caller names others": cmake(
        "",
        before=GUARDED,
        files={
            "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "scikit_build_core.build"\n'
            '[tool.scikit-build.cmake.define]\nCMAKE_CUDA_ARCHITECTURES = "89"\n'
        },
    ),
    "CMake: native for a target without CUDA sources": cmake(
        f"{NATIVE}\nadd_library(e SHARED e.cpp)\nset(CMAKE_CUDA_ARCHITECTURES 89)",
        files={"e.cpp": ""},
    ),
    "CMake: native under a condition that does not hold": cmake(f"if(FAST)\n{NATIVE}\nendif()"),
    "CMake: torch, and its list is set": cmake(
        "find_package(Torch REQUIRED)", env={"TORCH_CUDA_ARCH_LIST": "8.9"}, **LISTS
    ),
    "CMake: torch, and its flags are taken out": cmake(
        "find_package(Torch REQUIRED)\n"
        'string(REGEX REPLACE "-gencode arch=[^ ]+ *" "" CMAKE_CUDA_FLAGS ${CMAKE_CUDA_FLAGS})',
        **LISTS,
    ),
    "CMake: torch for CUDA 12, whose nvcc knows them all": cmake("find_package(Torch REQUIRED)"),
    "CMake, ROCm: HIP beside CUDA": cmake("enable_language(HIP)", "gfx1100", **ROCM),
    "CMake, ROCm: CUDA where only a run tells": cmake(
        "if(EXISTS /opt/x)\nenable_language(CUDA)\nendif()", "gfx1100", languages="CXX", **ROCM
    ),
    "CMake, ROCm: an example": t.project(
        {"examples/d/CMakeLists.txt": "project(d CUDA)\nadd_library(d k.cu)\n"}, "gfx1100", **ROCM
    ),
    "hipcc with a torch for ROCm": py(HIPCC, "gfx1100", **ROCM),
    "hipcc where torch is built for ROCm": py(
        HIPCC.replace("subprocess.c", "torch.version.hip and subprocess.c")
    ),
    "hipcc beside code for CUDA": py(
        HIPCC.replace("exts = []", "exts = [CUDAExtension('lap', ['a.cu'])]")
    ),
    "hipcc that compiles for NVIDIA": py(HIPCC, env={"HIP_PLATFORM": "nvidia"}),
    "CMake: an option that is on": option("ON"),
    "CMake: an option by which CUDA is no language": option(then="add_definitions(-DX)"),
    "CMake: an option of an example": t.project(
        {f"examples/d/{name}": text for name, text in SWITCHED.items()}, "sm_89"
    ),
    "CMake: an option that a caller gives": option(**{"go.sh": "cmake -B b -DD_CUDA=ON .\n"}),
    "CMake: an option that make gives": option(Makefile="d:\n\tcmake -B b -DD_CUDA=ON .\n"),
    "CMake: an option that is on for pip": option(**{"pyproject.toml": SKBUILD.format("ON")}),
    "CMake: an option beside a toolkit that it finds anyway": option(
        then="find_package(CUDAToolkit)\nendif()\nif(1)\nfind_package(CUDAToolkit)"
    ),
    "CMake: an option by which another file is read": option(
        then="include(cmake/more.cmake)", **{"cmake/more.cmake": ""}
    ),
    "CMake: Python names a list where it sees no GPU": cmake(
        PROBED.format(otherwise='set(ENV{TORCH_CUDA_ARCH_LIST} "8.9")'), **LISTS
    ),
    "CMake: a shell's command is no Python": cmake(
        'execute_process(COMMAND sh -c "torchrun" RESULT_VARIABLE failed)\nif(failed)\n'
        "  message(FATAL_ERROR no)\nendif()",
        **LISTS,
    ),
    "CMake: what more than one command prints is not known": cmake(
        ONE_FATAL.replace("COMMAND_E", "COMMAND cat COMMAND_E"), **LISTS
    ),
    "CMake: it stops with a GPU as well": cmake('message(FATAL_ERROR "no")'),
}
FIRING |= {
    "CMake: native": Fires(cmake(NATIVE), native(), offers=FORCE),
    "CMake: native where nothing is given": Fires(
        cmake("", before=GUARDED), native(line=3), offers=FORCE
    ),
    "CMake: native, by a variable of its own": Fires(cmake(OURS), native(line=8), offers=FORCE),
    "CMake: native, with a cmake that leaves it to nvcc": Fires(
        cmake(NATIVE, release="4.4.5"),
        native("nvcc takes its default architecture", severity=WARNING),
        offers=FORCE,
    ),
    "CMake: native, and no cmake is here": Fires(
        cmake(NATIVE, release=None),
        native("nvcc takes its default architecture", severity=WARNING),
        offers=FORCE,
    ),
    "CMake: torch's own list": Fires(
        cmake("find_package(Torch REQUIRED)", **LISTS),
        configures(
            "leaves the architectures to torch, which takes those of the visible GPU, and without one "
            "a list that begins with sm_50: nvcc 13.0 generates no code for it",
            4,
            "find_package(Torch)",
            WARNING,
            follows="TORCH_CUDA_ARCH_LIST",
        ),
        offers=FORCE,
    ),
    "CMake: it stops": Fires(
        cmake(ASKING),
        configures("stops where no GPU is visible (a GPU is needed)", 7, "a GPU is needed"),
    ),
    "CMake: it stops where Python fails, and reads a list": Fires(
        cmake(PROBED.format(otherwise=FATAL), **LISTS),
        configures(
            "stops where no GPU is visible (name the architectures)", 10, "name the architectures"
        ),
        offers=FORCE,
    ),
    "CMake, ROCm: CUDA alone": Fires(
        cmake("", "gfx1100", **ROCM),
        Fault(
            WARNING,
            "CMakeLists.txt",
            "CMakeLists.txt enables CUDA, and not HIP; gfx1100 is to be served.",
            evidence=(t.at("CMakeLists.txt", 3, "CUDA is a language of it"),),
            payload=ProjectFile("CMakeLists.txt"),
        ),
    ),
    "CMake: an option that is off": off(),
    "CMake: an option that only an image is given": off(
        Dockerfile="FROM ubuntu\nRUN cmake -B b -DD_CUDA=ON .\n"
    ),
    "CMake: an option that is off for pip": off(**{"pyproject.toml": SKBUILD.format("OFF")}),
    "CMake: an option by which a toolkit is found": off(then="find_package(CUDAToolkit REQUIRED)"),
    "CMake: an option by which a file for GPUs is read, and no source here is for them": off(
        t.project(
            {
                "CMakeLists.txt": OPTION_OFF.format(default="OFF", then="include(get-gpu.cmake)"),
                "get-gpu.cmake": "",
                "d.cpp": "",
            },
            "sm_89",
        )
    ),
    "CMake: it stops with Python": Fires(
        cmake(ONE_FATAL, **LISTS),
        configures(
            "stops where no GPU is visible (execute_process: Python ends with an exception)",
            4,
            "execute_process: Python ends with an exception",
        ),
    ),
}

MATURIN = """\
[build-system]
requires = ["maturin>=1.0"]
build-backend = "maturin"
[tool.maturin]
features = ["pyo3/extension-module"]
"""
CARGO = """\
[package]
name = "lap"
[features]
default = []
all = ["cuda", "nccl"]
cuda = ["lap-core/cuda"]
nccl = []
rocm = []
"""


def crate(cargo: str = CARGO, toml: str = MATURIN, served: str = "sm_90", **sections: Any) -> Given:
    """A crate in a folder of its own."""
    return t.project({"py/pyproject.toml": toml, "py/Cargo.toml": cargo}, served, **sections)


def feature(name: str, line: int, served: str) -> Fault:
    return Fault(
        ADVICE,
        "py/Cargo.toml",
        f"py/Cargo.toml has the feature {name}, and pip builds it without; {served} is to be served.",
        evidence=(t.at("py/Cargo.toml", line, f"{name} is no default"),),
        payload=CargoFeature("py/Cargo.toml", ("pyo3/extension-module", name)),
    )


SILENT |= {
    "a crate's feature is a default": crate(CARGO.replace("default = []", 'default = ["cuda"]')),
    "a default brings it": crate(CARGO.replace("default = []", 'default = ["all"]')),
    "pyproject.toml takes it": crate(toml=MATURIN.replace('["pyo3', '["cuda", "pyo3')),
    "pyproject.toml takes all": crate(toml=f"{MATURIN}all-features = true\n"),
    "no feature of that name": crate(CARGO.replace("cuda =", "metal =")),
    "another back end": crate(toml=MATURIN.replace('"maturin"', '"setuptools_rust"')),
    "Cargo.toml is no TOML": crate("[features"),
    "features are no table": crate("features = 1\n"),
    "another manifest": crate(toml=f'{MATURIN}manifest-path = "../core/Cargo.toml"\n'),
}
FIRING |= {
    "a crate's feature": Fires(
        crate(), feature("cuda", 6, "sm_90"), offers=["force-gpu-build manual"]
    ),
    "defaults are not taken": Fires(
        crate(
            CARGO.replace("default = []", 'default = ["cuda"]'),
            f"{MATURIN}no-default-features = true\n",
        ),
        feature("cuda", 6, "sm_90"),
        offers=["force-gpu-build manual"],
    ),
    "a crate's feature for AMD": Fires(
        crate(served="gfx1100", **ROCM),
        feature("rocm", 8, "gfx1100"),
        offers=["force-gpu-build manual"],
    ),
}

VARIANT = """\
variant = os.environ.get("LAP_VARIANT", "cpu").lower()
exts = [CUDAExtension("lap", ["lap.cu"])] if variant == "cuda" else [CppExtension("lap", ["lap.cpp"])]
"""
WITH_CUDA = VARIANT.replace('"LAP_VARIANT", "cpu"', '"WITH_CUDA", "0"').replace('"cuda"', '"1"')
LIBRARY = """\
blas = os.environ.get("LAP_BLAS", "mkl")
exts = [CppExtension("lap", ["lap.cpp"], libraries=["cublas" if blas == "cuda" else "mkl"])]
"""
BACKEND = """\
cmake_minimum_required(VERSION 3.18)
project(d LANGUAGES CXX)
{declared}
if(D_BACKEND STREQUAL {value})
  {then}
endif()
add_library(d SHARED d.cpp)
"""
CACHED = 'set(D_BACKEND "NONE" CACHE STRING "NONE, CUDA or HIP")'
STARTED = """\
import os, subprocess
from setuptools import setup
backend = os.environ.get("D_WITH", "{}")
subprocess.check_call(["cmake", os.path.dirname(os.path.abspath(__file__)), "-DD_BACKEND=" + backend])
setup(name="d")
"""
IN_SKBUILD = SKBUILD.partition("[tool")[0]
BY_PIP = "CMAKE_ARGS=-DD_CUDA=ON pip install .\n"
BY_CI = "cmake -B b -S . \\\n  -DD_CUDA=ON\n"
IN_AN_ARRAY = 'args=(-DD_CUDA=ON)\ncmake .. "${args[@]}"\n'


def backend(
    value: str = "CUDA", declared: str = CACHED, then: str = "enable_language(CUDA)", **files: str
) -> Given:
    """A CMakeLists.txt that compares a variable with the name of a back end."""
    main = BACKEND.format(value=value, declared=declared, then=then)
    return t.project({"CMakeLists.txt": main, "d.cpp": "", **files}, "sm_89")


def unless_variable(what: str, name: str, value: str, line: int = 5) -> Fault:
    """A setup.py that leaves GPU code out by the default of a variable."""
    served = "sm_89" if "CUDA unless" in what else "sm_90"
    found = says(what, ADVICE, line, f"asks for {name}", served)
    return replace(found, payload=SwitchedBuild("setup.py", name, value))


SILENT |= {
    "a variable whose default is cuda": py(VARIANT.replace('"cpu"', '"cuda"')),
    "a variable that chooses another library": py(LIBRARY),
    "a variable for the other maker's GPUs": py(VARIANT.replace('"cuda"', '"rocm"')),
    "a variable that is set to another": py(VARIANT, env={"LAP_VARIANT": "cpu"}),
    "CMake: a value that brings no CUDA": backend(then="add_definitions(-DX)"),
    "CMake: a value for other GPUs": backend("HIP"),
    "CMake: a value that is the default": backend(declared=CACHED.replace("NONE", "CUDA", 1)),
    "CMake: a variable that nobody offers": backend(declared="set(D_BACKEND NONE)"),
    "CMake: a value that a caller gives": backend(**{"go.sh": "cmake -DD_BACKEND=CUDA .\n"}),
    "CMake: a setup.py that gives it": backend(declared="", **{"setup.py": STARTED.format("CUDA")}),
    "CMake: an option that a script gives pip": option(
        **{"pyproject.toml": IN_SKBUILD, "go.sh": f"# cmake\n{BY_PIP}"}
    ),
    "CMake: an option that the tree's own back end may give": option(
        **{
            "pyproject.toml": IN_SKBUILD + 'backend-path = ["."]\n',
            "backend.py": 'import scikit_build_core\nargs = ["cmake", "-DD_CUDA=ON"]\n',
        }
    ),
}
FIRING |= {
    "a variable whose default is cpu": Fires(
        py(VARIANT),
        unless_variable("builds no GPU code unless LAP_VARIANT is cuda", "LAP_VARIANT", "cuda"),
        offers=["force-gpu-build manual"],
    ),
    "a variable that is 0": Fires(
        py(WITH_CUDA),
        unless_variable("builds no GPU code unless WITH_CUDA is 1", "WITH_CUDA", "1"),
        offers=["force-gpu-build manual"],
    ),
    "CMake: a value": Fires(
        backend(),
        Fault(
            ADVICE,
            "CMakeLists.txt",
            "CMakeLists.txt builds without CUDA unless cmake is given -DD_BACKEND=CUDA; sm_89 is to be served.",
            evidence=(t.at("CMakeLists.txt", 4, "D_BACKEND is not CUDA"),),
            payload=CMakeOption("CMakeLists.txt", "D_BACKEND", "CUDA"),
        ),
        offers=["force-gpu-build manual"],
    ),
    "CMake: a value that setup.py gives": Fires(
        backend(declared="", **{"setup.py": STARTED.format("NONE")}),
        unless_variable("builds without CUDA unless D_WITH is CUDA", "D_WITH", "CUDA", 3),
        offers=["force-gpu-build manual"],
    ),
    "CMake: an option that a script for another build gives": off(
        **{"pyproject.toml": IN_SKBUILD, "ci.sh": IN_AN_ARRAY}
    ),
    "CMake: an option that a script's caller gives": off(
        **{"install.sh": 'cmake .. "$@"\n', "ci.sh": BY_CI}
    ),
}

test_silent, test_firing = rows(build_asks_for_gpu, SILENT, FIRING)
