"""TCH207: the tools that the project's build needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders as b
import source_tree as t
from rows import ROOT, Fires, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.toolchain.tch207_build_tools_missing import build_tools_missing
from gpufix.evidence.view import View
from gpufix.model import Evidence, Gap, Severity, Windows
from gpufix.model.payload import MissingModules, MissingRequirements, MissingTool
from gpufix.model.source_payload import CMakeNeed

CMAKE = b.project(markers=["CMakeLists.txt"])
NO_TOOLS = Gap(section="tools", subject="tools", reason="crash")
NO_DISTS = Gap(section="distributions", subject="distributions", reason="crash")
SETUPTOOLS, NINJA = b.dist("setuptools", "80.9.0"), b.dist("ninja", "1.11.1")
BARE = {"tools": [], "distributions": []}
NAMED = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
"""
SCIKIT = """[build-system]
requires = ["scikit-build-core"]
build-backend = "scikit_build_core.build"
"""
WRAPPED = """[build-system]
requires = ["some-build-backend>=0.3", "scikit-build-core[pyproject]>=0.10"]
build-backend = "some_build_backend.build"
"""
USES = "try:\n    import pybind11, skbuild, foo\nexcept ImportError:\n    pass\n"
TOML = '[build-system]\nrequires = ["setuptools", {}]\n'


def of(**sections: object) -> View:
    return b.view(b.healthy(**sections))


def importing(statement: str, release: str) -> Callable[[Path], View]:
    """A setup.py with this statement beside this setuptools."""
    return lambda root: t.look(
        t.write(root, {"ext.cu": "", "setup.py": t.setup(before=statement)}),
        distributions=[b.dist("setuptools", release), NINJA],
    )


def plain(**files: str) -> Callable[[Path], View]:
    """A setup.py that needs pkg_resources, and has nothing to compile."""
    setup = "import pkg_resources\nfrom setuptools import setup\nsetup(name='d')\n"
    return t.project(
        {"setup.py": setup, **files}, distributions=[b.dist("setuptools", "84.2.1"), NINJA]
    )


def without(*names: str, **sections: object) -> View:
    return of(tools=[tool for tool in b.build_tools() if tool.name not in names], **sections)


def requiring(
    *texts: str, setup: str | None = None, folder: str = "", toml: str = TOML, **sections: object
) -> Callable[[Path], View]:
    """An extension whose build requires this; what is installed is the healthy twin's."""
    files: dict[str, str | bytes] = {
        f"{folder}setup.py": t.setup(before=USES) if setup is None else setup,
        f"{folder}pyproject.toml": toml.format(", ".join(map('"{}"'.format, texts))),
    }
    return lambda root: t.look(t.write(root, files), **sections)


def fault(name: str, text: str, fatal: bool = False) -> Fault:
    return Fault(ERROR if fatal else WARNING, name, f"{text}.", payload=MissingTool(name, False))


def required(name: str, text: str, path: str = "pyproject.toml", direct: bool = False) -> Fault:
    return Fault(
        WARNING,
        name,
        f"{path} requires {name} for the build, and it is not installed.",
        evidence=(Evidence(text=text, path=f"{ROOT}/{path}"),),
        payload=MissingRequirements(name, direct, ()),
    )


def lacking(
    statement: str, *names: str, folder: str = "", toml: str = "", **files: str
) -> Callable[[Path], View]:
    """A setup.py with this statement, where Python finds no module of these names; "." is "__" in files."""
    texts: dict[str, str | bytes] = {
        f"{folder}setup.py": t.setup(before=statement),
        "ext.cu": "",
        **({f"{folder}pyproject.toml": toml} if toml else {}),
        **{name.replace("__", "."): text for name, text in files.items()},
    }
    answers = {"lacks-module:present": False, **{f"lacks-module:{n}": True for n in names}}
    return lambda root: t.look(t.write(root, texts), answers=answers)


def unfound(
    names: str,
    end: str,
    *places: tuple[str, int, str],
    holds: str,
    severity: Severity = WARNING,
    path: str = "setup.py",
) -> Fault:
    modules = tuple(names.split(", "))
    return Fault(
        severity,
        path,
        f"{path} imports {names}, which {'is' if len(modules) == 1 else 'are'} not installed, {end}.",
        evidence=tuple(t.at(*place) for place in places),
        payload=MissingModules(modules, tuple(holds.split(", "))),
    )


