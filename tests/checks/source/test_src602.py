"""SRC602: _GLIBCXX_USE_CXX11_ABI in build files against the installed torch's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import builders as b
import source_tree as t
from rows import ROOT, Fires, Given, Unseen, rows

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.source.src602_hard_coded_abi import hard_coded_abi
from gpufix.evidence.view import View
from gpufix.model import Severity
from gpufix.model.source_payload import AbiFile, FixedAbi

ABI = "_GLIBCXX_USE_CXX11_ABI"
FOLLOWED = ["follow-torch-abi safe"]
INJECTED = ["inject-abi-header safe"]
BY_CMAKE = "project(x)\nfind_package(Torch)\nset(F [[-D{abi}=0]])\nadd_compile_options(${{F}})\nadd_library(x SHARED a.cpp)\n"


def files(more: dict[str, str], **sections: Any) -> Given:
    return t.project(more, **sections)


def py(text: str, **sections: Any) -> Given:
    """A setup.py that torch's cpp_extension builds, with this before its call (line 4)."""
    flags = '*globals().get("f", []), *globals().get("g", [])'
    built = t.setup(flags, text).replace("extra_", 'define_macros=globals().get("m"), extra_')
    return files({"setup.py": built}, **sections)


def cmake(text: str, **sections: Any) -> Given:
    """A CMakeLists.txt with this from line 2 on."""
    main = f"project(x)\n{text}\nadd_library(x SHARED a.cpp)\n"
    return files({"CMakeLists.txt": main, "a.cpp": ""}, **sections)


def old(version: str = "2.6.0+cu124", **torch: Any) -> dict[str, Any]:
    """A torch with the ABI of before."""
    return {"torch": b.torch(version, cxx11_abi=False, **torch)}


def editable(root: Path) -> View:
    """What is installed from folders of the project, and from others."""
    t.write(
        root,
        {
            "ext/CMakeLists.txt": f"project(x)\nadd_definitions(-D{ABI}=0)\nadd_library(x a.cpp)",
            "ext/a.cpp": "",
        },
    )
    folders = {"mine": "ext/", "whole": "", "beside": "ex", "below": "ext/a"}
    dists = [b.dist(name, editable=f"{root}/{path}") for name, path in folders.items()]
    return t.look(root, distributions=[*dists, b.dist("plain")])


def fixed(
    file: AbiFile,
    path: str,
    *lines: int,
    value: int = 0,
    severity: Severity = ERROR,
    torch: str = "2.9.0+cu128",
    breaks: tuple[str, ...] = (),
) -> Fault:
    return Fault(
        severity,
        path,
        f"{path} defines {ABI}={value}; torch {torch} has {1 - value}.",
        evidence=tuple(t.at(path, line, f"{ABI}={value}") for line in lines),
        breaks=breaks,
        payload=FixedAbi(path, lines, value, file),
    )


def appended(severity: Severity, version: str = "2.6.0+cu124", **torch: Any) -> Fires:
    """Whether torch's own -D, which comes last, is what counts."""
    fault = fixed("python", "setup.py", 4, value=1, severity=severity, torch=version)
    return Fires(py(f'f = ["-D{ABI}=1"]', **old(version, **torch)), fault, offers=FOLLOWED)


FORCED = {"CMakeLists.txt": BY_CMAKE.format(abi=ABI), "a.cpp": '#include "force_abi.h"\n'}

