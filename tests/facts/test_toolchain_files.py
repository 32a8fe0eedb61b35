"""What is read in single files of a toolchain: a ptxas' release, CUDA's headers beside glibc's."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine import write

from gpufix.facts.queries import Queries
from gpufix.facts.toolchain.math_headers import clashing
from gpufix.facts.toolchain.ptxas import release
from gpufix.model import Binaries, Environment, Facts, Host, Toolkit

# As in the programs of triton 3.3.1: the format stands beside the line that is printed.
VERSION = (
    b"\0Cuda compilation tools, release %d.%d, V%d\0"
    b"Cuda compilation tools, release 12.8, V12.8.61\nBuild cuda_12.8.r12.8/compiler.35404655_0\0"
)


def test_release(tmp_path: Path) -> None:
    assert release(str(write(tmp_path, "ptxas", b"\x7fELF" + VERSION))) == "12.8"
    assert release(str(tmp_path / "gone")) is None
    assert release(str(write(tmp_path, "script", "#!/bin/sh\nexec /opt/cuda/bin/ptxas"))) == ""


GLIBC = """
__MATHCALL_VEC (cos,, (_Mdouble_ __x));
#if __GLIBC_USE (IEC_60559_FUNCS_EXT_C23)
__MATHCALL (acospi,, (_Mdouble_ __x));
__MATHCALL_VEC (cospi,, (_Mdouble_ __x));
# define __ignored
__MATHDECL_1 (int, rsqrt,, (_Mdouble_ __x));
"""
CUDA = """
/* extern double commented(double x); cospi(x) */
extern __DEVICE__ __device_builtin__ double                 cos(double x) __THROW;
#if defined(_WIN32)
extern __DEVICE__ double __cdecl cos(double x);
#endif
extern __DEVICE__ __device_builtin__ double                 cospi(double x){guard};
extern __DEVICE__ __device_builtin__ float                  cospif(float x){guard};
extern __DEVICE__ double rcbrt(double x);
__MATH_FUNCTIONS_DECL__ float rsqrt(const float a);
"""


@pytest.mark.parametrize(
    ("folder", "system", "guard", "expected"),
    [
        ("include", "usr/include/x86_64-linux-gnu", "", ("cospi", "cospif")),
        ("targets/sbsa-linux/include", "usr/include", "", ("cospi", "cospif")),
        ("include", "usr/include/aarch64-linux-gnu", " __NV_SPECIFIER", ()),
    ],
)
def test_clashing(
    tmp_path: Path, folder: str, system: str, guard: str, expected: tuple[str, ...]
) -> None:
    text = CUDA.replace("{guard}", guard)
    write(tmp_path, f"cuda/{folder}/crt/math_functions.h", text)
    write(tmp_path, f"root/{system}/bits/mathcalls.h", GLIBC)
    assert clashing(tmp_path / "cuda", tmp_path / "root") == expected


def test_an_older_glibc_declares_none_of_them(tmp_path: Path) -> None:
    write(tmp_path, "include/crt/math_functions.h", CUDA.replace("{guard}", ""))
    write(tmp_path, "usr/include/bits/mathcalls.h", GLIBC.partition("#if")[0])
    assert clashing(tmp_path, tmp_path) == ()


def test_without_the_headers_nobody_can_tell(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"bits/mathcalls\.h is not found below"):
        clashing(tmp_path, tmp_path)


def test_only_toolkits_and_what_the_variable_names_are_read(tmp_path: Path) -> None:
    root = tmp_path / "cuda"
    named = write(tmp_path, "named/ptxas", VERSION)
    own = write(root, "bin/ptxas", VERSION)
    facts = Facts(
        host=Host(os="Linux", kernel="6", machine="x86_64"),
        binaries=Binaries(),
        toolkits=[Toolkit(kind="cuda", root=str(root), origin="CUDA_HOME")],
        environment=Environment(process={"TRITON_PTXAS_PATH": str(named)}),
    )
    queries = Queries.of(facts)
    assert [queries.ptxas_release(str(path)) for path in (own, named)] == ["12.8", "12.8"]
    with pytest.raises(ValueError, match="belongs to neither"):
        queries.ptxas_release(str(write(tmp_path, "other/ptxas", VERSION)))
    with pytest.raises(ValueError, match="is no CUDA toolkit that was found"):
        queries.clashing_math(str(tmp_path))
