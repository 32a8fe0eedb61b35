"""TCH211: the C++ that build files ask for, against what torch's headers take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import builders as b
import source_tree as t
from rows import Fires, Given, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.toolchain.tch211_cxx_standard_too_old import cxx_standard_too_old
from gpufix.model import Severity
from gpufix.model.source_payload import OldStandard

RAISED = ["raise-cxx-standard safe"]
SAYS = {
    "ATen/ATen.h": 20,
    "torch/extension.h": 20,
    "torch/types.h": 20,
    "c10/cuda/CUDAStream.h": 20,
    "c10/util/Half.h": 0,
    "torch/csrc/stable/library.h": 0,
}
UNIT = '#include "ops.h"\nvoid f() {}\n'
SOURCES = {"ops.h": "#pragma once\n#include <torch/extension.h>\n", "a.cpp": UNIT, "b.cu": UNIT}


def of(files: dict[str, str], needs: dict[str, int] = SAYS, **sections: Any) -> Given:
    """A project, and a torch whose headers take these standards."""
    answers = {f"torch-standard:{header}": value for header, value in needs.items()}
    return t.project(files, **({"torch": b.torch("2.14.1+cu130"), "answers": answers} | sections))


def setup(cxx: str = "", nvcc: str = "", before: str = "", **files: str) -> dict[str, str]:
    """A setup.py with these flags (line 6), and sources."""
    text = f"""\
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension
{before}
ext = CUDAExtension("e", ["a.cpp", "b.cu"], extra_compile_args={{
    "nvcc": ["-O3"{nvcc}],
    "cxx": ["-O3"{cxx}]}})
setup(name="e", ext_modules=[ext], cmdclass={{"build_ext": BuildExtension}})
"""
    named = {name.replace("__", "."): content for name, content in files.items()}
    return SOURCES | {"setup.py": text} | named


def cmake(text: str, **files: str) -> dict[str, str]:
    named = {name.replace("__", "."): content for name, content in files.items()}
    return SOURCES | {"CMakeLists.txt": text} | named


def old(
    *asked: tuple[int, str],
    path: str = "setup.py",
    way: Any = "setup",
    source: str = "ops.h",
    line: int = 2,
    header: str = "torch/extension.h",
    severity: Severity = ERROR,
    needs: int = 20,
    release: str = "2.14",
    torch: str = "2.14.1+cu130",
) -> Fault:
    texts = " and ".join(dict.fromkeys(text for _, text in asked))
    verb = "sets" if way == "cmake" else "compiles with"
    evidence = [t.at(path, number, text) for number, text in asked]
    evidence += [t.at(source, line, f"#include <{header}>")] if source else []
    return Fault(
        severity,
        path,
        f"{path} {verb} {texts}; {header} of torch {torch} needs C++{needs}.",
        evidence=tuple(evidence),
        payload=OldStandard(path, tuple(n for n, _ in asked), way, needs, release),
    )


def unset(*names: str, sets: str = "", line: int = 4) -> Fault:
    """Variables that nobody sets; the line behind find_package(Torch) asks the host compiler."""
    takes = "g++ 12.2.0 takes C++17"
    at = sorted([(3, takes), *([(line, sets)] if sets else [])])
    return Fault(
        ERROR,
        "CMakeLists.txt",
        f"CMakeLists.txt {f'sets {sets} and ' if sets else ''}does not set {' or '.join(names)}, "
        f"so that {takes}; torch/extension.h of torch "
        "2.14.1+cu130 needs C++20.",
        evidence=(
            *(t.at("CMakeLists.txt", *row) for row in at),
            t.at("ops.h", 2, "#include <torch/extension.h>"),
        ),
        payload=OldStandard("CMakeLists.txt", tuple(n for n, _ in at), "cmake", 20, "2.14", names),
    )


GXX = [b.tool("g++")]
OLD = ', "-std=c++17"'
TORCH = "project(e CUDA CXX)\n{0}\nfind_package(Torch REQUIRED)\n{1}\nadd_library(e a.cpp b.cu)\n"
LOAD = """\
from torch.utils.cpp_extension import load
m = load(name="e", sources=["a.cpp", "b.cu"], {0})
"""
INLINE = """\
from torch.utils.cpp_extension import load_inline
m = load_inline(name="e", cpp_sources="int f() {{ return 1; }}", {0})
"""

TRIED = """\
from setuptools import setup
try:
    import torch
    from torch.utils.cpp_extension import BuildExtension, CUDAExtension