SILENT = {
    "an extension without torch": t.project(
        {
            "setup.py": "from setuptools import Extension, setup\n"
            f"setup(name='x', ext_modules=[Extension('x', ['a.cpp'], extra_compile_args=['-D{ABI}=0'])])\n",
            "a.cpp": "",
        },
        "sm_89",
    ),
    "an extension without torch, whose run does not tell": t.project(
        {
            "setup.py": "from setuptools import Extension, setup\nask()\n"
            f"setup(name='x', ext_modules=[Extension('x', ask(), extra_compile_args=['-D{ABI}=0', *ask()])])\n",
        },
        "sm_89",
    ),
    "CMake, by a variable that setup.py computes": files(
        {
            "CMakeLists.txt": f"project(x)\nif(${{OURS}})\n  add_definitions(-D{ABI}=1)\nelse()\n"
            f"  add_definitions(-D{ABI}=0)\nendif()\nadd_library(x a.cpp)\n",
            "setup.py": "import subprocess, torch\nfrom setuptools import setup\n"
            'subprocess.run(["cmake", f"-DOURS={int(torch._C._GLIBCXX_USE_CXX11_ABI)}"])\nsetup(name="x")\n',
            "a.cpp": "",
        }
    ),
    "as torch has it": cmake(f"add_definitions(-D{ABI}=1)"),
    "as an older torch has it": cmake(f"add_definitions(-D{ABI}=0)", **old()),
    "no torch": Unseen(
        cmake(f"add_definitions(-D{ABI}=0)", torch=None), [f"{ROOT}/CMakeLists.txt"]
    ),
    "no torch, and nothing is fixed": cmake("add_definitions(-DX=0)", torch=None),
    "no torch, and never reached": py(f'if False:\n    f = ["-D{ABI}=0"]', torch=None),
    "torch's ABI is not known": Unseen(
        cmake(f"add_definitions(-D{ABI}=0)", torch=b.torch(cxx11_abi=None)),
        [f"{ROOT}/CMakeLists.txt"],
    ),
    "asked of torch": py(f'f = [f"-D{ABI}={{torch._C.{ABI}}}"]'),
    "in a message": cmake(f'message("-D{ABI}=0")'),
    "a condition that does not hold": cmake(f"if(X)\nadd_definitions(-D{ABI}=0)\nendif()"),
    "in a comment": cmake(f"# add_definitions(-D{ABI}=0)"),
    "never": py(f'if False:\n    f = ["-D{ABI}=0"]'),
    "for Windows": py(f'import sys\nif sys.platform == "win32":\n    f = ["-D{ABI}=0"]'),
    "in a script that builds nothing": files({"a.py": f'HELP = "-D{ABI}=0"\n'}),
    "each source includes the header first": files(FORCED),
    "a Dockerfile, as torch has it": files({"Dockerfile": f"RUN g++ -D{ABI}=1 a.cpp\n"}),
}