UNDECLARED, ALONE = "and its build does not declare {}", "and a build without isolation ends"
SUBMODULE = '[submodule "a"]\n\tpath = deps/a\n\turl = https://example.org/a\n'
COMPILER = fault("g++", "No C++ compiler is on PATH; every extension needs one", True)
NO_NINJA = fault(
    "ninja",
    "ninja is neither on PATH nor installed in this environment; cpp_extension builds with it",
)
NO_SETUPTOOLS = fault(
    "setuptools", "setuptools is not installed; a build without isolation needs it"
)


def configures(text: str, cmake: str, folder: str = "", **more: str) -> Callable[[Path], View]:
    """A CMake build of CUDA code, and the cmake that is here."""
    kernel = "__global__ void k() {}\n"
    files: dict[str, str | bytes] = {f"{folder}CMakeLists.txt": text, f"{folder}k.cu": kernel}
    files |= {name.replace("__", "."): content for name, content in more.items()}
    others = [tool for tool in b.build_tools() if tool.name != "cmake"]
    given: dict[str, Any] = {"tools": [*others, b.tool("cmake", cmake)]}
    given["answers"] = {
        "torch-standard:ATen/ATen.h": 20,
        "system-header:pybind11/pybind11.h": False,
    }
    return lambda root: t.look(t.write(root, files), **given)


def needs(
    kind: Any, text: str, cmake: str, release: str, line: int = 1, fatal: bool = True
) -> Fault:
    return Fault(
        ERROR if fatal else WARNING,
        "CMakeLists.txt",
        f"CMakeLists.txt {text}; cmake {cmake} is here.",
        evidence=(t.at("CMakeLists.txt", line, text),),
        payload=CMakeNeed(kind, "CMakeLists.txt", release),
    )


LEAST = "cmake_minimum_required(VERSION {0})\nproject(p CUDA)\n{1}\nadd_library(k SHARED k.cu)\n"
OLD = "asks for the policies of a CMake before 3.5, which CMake 4 refuses"
PYBIND = LEAST.format("3.20", "find_package(pybind11 CONFIG REQUIRED)")
OWN_BACKEND = """[build-system]
requires = ["scikit-build-core>=1"]
build-backend = "own.backend"
backend-path = ["."]
[tool.scikit-build]
cmake.source-dir = "src"
"""
BRINGS = """[build-system]
requires = ["setuptools", "wheel", "cmake>=3.30"]
"""
CALLS = "import subprocess\nfrom setuptools import setup\nsubprocess.run(['cmake', '.'])\nsetup()\n"

