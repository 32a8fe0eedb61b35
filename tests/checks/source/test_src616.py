"""SRC616: headers of libraries that are not here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import builders as b
import source_tree as t
from rows import Fires, Given, rows

from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.source.src616_header_missing import header_missing
from gpufix.model.source_payload import SystemHeader

SETUP = """\
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension
setup(name="e", ext_modules=[CUDAExtension("e", ["a.cu"]{0})],
    cmdclass={{"build_ext": BuildExtension}}{1})
"""
EIGEN = "#include <Eigen/Dense>\n"
NOWHERE = {"torch-header:Eigen/Dense": False, "system-header:Eigen/Dense": False}
BELOW = "system-header:eigen3/Eigen/Dense"
OWN = ', include_dirs=["/usr/include/eigen3"]'


def of(
    text: str = EIGEN, own: str = "", every: str = "", answers: Any = NOWHERE, **sections: Any
) -> Given:
    """A setup.py that builds a.cu, with more for its extension, and for setup()."""
    files = {"setup.py": SETUP.format(own, every), "a.cu": text, **sections.pop("files", {})}
    return t.project(files, "sm_120", answers=answers, **sections)


def held(*names: str) -> Given:
    """A folder of the project that is named, and what lies in its Eigen."""

    def given(root: Path) -> Any:
        folder = f"project-names:{root}/eigen"
        there = {folder: ["Eigen/"], f"{folder}/Eigen": list(names)}
        return of(own=', include_dirs=["eigen"]', answers=NOWHERE | there)(root)

    return given


def unpacked(comment: str = "", module: str = "", folder: str = "eigen/src") -> Given:
    """A folder that is named and not there, and a submodule."""

    def given(root: Path) -> Any:
        there = {f"project-names:{root}/{folder}": []}
        named = f', include_dirs=["{folder}"]'
        files = {"setup.py": f"{SETUP.format(named, '')}{comment}\n"}
        declared = f'[submodule "x"]\npath = {module}\nurl = https://example.org/x\n'
        files |= {".gitmodules": declared} if module else {}
        return of(files=files, answers=NOWHERE | there)(root)

    return given


def cutlass(folder: str, *more: str, name: str = "cutlass/gemm.h", there: bool = False) -> Given:
    """A source that includes a header of CUTLASS, and a folder that is named, and not there."""

    def given(root: Path) -> Any:
        nowhere = {f"torch-header:{name}": False, f"system-header:{name}": there}
        empty = {f"project-names:{root}/{folder}": []}
        text = "\n".join([f"#include <{name}>", *more])
        own = f', include_dirs=["{folder}"]'
        return of(text, own, answers=nowhere | empty)(root)

    return given


def lacking(
    source: str = "a.cu", header: str = "Eigen/Dense", line: int = 1, lost: str = ""
) -> Fault:
    return Fault(
        ERROR,
        "setup.py",
        f"setup.py builds {source}, which includes {header}; neither a folder that is named nor the system"
        " has it.",
        evidence=(
            t.at(source, line, f"includes {header}"),
            *([t.at("setup.py", 3, f"names {lost}, not there")] if lost else []),
        ),
        payload=SystemHeader(header, (lost,) if lost else ()),
    )


SILENT: dict[str, Given] = {
    "the system has it": of(answers=NOWHERE | {"system-header:Eigen/Dense": True}),
    "torch has it": of(answers=NOWHERE | {"torch-header:Eigen/Dense": True}),
    "in a folder that the extension names": of(own=OWN, answers=NOWHERE | {BELOW: True}),
    "in a folder that setup() names": of(
        every=', include_dirs=["/usr/include/eigen3"]', answers=NOWHERE | {BELOW: True}
    ),
    "in a folder of the environment": of(
        own=', include_dirs=["/env/include/eigen3"]', answers=NOWHERE | {BELOW: True}
    ),
    "a library of which no folder is named": cutlass("3rdparty/x/include"),
    "a header without a folder before its name": cutlass("3rdparty/cutlass", name="cutlass.h"),
    "a library that the system has": cutlass("3rdparty/cutlass/include", there=True),
    "a folder of some package": of(own=', include_dirs=["' + b.SITE + '/x/include"]'),
    "a folder elsewhere": of(own=', include_dirs=["/opt/eigen"]'),
    "a folder that only a run tells": of(own=", include_dirs=[ask()]"),
    "a flag's folder elsewhere": of(
        own=', extra_compile_args={"nvcc": ["-isystem", "/opt/eigen"]}'
    ),
    "CPATH": of(env={"CPATH": "/opt/eigen"}),
    "CXXFLAGS": of(env={"CXXFLAGS": "-I/opt/eigen"}),
    "an empty submodule": unpacked(module="eigen/src"),
    "a folder of an empty submodule": unpacked(module="eigen"),
    "a folder above an empty submodule": unpacked(module="eigen/src/more"),
    "setup.py fetches it": unpacked("# git clone eigen"),
    "a folder of the project has it": held("Core", "Dense"),
    "the project's own": of(
        files={"third_party/Eigen/Dense.h": ""}, text="#include <Eigen/Dense.h>\n"
    ),
    "the compiler's": of("#include <omp.h>\n"),
    "no package is known": of("#include <ours/x.h>\n"),
    "nothing is compiled there": of(f"#if 0\n{EIGEN}#endif\n"),
    "only where it is there": of(f"#if __has_include(<Eigen/Dense>)\n{EIGEN}#endif\n"),
    "under a condition of a carried library": of(
        '#include "third_party/x.h"\n',
        files={"third_party/x.h": f"#if COMPILER == SYCL\n{EIGEN}#endif\n"},
    ),
    "not built": of("", files={"b.cu": EIGEN}),
    "a tree for tests": t.project(
        {"tests/setup.py": SETUP.format("", ""), "tests/a.cu": EIGEN}, "sm_120", answers=NOWHERE
    ),
}
HOW = ["install-header manual"]
FIRING = {
    "a library of the system": Fires(of(), lacking(), offers=HOW),
    "its folder is named, and has it not": Fires(
        of(own=OWN, answers=NOWHERE | {BELOW: False}), lacking(), offers=HOW
    ),
    "a folder of the project has it not": Fires(held("Core"), lacking(), offers=HOW),
    "a folder that is named is not there": Fires(unpacked(), lacking(lost="eigen/src"), offers=HOW),
    "beside another submodule": Fires(
        unpacked(module="glm"), lacking(lost="eigen/src"), offers=HOW
    ),
    "a folder of another kind is not there": Fires(
        unpacked(folder="csrc/include"), lacking(), offers=HOW
    ),
    "through a header of the project": Fires(
        of('#include "x.h"\n', files={"x.h": f"\n{EIGEN}"}), lacking("x.h", line=2), offers=HOW
    ),
    "a folder of torch": Fires(
        of(own=', include_dirs=["' + b.SITE + '/torch/include"]'),
        lacking(),
        offers=HOW,
    ),
    "CPATH for CUDA's wheels": Fires(
        of(env={"CPATH": "/v/lib/python3.11/site-packages/nvidia/cu13/include"}),
        lacking(),
        offers=HOW,
    ),
    "a library for which a folder is named that is not there": Fires(
        cutlass("3rdparty/cutlass/include", "#include <cutlass/half.h>"),
        lacking(header="cutlass/gemm.h", lost="3rdparty/cutlass/include"),
        offers=HOW,
    ),
    "one a package": Fires(of(f"{EIGEN}#include <Eigen/Core>\n"), lacking(), offers=HOW),
}

test_silent, test_firing = rows(header_missing, SILENT, FIRING)