except ImportError:
    {0}
flags = ["-std=c++17"]
exts = [CUDAExtension("e", ["a.cpp", "b.cu"], extra_compile_args={{"cxx": flags}})] if torch else []
setup(name="e", ext_modules=exts, cmdclass={{"build_ext": BuildExtension}} if torch else {{}})
"""
WRITTEN = """\
import torch
from setuptools import setup
from torch.utils.cpp_extension import CppExtension
standard = 14
if torch.version.cuda:
    standard = 17
flags = [f"-std=c++{standard}"]
setup(name="e", ext_modules=[CppExtension("e", ["a.cpp"], extra_compile_args={"cxx": flags})])
"""
CHOSEN = """\
import os
from torch.utils.cpp_extension import load
def module():
    flags = ["-O3"]
    if os.name == "posix":
        flags += ["-std=c++17"]
    here = os.path.dirname(os.path.abspath(__file__))
    return load(name="e", sources=[os.path.join(here, "SOURCE")], extra_cuda_cflags=flags)
"""
FEATURE = cmake(TORCH.format("", "target_compile_features(e PUBLIC cxx_std_17)"))
SILENT = {
    "CMake: a feature, and the compiler's own C++ is newer": of(
        FEATURE, tools=[b.tool("g++", version="16.2.0")]
    ),
    "nothing asked": of(setup()),
    "new enough": of(setup(', "-std=c++20"', ', "-std=c++20"')),
    "newer": of(setup(', "-std=c++2b"')),
    "for Microsoft's compiler": of(setup(', "/std:c++17"')),
    "a spelling that torch does not know, so that it adds its own": of(setup(', "--std=c++17"')),
    "chosen by release": of(
        setup(', ("-std=c++20" if True else "-std=c++17")', before="import torch")
    ),
    "set again, newer": of(setup(OLD + ', "-std=c++20"')),
    "flags under a name that BuildExtension does not read": of(
        setup(OLD) | {"setup.py": setup(OLD)["setup.py"].replace('"cxx"', '"gcc"')}
    ),
    "flags that setup() does not know": of(
        setup()
        | {"setup.py": setup()["setup.py"].replace("cmdclass", f"extra_cflags=[0{OLD}], cmdclass")}
    ),
    "only on Windows": of(
        setup(
            before="import os\nf = []\nif os.name == 'nt':\n    f += ['-std=c++17']\n", cxx=", *f"
        )
    ),
    "the headers take it": of(setup(OLD), {"ATen/ATen.h": 17, "torch/extension.h": 17}),
    "headers that say nothing": of(setup(OLD), {"ATen/ATen.h": 0}),
    "no torch": of(setup(OLD), torch=None),
    "nvcc's sources include none of torch's": of(setup(nvcc=OLD, b__cu="__global__ void k() {}\n")),
    "only headers for any C++": of(
        setup(
            OLD, OLD, ops__h="#include <torch/csrc/stable/library.h>\n#include <c10/util/Half.h>\n"
        )
    ),
    "included under a condition that does not hold": of(
        setup(OLD, OLD, ops__h="#ifdef _WIN32\n#include <torch/extension.h>\n#endif\n")
    ),
    "included under one that nobody knows": of(
        setup(OLD, OLD, ops__h="#ifdef WITH_TORCH\n#include <torch/extension.h>\n#endif\n")
    ),
    "sources that no build file names": of(
        SOURCES | {"setup.py": f"# cpp_extension\nx = [0{OLD}]\n"}
    ),
    "a test's own build": of(SOURCES | {"tests/setup.py": setup(OLD)["setup.py"]}),
    "CMake without torch's headers": of(
        cmake(
            "project(e CXX)\nset(CMAKE_CXX_STANDARD 11)\nadd_library(e c.cpp)\n", c__cpp="int x;\n"
        )
    ),
    "CMake beside setup.py, of sources without torch": of(
        setup(k__cu="__global__ void k() {}\n")
        | {"CMakeLists.txt": "project(e CUDA)\nset(CMAKE_CUDA_STANDARD 17)\nadd_library(e k.cu)\n"}
    ),
    "CMake: new enough": of(cmake(TORCH.format("set(CMAKE_CXX_STANDARD 20)", ""))),
    "CMake: for Windows": of(
        cmake(
            TORCH.format(
                "if(NOT WIN32)\n  message(FATAL_ERROR x)\nendif()\nset(CMAKE_CXX_STANDARD 17)", ""
            )
        )
    ),
    "CMake: raised once torch is known": of(
        cmake(
            TORCH.format(
                "set(CMAKE_CXX_STANDARD 17)",
                "if(Torch_VERSION VERSION_GREATER_EQUAL 2.14)\n  set(CMAKE_CXX_STANDARD 20)\n"
                "  set(CMAKE_CUDA_STANDARD 20)\nendif()",
            )
        )
    ),
    "CMake: nobody asks, and the compiler takes it by itself": of(
        cmake(TORCH.format("", "")), tools=[b.tool("g++", "16.1.0")]
    ),
    "CMake: nobody asks, and an unknown package is linked": of(
        cmake(TORCH.format("", "") + "target_link_libraries(e PRIVATE fmt::fmt)"), tools=GXX
    ),
    "CMake: nobody asks, and flags come from elsewhere": of(
        cmake(TORCH.format("find_package(X)\nadd_compile_options(${X_FLAGS})", "")), tools=GXX
    ),
    "CMake: nobody asks, for headers that take it": of(
        cmake(TORCH.format("", "")), {"ATen/ATen.h": 17, "torch/extension.h": 17}, tools=GXX
    ),
    "CMake: a target that torch has nothing to do with": of(
        cmake("project(e CXX)\nadd_library(e a.cpp)\n"), tools=GXX
    ),
    "CMake: the caller may give it": of(
        cmake(TORCH.format("", ""), i__sh="cmake -B b -DCMAKE_CXX_STANDARD=$STD\n"), tools=GXX
    ),
    "load(): of a source without such headers": of(
        SOURCES | {"ops.py": CHOSEN.replace("SOURCE", "c.cu"), "c.cu": ""}
    ),
    "load(): beside one whose sources include such headers": of(
        SOURCES
        | {
            "c.cu": "",
            "ops.py": "import os\nfrom torch.utils.cpp_extension import load\n"
            "if os.environ['A'] == '1':\n"
            "    a = load(name='a', sources=['b.cu'])\n"
            "    b = load(name='b', sources=['c.cu'], extra_cuda_cflags=['-std=c++17'])\n",
        }
    ),
    "load(): new enough": of(SOURCES | {"ops.py": LOAD.format('extra_cflags=["-std=c++20"]')}),
}
COPIED = """\
find_program(HAS_NVCC nvcc)
if(HAS_NVCC)
  set(languages CXX CUDA)