SILENT = {
    "cmake has the old behaviour of a policy": configures(
        LEAST.format("3.20", "cmake_policy(SET CMP0054 OLD)"), "3.31.6"
    ),
    "a newer policy": configures(LEAST.format("3.30", "cmake_policy(SET CMP0066 OLD)"), "4.4.5"),
    "a build for AMD GPUs alone": configures(
        LEAST.format("3.30", "").replace("CUDA", "HIP").replace(".cu", ".hip"), "3.25.1"
    ),
    "a back end that wraps one which brings cmake": configures(
        LEAST.format("3.30", ""), "3.25.1", **{"pyproject.toml": WRAPPED}
    ),
    "a back end of the project's own, which wraps one that brings cmake": configures(
        LEAST.format("3.30", ""), "3.25.1", "src/", **{"pyproject.toml": OWN_BACKEND}
    ),
    "pybind11 is declared": configures(
        PYBIND, "3.30.0", **{"pyproject.toml": SCIKIT.replace('core"', 'core", "pybind11>=2"')}
    ),
    "pybind11 for a configure by hand": configures(PYBIND, "3.30.0"),
    "pybind11 where it is perhaps here": configures(
        PYBIND.replace(" REQUIRED", ""), "3.30.0", **{"pyproject.toml": SCIKIT}
    ),
    "a cmake that is new enough": configures(LEAST.format("3.25", ""), "3.25.1"),
    "old policies, and a cmake that has them": configures(LEAST.format("3.1", ""), "3.31.6"),
    "old policies, and newer ones too": configures(LEAST.format("3.1...3.20", ""), "4.4.5"),
    "FindCUDA by older policies": configures(
        LEAST.format("3.10", "find_package(CUDA REQUIRED)"), "4.4.5"
    ),
    "FindCUDA by a policy of its own": configures(
        LEAST.format("3.30", "cmake_policy(SET CMP0146 OLD)\nfind_package(CUDA REQUIRED)"), "4.4.5"
    ),
    "C++20 without torch, which CMake leaves out": configures(
        LEAST.format("3.20", "set(CMAKE_CUDA_STANDARD 20)"), "3.25.1"
    ),
    "C++20, and a cmake that knows it": configures(
        LEAST.format("3.20", "find_package(Torch)\nset(CMAKE_CUDA_STANDARD 20)"), "3.25.2"
    ),
    "a newer one only where an unknown condition holds": configures(
        LEAST.format("3.10", "if(UNKNOWN_TO_ALL)\n  cmake_minimum_required(VERSION 3.30)\nendif()"),
        "3.25.1",
    ),
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "a project without extensions": of(**BARE, project=b.project(builds=False)),
    "no project": of(**BARE, project=None),
    "no Python": of(**BARE, python=None),
    "c++ is a compiler": of(tools=[b.tool("c++"), b.tool("ninja")]),
    "clang++ is a compiler": of(tools=[b.tool("clang++"), b.tool("ninja")]),
    "a compiler with a number": of(tools=[b.tool("g++-12"), b.tool("ninja")]),
    "clang++ with a number": of(tools=[b.tool("clang++-19"), b.tool("ninja")]),
    "ninja as a package": without("ninja"),
    "ninja as a program": of(distributions=[SETUPTOOLS]),
    "cmake as a package": without(
        "cmake", project=CMAKE, distributions=[SETUPTOOLS, NINJA, b.dist("cmake")]
    ),
    "cmake as a program": of(project=CMAKE),
    "cmake for a project that has no use for it": without("cmake"),
    "wheel is part of new setuptools": of(distributions=[b.dist("setuptools", "70.1"), NINJA]),
    "wheel beside old setuptools": of(
        distributions=[b.dist("setuptools", "69.5.1"), b.dist("wheel"), NINJA]
    ),
    "CMake only, which has no use for setuptools": of(
        distributions=[], project=CMAKE, tools=b.build_tools()
    ),
    "another back end": lambda root: t.look(
        t.write(
            root,
            {"k.cu": "", "CMakeLists.txt": "project(x CUDA)\n", "pyproject.toml": SCIKIT},
        ),
        distributions=[],
    ),
    "tools could not be looked for": of(tools=[], gaps=[NO_TOOLS]),
    "distributions could not be looked for": of(distributions=[], gaps=[NO_DISTS]),
    "headers on another system": of(python=b.python(has_headers=False), host=b.host(os="Darwin")),
    "what the build requires is here": requiring("ninja", "torch>=2", "Wheel"),
    "required of another Python": requiring("pybind11; python_version < '3.9'"),
    "required of another system": requiring("pybind11; sys_platform == 'win32'"),
    "required, and never imported": requiring("tqdm", "easydict"),
    "what is required is no requirement": requiring("==3"),
    "a project that compiles nothing requires it": requiring(
        "pybind11", setup="from setuptools import setup\nsetup(name='x')\n"
    ),
    "told by rules of their own": requiring(
        "torch", "ninja", "cmake", "wheel", distributions=[SETUPTOOLS], torch=None
    ),
    "what is required is installed": requiring(
        "pybind11", distributions=[SETUPTOOLS, NINJA, b.dist("pybind11")]
    ),
    "it is not built by a setup.py": lambda root: t.look(
        t.write(root, {"k.cu": "", "pyproject.toml": TOML.format('"pybind11"')})
    ),
    "pkg_resources of a setuptools that has it": importing("import pkg_resources", "81.0.0"),
    "pkg_resources of nothing to compile, in a build with an older setuptools": plain(
        **{"pyproject.toml": TOML.format('"setuptools<81"')}
    ),
    "pkg_resources of nothing to compile, below the project": t.project(
        {"docs/x/setup.py": "import pkg_resources\nfrom setuptools import setup\nsetup()\n"},
        distributions=[b.dist("setuptools", "84.2.1"), NINJA],
    ),
    "pkg_resources under try": importing(
        "try:\n    import pkg_resources\nexcept ImportError:\n    pkg_resources = None", "82.0.0"
    ),
    "a module that is here": lacking("import present"),
    "a module under try": lacking("try:\n    import gone\nexcept ImportError:\n    pass", "gone"),
    "a module of the project": lacking("import gone", "gone", gone__py=""),
    "a module, and setup_requires": lacking(
        "SETUP = dict(setup_requires=['x'])\nimport gone", "gone"
    ),
    "a module that setup.cfg requires": lacking(
        "import gone", "gone", setup__cfg="[options]\nsetup_requires = gone\n"
    ),
    "a module of a submodule, perhaps": lacking(
        "import sys\nsys.path.insert(0, 'deps/a')\nimport gone", "gone", __gitmodules=SUBMODULE
    ),
    "a module of a framework that is not here": lacking(
        "import gone\nimport jax", "gone", "jax", folder="jax_part/"
    ),
    "a declared module of a build that runs in isolation": lambda root: t.look(
        t.write(
            root,
            {
                "setup.py": "import z3\nfrom setuptools import Extension, setup\nsetup(ext_modules=[Extension('x', ['x.cpp'])])\n",
                "x.cpp": "",
                "k.cu": "",
                "pyproject.toml": TOML.format('"z3-solver"'),
            },
        ),
        answers={"lacks-module:z3": True},
    ),
    "a module that tests need": lacking("import gone", "gone", folder="tests/"),
    "no build system is declared": requiring("pybind11", toml="[project]\nname = 'x'\n"),
    "what is required, where distributions could not be looked for": requiring(
        "pybind11", distributions=[], gaps=[NO_DISTS]
    ),
}