FIRING = {
    "CMake": Fires(
        files(
            {
                "CMakeLists.txt": "project(x)\ninclude(cmake/T.cmake)\nadd_library(x SHARED a.cpp)\n",
                "cmake/T.cmake": f'\nstring(APPEND CMAKE_CXX_FLAGS " -D{ABI}=0")',
            }
        ),
        fixed("cmake", "cmake/T.cmake", 2),
        offers=FOLLOWED,
    ),
    "CMake, over lines": Fires(
        cmake(f"target_compile_definitions(x\n  PRIVATE\n  {ABI}=0)"),
        fixed("cmake", "CMakeLists.txt", 4),
        offers=FOLLOWED,
    ),
    "CMake, perhaps": Fires(
        cmake(f"find_package(X)\nif(X_FOUND)\nadd_definitions(-D{ABI}=0)\nendif()"),
        fixed("cmake", "CMakeLists.txt", 4, severity=WARNING),
        offers=FOLLOWED,
    ),
    "CMake, for an older torch": Fires(
        cmake(f"add_definitions(-D{ABI}=1)", **old()),
        fixed("cmake", "CMakeLists.txt", 2, value=1, torch="2.6.0+cu124"),
        offers=FOLLOWED,
    ),
    "CMake, in a form that expands nothing": Fires(
        files({"CMakeLists.txt": BY_CMAKE.format(abi=ABI), "a.cpp": "#include <string>\n"}),
        fixed("cmake", "CMakeLists.txt", 3),
        offers=INJECTED,
    ),
    "CMake, one source without the header": Fires(
        files(
            {
                "CMakeLists.txt": BY_CMAKE.format(abi=ABI).replace("a.cpp", "a.cpp b.cpp"),
                "a.cpp": '#include "force_abi.h"\n',
                "b.cpp": "int b;\n",
            }
        ),
        fixed("cmake", "CMakeLists.txt", 3),
        offers=INJECTED,
    ),
    "setup.py": Fires(py(f'f = ["-D{ABI}=0"]'), fixed("python", "setup.py", 4), offers=FOLLOWED),
    "setup.py, a macro": Fires(
        py(f'm = [("{ABI}", "0")]'), fixed("python", "setup.py", 4), offers=FOLLOWED
    ),
    "setup.py, without cpp_extension": Fires(
        files(
            {
                "setup.py": f'import torch\nfrom setuptools import setup\nsetup(name="x", f="-D{ABI}=0")\n'
            }
        ),
        fixed("python", "setup.py", 3),
        offers=FOLLOWED,
    ),
    "setup.py, and CMake asks for torch": Fires(
        files(
            {
                "setup.py": "import subprocess\nfrom setuptools import setup\n"
                f'subprocess.run(["cmake", ".", "-DCMAKE_CXX_FLAGS=-D{ABI}=0", *ask()])\nsetup(name="x")\n',
                "CMakeLists.txt": "project(x CXX)\nfind_package(Torch)\nadd_library(x a.cpp)\n",
                "a.cpp": "",
            }
        ),
        fixed("python", "setup.py", 3),
    ),
    "setup.py, without cpp_extension, for an older torch": Fires(
        files(
            {
                "setup.py": f'import torch\nfrom setuptools import setup\nsetup(name="x", f="-D{ABI}=1")\n'
            },
            **old(),
        ),
        fixed("python", "setup.py", 3, value=1, torch="2.6.0+cu124"),
        offers=FOLLOWED,
    ),
    "a script that builds": Fires(
        files({"a.py": f'from torch.utils.cpp_extension import load\nf = "-D{ABI}=0"\n'}),
        fixed("python", "a.py", 2),
        offers=FOLLOWED,
    ),
    "setup.py, perhaps": Fires(
        py(f'if ask():\n    f = ["-D{ABI}=0"]'),
        fixed("python", "setup.py", 5, severity=WARNING),
        offers=FOLLOWED,
    ),
    "setup.py, perhaps, what torch appends to": Fires(
        py(f'if ask():\n    f = ["-D{ABI}=1"]', **old()),
        fixed("python", "setup.py", 5, value=1, severity=WARNING, torch="2.6.0+cu124"),
        offers=FOLLOWED,
    ),
    "setup.py, twice, and once as torch has it": Fires(
        py(f'if ask():\n    f = ["-D{ABI}=0"]\nelse:\n    f = ["-D{ABI}=1"]\ng = ["-D{ABI}=0"]'),
        fixed("python", "setup.py", 5, 8),
        offers=FOLLOWED,
    ),
    "setup.py, torch appends its own": appended(ADVICE),
    "setup.py, the last torch that appends": appended(ADVICE, "2.7.1+cu124"),
    "setup.py, torch appends none any more": appended(ERROR, "2.8.0+cu124"),
    "setup.py, whether torch appends is not known": appended(ERROR, release=None),
    "a script": Fires(
        files({"b.sh": f"# x\nhipcc -D{ABI}=0 a.cpp\n"}),
        fixed("shell", "b.sh", 2, severity=WARNING),
        offers=FOLLOWED,
    ),
    "a Dockerfile": Fires(
        files({"docker/Dockerfile": f"RUN make && g++ -D{ABI}=0 a.cpp\n"}),
        fixed("docker", "docker/Dockerfile", 1, severity=ADVICE),
    ),
    "what was built from its folder": Fires(
        editable,
        fixed("cmake", "ext/CMakeLists.txt", 2, breaks=("source-abi:mine", "source-abi:whole")),
        offers=FOLLOWED,
    ),
}

test_silent, test_firing = rows(hard_coded_abi, SILENT, FIRING)
