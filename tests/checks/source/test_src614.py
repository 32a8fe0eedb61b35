"""SRC614: a GLM whose operators nvcc drops without a flag, in CMake builds."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import source_tree as t
from cxx_sources import SETUP, rocm
from rows import Fires, Given, rows

import needs
from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.checks.source.src614_glm_too_new import glm_too_new
from gpufix.model import Severity

CMAKE = "project(x LANGUAGES CUDA CXX)\nadd_library(x x.cu)\n"
NEW = '#include "../matrix.hpp"\n#include "compute_vector_decl.hpp"\n'
OLD = '#include "compute_vector_relational.hpp"\n'
USER = "#include <cuda.h>\n#include <glm/glm.hpp>\n"


def of(
    glm: str = NEW, cmake: str = CMAKE, source: str = USER, *named: str, **sections: Any
) -> Given:
    files: dict[str, str | bytes] = {
        "CMakeLists.txt": cmake,
        "x.cu": source,
        "third_party/glm/glm/detail/type_vec3.inl": glm,
    }
    files |= sections.pop("files", {})
    return t.project(files, *(named or ("sm_120",)), **sections)


def drops(severity: Severity, user: str = "x.cu", line: int = 2) -> Fault:
    return Fault(
        severity,
        "CMakeLists.txt",
        "CMakeLists.txt builds CUDA code with third_party/glm, whose vector operators nvcc drops "
        "without --expt-relaxed-constexpr.",
        evidence=(
            t.at("CMakeLists.txt", 2, "x: nvcc without the flag"),
            t.at(user, line, "includes glm/glm.hpp"),
            t.at("third_party/glm/glm/detail/type_vec3.inl", 2, "compute_vector_decl.hpp"),
        ),
    )


FLAG = 'set(CMAKE_CUDA_FLAGS "${CMAKE_CUDA_FLAGS} --expt-relaxed-constexpr")\n'
OF_TARGET = (
    "target_compile_options(x PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr>)\n"
)
SILENT = {
    "an older GLM": of(OLD),
    "the flag": of(cmake=FLAG + CMAKE),
    "the flag, of the target": of(cmake=CMAKE + OF_TARGET),
    "no CUDA in CMake": of(cmake="project(x CXX)\n"),
    "no source includes GLM": of(source="#include <cuda.h>\n"),
    "built by setup.py only": of(cmake="", files={"setup.py": SETUP}),
    "for AMD": of(NEW, CMAKE, USER, "gfx1101", **rocm("6.4")),
    "a GLM of the system": t.project({"CMakeLists.txt": CMAKE, "x.cu": USER}, "sm_120"),
}
FIRING = {
    "by CMake only": Fires(of(), drops(WARNING)),
    "beside a setup.py": Fires(of(files={"setup.py": SETUP}), drops(ADVICE)),
    "by a header": Fires(of(source='#include "a.h"\n', files={"a.h": USER}), drops(WARNING, "a.h")),
}

test_silent, test_firing = rows(glm_too_new, SILENT, FIRING)

MULTIPLY = """\
#include <functional>
struct V { float x, y; };
template <class F> __host__ __device__ constexpr V each(F f, V a, V b) {
  return V{f(a.x, b.x), f(a.y, b.y)};
}
__global__ void k(V* v) { v[2] = each(std::multiplies<float>(), v[0], v[1]); }
"""


def test_nvcc_drops_what_the_flag_would_keep(tmp_path: Path) -> None:
    nvcc = needs.path("nvcc")
    (tmp_path / "v.cu").write_text(MULTIPLY)
    products = []
    for flag in ([], ["--expt-relaxed-constexpr"]):
        command = [nvcc, "-std=c++17", "-arch=compute_80", "-ptx", *flag, "v.cu", "-o", "v.ptx"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        products.append((tmp_path / "v.ptx").read_text().count("mul.f32"))
    assert products == [0, 2]