FIRING = {
    "pybind11 is not declared": Fires(
        configures(PYBIND, "3.30.0", **{"pyproject.toml": SCIKIT}),
        Fault(
            WARNING,
            "CMakeLists.txt",
            "CMakeLists.txt looks for pybind11, which is not installed, and its build does not "
            "declare it.",
            evidence=(t.at("CMakeLists.txt", 3, "find_package(pybind11)"),),
            payload=MissingRequirements("pybind11", False, ()),
        ),
        ["install-build-tools unsafe"],
    ),
    "cmake is too old, below a back end that takes another folder": Fires(
        configures(
            LEAST.format("3.30", ""),
            "3.25.1",
            "src/",
            **{"pyproject.toml": OWN_BACKEND.replace('"src"', '"lib"')},
        ),
        replace(
            needs("newer", "asks for CMake 3.30 or newer", "3.25.1", "3.30", fatal=False),
            subject="src/CMakeLists.txt",
            message="src/CMakeLists.txt asks for CMake 3.30 or newer; cmake 3.25.1 is here.",
            evidence=(t.at("src/CMakeLists.txt", 1, "asks for CMake 3.30 or newer"),),
            payload=CMakeNeed("newer", "src/CMakeLists.txt", "3.30"),
        ),
        ["meet-cmake-need unsafe"],
    ),
    "cmake is too old": Fires(
        configures(LEAST.format("3.30", ""), "3.25.1"),
        needs("newer", "asks for CMake 3.30 or newer", "3.25.1", "3.30"),
        ["meet-cmake-need unsafe"],
    ),
    "cmake is too old for a build for both vendors": Fires(
        configures(LEAST.format("3.30", "").replace("CUDA", "CUDA HIP"), "3.25.1"),
        needs("newer", "asks for CMake 3.30 or newer", "3.25.1", "3.30"),
        ["meet-cmake-need unsafe"],
    ),
    "cmake refuses the policies": Fires(
        configures(LEAST.format("3.1", ""), "4.4.5"),
        needs("policy", OLD, "4.4.5", "3.5"),
        ["meet-cmake-need unsafe"],
    ),
    "cmake has no old behaviour of a policy": Fires(
        configures(LEAST.format("3.30", "cmake_policy(SET CMP0054 OLD)"), "4.4.5"),
        needs(
            "policy", "sets policy CMP0054 to OLD, which CMake 4 refuses", "4.4.5", "3.5", line=3
        ),
    ),
    "cmake has no FindCUDA": Fires(
        configures(LEAST.format("3.30", "find_package(CUDA REQUIRED)"), "4.4.5"),
        needs(
            "FindCUDA",
            "calls find_package(CUDA) with the policies of CMake 3.27, which have no FindCUDA",
            "4.4.5",
            "",
            line=3,
        ),
    ),
    "cmake does not know nvcc's C++20": Fires(
        configures(
            LEAST.format("3.20", "find_package(Torch)\nset(CMAKE_CUDA_STANDARD 20)"), "3.25.1"
        ),
        needs(
            "newer",
            "needs C++20 from nvcc, which CMake asks for since 3.25.2",
            "3.25.1",
            "3.25.2",
            line=4,
        ),
        ["meet-cmake-need unsafe"],
    ),
    "setuptools, named as the back end": Fires(
        lambda root: t.look(
            t.write(root, {"k.cu": "", "pyproject.toml": NAMED}), distributions=[NINJA]
        ),
        NO_SETUPTOOLS,
        ["install-build-tools unsafe"],
    ),
    "no compiler": Fires(without("g++"), COMPILER, offers=["install-build-tools manual"]),
    "a Fortran compiler is none": Fires(
        of(tools=[b.tool("gfortran-12"), b.tool("ninja")]),
        COMPILER,
        offers=["install-build-tools manual"],
    ),
    "no ninja": Fires(
        without("ninja", distributions=[SETUPTOOLS]),
        NO_NINJA,
        offers=["install-build-tools unsafe"],
    ),
    "no cmake": Fires(
        without("cmake", project=CMAKE),
        fault("cmake", "The project has a CMakeLists.txt, and no cmake is here"),
        offers=["install-build-tools unsafe"],
    ),
    "no setuptools": Fires(
        of(distributions=[NINJA]), NO_SETUPTOOLS, offers=["install-build-tools unsafe"]
    ),
    "old setuptools without wheel": Fires(
        of(distributions=[NINJA, b.dist("setuptools", "70.0.0")]),
        fault("wheel", "setuptools 70.0.0 needs the package wheel, which is not installed"),
        offers=["install-build-tools unsafe"],
    ),
    "no headers of Python": Fires(
        of(python=b.python(has_headers=False)),
        fault("Python.h", "The headers of Python 3.11.7 are not here", True),
        offers=["install-build-tools manual"],
    ),
    "no headers where they would be": Fires(
        of(python=b.python(has_headers=False, include="/usr/include/python3.11")),
        fault(
            "Python.h",
            "The headers of Python 3.11.7 are not here (/usr/include/python3.11)",
            True,
        ),
        offers=["install-build-tools manual"],
    ),
    "nothing at all": Fires(
        of(**BARE),
        [COMPILER, NO_NINJA, NO_SETUPTOOLS],
        offers=["install-build-tools manual", "install-build-tools unsafe"],
    ),
    "a Python that the system manages: an environment of its own": Fires(
        of(
            distributions=[NINJA], python=b.python(externally_managed="/usr/lib/EXTERNALLY-MANAGED")
        ),
        NO_SETUPTOOLS,
        offers=["install-build-tools manual"],
    ),
    "a module that nothing declares": Fires(
        lacking("import gone\nimport present\nimport skbuild", "gone", "skbuild"),
        unfound(
            "gone, skbuild",
            UNDECLARED.format("them"),
            ("setup.py", 4, "import of gone"),
            ("setup.py", 6, "import of skbuild"),
            holds=", scikit-build",
            severity=ERROR,
        ),
    ),
    "a module that nothing declares, below the project's own build": Fires(
        lacking("import gone", "gone", folder="sub/"),
        unfound(
            "gone",
            UNDECLARED.format("it"),
            ("sub/setup.py", 4, "import of gone"),
            holds="",
            path="sub/setup.py",
        ),
    ),
    "a module that an undeclared tool has": Fires(
        lacking("import skbuild", "skbuild", toml=NAMED),
        unfound(
            "skbuild",
            UNDECLARED.format("it"),
            ("setup.py", 4, "import of skbuild"),
            holds="scikit-build",
            severity=ERROR,
        ),
        ["install-build-tools unsafe"],
    ),
    "a module of a declared distribution of another name": Fires(
        lacking("import z3", "z3", toml=TOML.format('"z3-solver"')),
        unfound("z3", ALONE, ("setup.py", 4, "import of z3"), holds="z3-solver"),
        ["install-build-tools unsafe"],
    ),
    "a module that a back end of the project may bring": Fires(
        lacking("import gone", "gone", toml=NAMED.replace("setuptools.build_meta", "own")),
        unfound("gone", ALONE, ("setup.py", 4, "import of gone"), holds=""),
    ),
    "a module that a requirement file lists": Fires(
        lacking("import gone", "gone", requirements__txt="torch\ngone>=2  # for the build\n"),
        unfound(
            "gone",
            UNDECLARED.format("it"),
            ("setup.py", 4, "import of gone"),
            ("requirements.txt", 2, "asks for what holds gone"),
            holds="gone",
        ),
        ["install-build-tools unsafe"],
    ),
    "required and absent": Fires(
        requiring("torch", "PyBind11>=2.6", "scikit_build"),
        Fault(
            WARNING,
            "pybind11, scikit-build",
            "pyproject.toml requires pybind11, scikit-build for the build, and they are not "
            "installed.",
            evidence=tuple(
                Evidence(text=text, path=f"{ROOT}/pyproject.toml")
                for text in ("PyBind11>=2.6", "scikit_build")
            ),
            payload=MissingRequirements("pybind11", False, ("scikit-build",)),
        ),
        offers=["install-build-tools unsafe"],
    ),
    "required below the root": Fires(
        requiring("pybind11", folder="sub/ext/"),
        required("pybind11", "pybind11", "sub/ext/pyproject.toml"),
        offers=["install-build-tools unsafe"],
    ),
    "required beside a folder that compiles nothing": Fires(
        lambda root: requiring("pybind11", folder="b/")(
            t.write(root, {"a/pyproject.toml": TOML.format('"foo"'), "a/k.cu": ""})
        ),
        required("pybind11", "pybind11", "b/pyproject.toml"),
        offers=["install-build-tools unsafe"],
    ),
    "setuptools, required and absent, is told once": Fires(
        requiring("ninja", distributions=[NINJA]),
        NO_SETUPTOOLS,
        offers=["install-build-tools unsafe"],
    ),
    "required of this Python": Fires(
        requiring("pybind11; python_full_version == '3.11.7'"),
        required("pybind11", "pybind11; python_full_version == '3.11.7'"),
        offers=["install-build-tools unsafe"],
    ),
    "required, and perhaps imported by a module of the project": Fires(
        lambda root: requiring(
            "numpy", setup=t.setup(before="import tools\n"), answers={"lacks-module:numpy": True}
        )(t.write(root, {"tools.py": "import numpy\n"})),
        required("numpy", "numpy"),
        offers=["install-build-tools unsafe"],
    ),
    "required as the back end": Fires(
        requiring(
            toml='[build-system]\nrequires = ["foo-build"]\nbuild-backend = "foo_build.api"\n'
        ),
        required("foo-build", "foo-build"),
        offers=["install-build-tools unsafe"],
    ),
    "pkg_resources is gone": Fires(
        importing("from pkg_resources import parse_version", "84.2.1"),
        Fault(
            ERROR,
            "setuptools",
            "setup.py imports pkg_resources, which setuptools 84.2.1 does not have; setuptools before "
            "82 does.",
            evidence=(Evidence(text="import of pkg_resources", path=f"{ROOT}/setup.py", line=4),),
            payload=MissingTool("setuptools<82", False),
        ),
        offers=["install-build-tools unsafe"],
    ),
    "pkg_resources is gone, and nothing is compiled": Fires(
        plain(),
        Fault(
            ERROR,
            "setuptools",
            "setup.py imports pkg_resources, which setuptools 84.2.1 does not have; setuptools before "
            "82 does.",
            evidence=(Evidence(text="import of pkg_resources", path=f"{ROOT}/setup.py", line=1),),
            payload=MissingTool("setuptools<82", False),
        ),
        offers=["install-build-tools unsafe"],
    ),
    "required from an address": Fires(
        requiring("foo @ https://example.org/foo.whl"),
        required("foo", "foo @ https://example.org/foo.whl", direct=True),
    ),
}

_WINDOWS = {"host": b.host(os="Windows", machine="AMD64"), "distributions": [SETUPTOOLS, NINJA]}
_CL = b.tool("cl", "14.44.35207", "C:/VS/VC/Tools/MSVC/14.44.35207/bin/Hostx64/x64/cl.exe")
SILENT |= {
    "cl.exe is here": of(tools=[_CL], windows=Windows(visual_studios=[]), **_WINDOWS),
    "Windows out of reach": of(tools=[], windows=Windows(), **_WINDOWS),
}
FIRING |= {
    "no Visual C++": Fires(
        of(tools=[], windows=Windows(visual_studios=[]), **_WINDOWS),
        Fault(
            ERROR,
            "cl.exe",
            "No Visual Studio here has cl.exe of Visual C++; every extension needs one.",
            payload=MissingTool("cl.exe", False),
        ),
        offers=["install-build-tools manual"],
    ),
}

test_silent, test_firing = rows(build_tools_missing, SILENT, FIRING)