else()
  set(languages CXX)
endif()
project(e ${languages})
set(CMAKE_CXX_STANDARD 14)
find_package(Torch REQUIRED)
function(as_cxx)
  cmake_parse_arguments(MY "" "OUT" "SRCS" ${ARGN})
  foreach(src IN LISTS MY_SRCS)
    get_filename_component(name ${src} NAME_WE)
    configure_file(${src} ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
    list(APPEND ans ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  endforeach()
  set(${MY_OUT} ${ans} PARENT_SCOPE)
endfunction()
set(srcs b.cu)
as_cxx(OUT srcs SRCS ${srcs})
add_library(e ${srcs})
"""
FROM_ABOVE = {
    "x/src/model.py": LOAD.replace("a.cpp", "k/a.cpp").replace("b.cu", "k/b.cu"),
    "x/k/a.cpp": "",
    "x/k/b.cu": "#include <torch/extension.h>\n",
    "x/k/other.cu": "",
}
FIRING = {
    "CMake: a source that is copied for another compiler": Fires(
        of(cmake(COPIED)), old((8, "C++14"), path="CMakeLists.txt", way="cmake"), RAISED
    ),
    "load(), of sources in a folder above": Fires(
        of(
            FROM_ABOVE
            | {
                "x/src/model.py": FROM_ABOVE["x/src/model.py"].format(
                    'extra_cuda_cflags=["-std=c++17"]'
                )
            }
        ),
        old((2, "-std=c++17"), path="x/src/model.py", way="load", source="x/k/b.cu", line=1),
        RAISED,
    ),
    "load(), of such sources, as a variable wants it": Fires(
        of(
            FROM_ABOVE
            | {
                "x/src/model.py": "import os\n"
                + FROM_ABOVE["x/src/model.py"]
                .format('extra_cuda_cflags=["-std=c++17"]')
                .replace("m = ", "if os.environ['MODE'] == 'half':\n    m = ")
            }
        ),
        old(
            (4, "-std=c++17"),
            path="x/src/model.py",
            way="load",
            source="x/k/b.cu",
            line=1,
            severity=WARNING,
        ),
        RAISED,
    ),
    "torch is imported in a try, and needed": Fires(
        of(SOURCES | {"setup.py": TRIED.format("raise")}), old((7, "-std=c++17")), RAISED
    ),
    "torch is imported in a try, and done without": Fires(
        of(SOURCES | {"setup.py": TRIED.format("torch = None")}), old((7, "-std=c++17"))
    ),
    "a number in an f-string": Fires(
        of(SOURCES | {"setup.py": WRITTEN}), old((7, "-std=c++17")), RAISED
    ),
    "load(), in a function, by the system": Fires(
        of(SOURCES | {"ops.py": CHOSEN.replace("SOURCE", "b.cu")}),
        old((6, "-std=c++17"), path="ops.py", way="load"),
        RAISED,
    ),
    "the host compiler's": Fires(of(setup(OLD)), old((6, "-std=c++17")), RAISED),
    "nvcc's": Fires(of(setup(nvcc=OLD)), old((5, "-std=c++17")), RAISED),
    "both": Fires(of(setup(OLD, OLD)), old((5, "-std=c++17"), (6, "-std=c++17")), RAISED),
    "one that every torch adds": Fires(of(setup(', "-std=c++14"')), old((6, "-std=c++14")), RAISED),
    "GNU's": Fires(of(setup(', "-std=gnu++1z"')), old((6, "-std=gnu++1z")), RAISED),
    "beside other flags": Fires(
        of(setup(', *"-g -std=c++17".split()')), old((6, "-std=c++17")), RAISED
    ),
    "in a form that is not changed": Fires(
        of(setup(', f"-std=c++17 {0}"')), old((6, "-std=c++17"))
    ),
    "a list for both": Fires(
        of(
            SOURCES
            | {
                "setup.py": "from torch.utils.cpp_extension import CppExtension\n"
                'e = CppExtension("e", ["a.cpp"], extra_compile_args=["-std=c++17"])\n'
                "from setuptools import setup\nsetup(ext_modules=[e])\n"
            }
        ),
        old((2, "-std=c++17")),
        RAISED,
    ),
    "an older torch": Fires(
        of(
            setup(', "-std=c++14"'),
            {"ATen/ATen.h": 17, "torch/extension.h": 17},
            torch=b.torch("2.9.0+cu128"),
        ),
        old((6, "-std=c++14"), needs=17, release="2.1", torch="2.9.0+cu128"),
        RAISED,
    ),
    "under a condition of which only a run tells": Fires(
        of(setup(before="f = []\nif g():\n    f += ['-std=c++17']\n", cxx=", *f")),
        old((5, "-std=c++17"), severity=WARNING),
        RAISED,
    ),
    "a setup.py that stops before it builds": Fires(
        of(
            setup(
                OLD, before="import os\nif not os.path.exists('cutlass'):\n    raise RuntimeError"
            )
        ),
        old((8, "-std=c++17"), severity=WARNING),
        RAISED,
    ),
    "no header with an #error": Fires(
        of(setup(nvcc=OLD, b__cu="#include <c10/cuda/CUDAStream.h>\n")),
        old((5, "-std=c++17"), source="b.cu", line=1, header="c10/cuda/CUDAStream.h"),
        RAISED,
    ),
    "load()": Fires(
        of(SOURCES | {"ops.py": LOAD.format('extra_cuda_cflags=["-std=c++17"]')}),
        old((2, "-std=c++17"), path="ops.py", way="load"),
        RAISED,
    ),
    "one list for setup() and load()": Fires(
        of(
            SOURCES
            | {
                "setup.py": "from setuptools import setup\n"
                "from torch.utils.cpp_extension import CUDAExtension, load\nf = ['-std=c++17']\n"
                "def m():\n    return load(name='e', sources=['b.cu'], extra_cuda_cflags=f)\n"
                "e = CUDAExtension('e', ['a.cpp', 'b.cu'], extra_compile_args={'nvcc': f})\n"
                "setup(name='e', ext_modules=[e])\n"
            }
        ),
        old((3, "-std=c++17"), way="load"),
        RAISED,
    ),
    "load(), where torch adds its own before": Fires(
        of(SOURCES | {"ops.py": LOAD.format('extra_cflags=["--std=c++17"]')}),
        old((2, "--std=c++17"), path="ops.py", way="load"),
        RAISED,
    ),
    "load_inline()": Fires(
        of({"ops.py": INLINE.format('extra_cflags=["-std=c++17"]'), "a.cpp": ""}),
        old((2, "-std=c++17"), path="ops.py", way="load", source=""),
        RAISED,
    ),
    "CMake: a variable": Fires(
        of(cmake(TORCH.format("set(CMAKE_CXX_STANDARD 17)", ""))),
        old((2, "C++17"), path="CMakeLists.txt", way="cmake"),
        RAISED,
    ),
    "CMake: no project(), which cmake only warns of": Fires(
        of(
            cmake(
                "cmake_minimum_required(VERSION 3.12)\nfind_package(Torch REQUIRED)\n"
                "set(CMAKE_CXX_STANDARD 17)\nadd_library(e a.cpp)\n"
            )
        ),
        old((3, "C++17"), path="CMakeLists.txt", way="cmake"),
        RAISED,
    ),
    "CMake: behind a variable that its caller has to give": Fires(
        of(
            cmake(
                TORCH.format(
                    "if(X_PATH)\nelse()\n  message(FATAL_ERROR x)\nendif()\n"
                    "if(NOT DEFINED Y_PATH)\n  message(FATAL_ERROR y)\nendif()\n"
                    "set(CMAKE_CXX_STANDARD 17)",
                    "",
                )
            )
        ),
        old((9, "C++17"), path="CMakeLists.txt", way="cmake"),
        RAISED,
    ),
    "a build.py that calls setup()": Fires(
        of(
            {
                {"setup.py": "build.py"}.get(name, name): text
                for name, text in setup(', "-std=c++17"').items()
            }
        ),
        old((6, "-std=c++17"), path="build.py"),
        RAISED,
    ),
    "CMake: nvcc's variable": Fires(
        of(cmake(TORCH.format("set(CMAKE_CXX_STANDARD 20)", "set(CMAKE_CUDA_STANDARD 17)"))),
        old((4, "C++17"), path="CMakeLists.txt", way="cmake"),
        RAISED,
    ),
    "CMake: nvcc's variable, from the other": Fires(
        of(
            cmake(
                'project(e CUDA CXX)\nset(CMAKE_CXX_STANDARD 14 CACHE STRING "C++")\n'
                "set(CMAKE_CUDA_STANDARD ${CMAKE_CXX_STANDARD})\ninclude(cmake/torch.cmake)\n"
                "add_library(e b.cu)\n"
            )
            | {"cmake/torch.cmake": "find_package(Torch REQUIRED)\n"}
        ),
        old((3, "C++14"), path="CMakeLists.txt", way="cmake"),
        RAISED,
    ),
    "CMake: a property": Fires(
        of(cmake(TORCH.format("", "set_target_properties(e PROPERTIES CXX_STANDARD 14)"))),
        unset("CMAKE_CUDA_STANDARD", sets="C++14"),
        RAISED,
    ),
    "CMake: nobody asks": Fires(
        of(
            cmake(TORCH.format("", "") + "target_link_libraries(e PRIVATE ${TORCH_LIBRARIES})"),
            tools=GXX,
        ),
        unset("CMAKE_CUDA_STANDARD", "CMAKE_CXX_STANDARD"),
        RAISED,
    ),
    "CMake: a property that nvcc does not get": Fires(
        of(
            cmake(TORCH.format("", "") + "set_property(TARGET e PROPERTY CXX_STANDARD 20)"),
            tools=GXX,
        ),
        unset("CMAKE_CUDA_STANDARD"),
        RAISED,
    ),
    "CMake: a variable behind find_package(Torch), which nvcc does not get": Fires(
        of(cmake(TORCH.format("", "set(CMAKE_CXX_STANDARD 20)")), tools=GXX),
        unset("CMAKE_CUDA_STANDARD"),
        RAISED,
    ),
    "CMake: nobody asks, and the target stands before torch is found": Fires(
        of(
            cmake("project(e CUDA CXX)\nadd_library(e a.cpp)\nfind_package(Torch REQUIRED)\n"),
            tools=GXX,
        ),
        unset("CMAKE_CXX_STANDARD"),
    ),
    "CMake: a feature": Fires(
        of(FEATURE),
        unset("CMAKE_CUDA_STANDARD", sets="C++17"),
        RAISED,
    ),
    "CMake: a feature, and the compiler's own C++ is not known": Fires(
        of(FEATURE, tools=[b.tool("g++", version="18.1.0")]),
        old((4, "C++17"), path="CMakeLists.txt", way="cmake", severity=WARNING),
        RAISED,
    ),
    "CMake: a flag": Fires(
        of(cmake(TORCH.format('set(CMAKE_CXX_FLAGS "${CMAKE_CXX_FLAGS} -std=c++17")', ""))),
        unset("CMAKE_CUDA_STANDARD", sets="-std=c++17", line=2),
        RAISED,
    ),
    "CMake: torch is found in another file": Fires(
        of(
            cmake("project(e CXX)\nfind_package(Torch)\nadd_subdirectory(x)\n")
            | {"x/CMakeLists.txt": "set(CMAKE_CXX_STANDARD 17)\nadd_library(e a.cpp)\n"}
            | {"x/a.cpp": "#include <torch/types.h>\n"}
        ),
        old(
            (1, "C++17"),
            path="x/CMakeLists.txt",
            way="cmake",
            source="x/a.cpp",
            line=1,
            header="torch/types.h",
        ),
        RAISED,
    ),
    "CMake: torch is found in another file, too late to ask its version": Fires(
        of(
            cmake("project(e CXX)\nadd_subdirectory(x)\nfind_package(Torch)\n")
            | {"x/CMakeLists.txt": "set(CMAKE_CXX_STANDARD 17)\nadd_library(e ../a.cpp)\n"}
        ),
        old((1, "C++17"), path="x/CMakeLists.txt", way="cmake"),
    ),
    "CMake: torch is found by folders that the caller names": Fires(
        of(
            cmake(
                "project(e CUDA CXX)\nset(CMAKE_CXX_STANDARD 17)\n"
                'set(CMAKE_CUDA_STANDARD "${CMAKE_CXX_STANDARD}")\n'
                "include_directories(${TORCH_INCLUDE_PATH})\nadd_library(e a.cpp b.cu)\n"
            )
        ),
        old((2, "C++17"), (3, "C++17"), path="CMakeLists.txt", way="cmake"),
        RAISED,
    ),
}
test_silent, test_firing = rows(cxx_standard_too_old, SILENT, FIRING)


FORCED = """\
import os
import torch
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CppExtension, CUDAExtension
args = {"cxx": [], "nvcc": ["-O3", "-std=c++17"]}
if torch.cuda.is_available() or os.getenv("FORCE_CUDA") == "1":
    ext = CUDAExtension("e", ["b.cu"], extra_compile_args=args)
else:
    ext = CppExtension("e", ["a.cpp"])
setup(name="e", ext_modules=[ext], cmdclass={"build_ext": BuildExtension})
"""


def test_what_a_forced_build_asks_for_is_said_before_it_is_forced(tmp_path: Path) -> None:
    t.write(tmp_path, {**SOURCES, "setup.py": FORCED})
    answers = {f"torch-standard:{header}": value for header, value in SAYS.items()}
    severities = []
    for env in ({}, {"FORCE_CUDA": "1"}):
        torch = b.torch("2.14.1+cu130")
        view = t.look(tmp_path, "sm_90", env=env, torch=torch, answers=answers)
        (finding,) = t.found(cxx_standard_too_old, view)
        assert finding.payload == OldStandard("setup.py", (5,), "setup", 20, "2.14")
        severities.append(finding.severity)
    assert severities == [WARNING, ERROR]
