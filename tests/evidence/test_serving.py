"""How the GPU code of torch and of extensions serves the targets, and how that is said."""

from __future__ import annotations

from typing import Any

import builders as b
import pytest

from gpufix.evidence.coverage import matrix
from gpufix.evidence.gpu_code import (
    Service,
    SubjectCode,
    extensions,
    listed,
    order,
    service,
    torch_code,
    unserved,
    variants_only,
)
from gpufix.knowledge.gpus.models import resolve
from gpufix.model import ADVICE, ERROR, CodeObject, Target

PTX_90 = b.code("sm_90", kind="ptx", ptx_version="9.0")
OPEN_PTX = b.code("sm_90", kind="ptx")


def subject(*objects: CodeObject, **more: Any) -> SubjectCode:
    return SubjectCode("ext", objects, **more)


@pytest.mark.parametrize(
    ("code", "target", "driver", "expected"),
    [
        (subject(*b.code("sm_86")), "sm_89", None, Service.native),
        (subject(*b.code("gfx1100", kind="hip")), "gfx1100", None, Service.native),
        (subject(*PTX_90), "sm_120", None, Service.jit),
        (subject(*PTX_90), "sm_120", "13.0", Service.jit),
        (subject(*PTX_90), "sm_120", "12.8", Service.too_new),
        (subject(*PTX_90, *b.code("sm_120")), "sm_120", "12.8", Service.native),
        (subject(*OPEN_PTX), "sm_120", "12.8", Service.jit),  # of which ISA is not known
        (subject(*PTX_90, *OPEN_PTX), "sm_120", "12.8", Service.jit),
        (subject(*b.code("sm_90a", kind="ptx")), "sm_120", None, Service.none),
        (subject(*b.code("sm_90")), "sm_120", None, Service.none),
        (subject(*b.code("sm_90"), complete=False), "sm_120", None, Service.unknown),
        (subject(*b.code("sm_90", kind="lto")), "sm_120", None, Service.unknown),
        (subject(*b.code("sm_90")), "gfx1100", None, Service.none),
        (subject(*b.code("gfx1100", kind="hip")), "sm_90", None, Service.none),
        (subject(*b.code("nonsense", "gfx1100")), "sm_90", None, Service.none),
        # Orin runs plain code of its major from CUDA 13.2 on.
        (subject(*b.code("sm_80")), "sm_87", None, Service.unknown),
        (subject(*b.code("sm_80"), cuda="13.2"), "sm_87", None, Service.native),
        (subject(*b.code("sm_80"), cuda="12.9"), "sm_87", None, Service.none),
        (subject(*b.code("gfx90a:xnack+", kind="hip")), "gfx90a", None, Service.unknown),
        (subject(*b.code("gfx1030", kind="hip")), "gfx1100", None, Service.none),
        (subject(), "sm_90", None, Service.none),
    ],
)
def test_service(code: SubjectCode, target: str, driver: str | None, expected: Service) -> None:
    assert service(code, resolve(target), driver) is expected


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ([], "no code"),
        (b.code("lto_90", kind="lto"), "no code"),
        (b.code("sm_100", "sm_90"), "machine code for sm_90, sm_100"),
        (b.code("sm_90", "sm_90"), "machine code for sm_90"),
        ([*PTX_90, *b.code("sm_90")], "machine code for sm_90 and PTX for sm_90"),
        (b.code("gfx1100", "gfx1030", kind="hip"), "machine code for gfx1030, gfx1100"),
        (
            b.code(*(f"sm_{n}" for n in range(50, 59))),
            "machine code for sm_50, sm_51, sm_52, sm_53, sm_54, sm_55, sm_56, sm_57, sm_58",
        ),
        (
            b.code(*(f"sm_{n}" for n in range(50, 60))),
            "machine code for sm_50, sm_51, sm_52, sm_53, …, sm_56, sm_57, sm_58, sm_59",
        ),
    ],
)
def test_code_in_words(objects: list[CodeObject], said: str) -> None:
    assert listed(objects) == said


def test_the_order_is_that_of_the_numbers() -> None:
    names = ["sm_120", "gfx906", "sm_90a", "gfx1100", "sm_90", "sm_100"]
    found = [item.arch for item in sorted(b.code(*names), key=order)]
    assert found == ["gfx1100", "gfx906", "sm_90", "sm_90a", "sm_100", "sm_120"]


def counted(arch: str, count: int) -> CodeObject:
    return CodeObject(kind="cubin", arch=arch, count=count)


def test_what_few_of_torchs_kernels_have_is_not_what_torch_has() -> None:
    """Half of the most frequent counts still."""
    objects = [counted("sm_80", 10), counted("sm_86", 5), counted("sm_90a", 4)]
    library = b.library("torch/lib/libtorch_cuda.so", objects, distribution="torch")
    other = b.library("torch/lib/libc10_cuda.so", [counted("sm_75", 99)], distribution="torch")
    code = torch_code(b.view(b.healthy(binaries=b.binaries(library, other))))
    assert code is not None
    assert [o.arch for o in code.objects] == ["sm_80", "sm_86"]
    assert code.evidence == (f"{library.path}: machine code for sm_80, sm_86, sm_90a",)


@pytest.mark.parametrize(
    ("torch", "archs", "ptx", "complete"),
    [
        (b.torch("2.9.0+cu128"), ("sm_70", "sm_120"), (), True),
        (b.torch("2.9.0+cu130"), ("sm_75", "sm_120"), ("sm_120",), True),
        (b.torch("2.9.0+rocm6.4"), ("gfx900", "gfx1201"), (), True),
    ],
)
def test_what_was_not_read_is_looked_up(
    torch: Any, archs: tuple[str, str], ptx: tuple[str, ...], complete: bool
) -> None:
    code = torch_code(b.view(b.healthy(torch=torch)))
    assert code is not None
    kind = "hip" if torch.hip else "cubin"
    names = [o.arch for o in code.of(kind)]
    assert (names[0], names[-1]) == archs
    assert tuple(o.arch for o in code.of("ptx")) == ptx
    assert {o.ptx_version for o in code.of("ptx")} <= {"9.0"}
    assert code.complete is complete


@pytest.mark.parametrize(
    "torch",
    [
        None,
        b.torch("2.9.0+cpu"),
        b.torch("2.9.0+cu128", build="nightly"),
        b.torch("9.9.0+cu128"),
        b.torch("2.9.0+cu118"),  # there is no such build
        b.torch("2.7.1+cu118"),  # its row is a guess
    ],
)
def test_nothing_is_known_of_other_builds(torch: Any) -> None:
    assert torch_code(b.view(b.healthy(torch=torch))) is None


@pytest.mark.parametrize(
    ("path", "distribution", "counts"),
    [
        ("raster/_C.so", "raster", True),
        ("_C.so", None, True),
        ("torch/lib/libtorch_cuda.so", "torch", False),
        ("torch/lib/libtorch_cuda.so", None, False),
        ("elsewhere/libtorch_cuda.so", "torch", False),
        ("torch_scatter/_C.so", "torch-scatter", True),
        ("nvidia/cublas/lib/libcublas.so.12", "nvidia-cublas-cu12", False),
        ("triton/_C/libtriton.so", "triton", False),
        ("cupy/_core/core.so", "cupy-cuda12x", False),
    ],
)
def test_whose_code_is_an_extensions(path: str, distribution: str | None, counts: bool) -> None:
    library = b.library(path, b.code("sm_90"), distribution=distribution)
    found = extensions(b.healthy(binaries=b.binaries(library, b.library("plain.so"))))
    assert [code.subject for code in found] == ([distribution or library.path] if counts else [])


def test_an_extension_is_all_of_its_libraries_and_names_some() -> None:
    libraries = [
        b.library(f"ext/{n}.so", b.code(f"sm_{n}"), distribution="ext") for n in range(70, 80)
    ]
    (code,) = extensions(b.healthy(binaries=b.binaries(*libraries)))
    assert [o.arch for o in code.objects] == [f"sm_{n}" for n in range(70, 80)]
    assert code.evidence == tuple(
        f"{x.path}: machine code for {x.code[0].arch}" for x in libraries[:8]
    )


@pytest.mark.parametrize(
    ("archs", "expected"),
    [
        ([], []),
        (["sm_90"], []),
        (["sm_90a", "sm_80"], []),
        (["sm_90a", "sm_100f"], ["sm_90a", "sm_100f"]),
        (["gfx90a"], []),
    ],
)
def test_code_for_exact_targets_alone(archs: list[str], expected: list[str]) -> None:
    assert [o.arch for o in variants_only(subject(*b.code(*archs)))] == expected


HERE = Target(vendor="nvidia", arch="sm_120", source="GPU 0", gpu=0)
SERVED = Target(vendor="nvidia", arch="sm_90", source="GPU 1", gpu=1)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([SERVED], []),
        ([HERE], [("sm_120", ERROR)]),
        ([HERE, SERVED], [("sm_120", ADVICE)]),  # the other GPU can be used
        ([resolve("sm_120"), SERVED], [("sm_120", ERROR)]),  # it was asked for
    ],
)
def test_how_grave_it_is_that_a_target_is_not_served(
    targets: list[Target], expected: list[Any]
) -> None:
    found = unserved(subject(*b.code("sm_90")), targets)
    assert [(target.arch, severity) for target, severity in found] == expected


def test_the_table_of_all_that_holds_gpu_code() -> None:
    ext = b.library("ext/_C.so", b.code("sm_86"), distribution="ext")
    loose = b.library("loose.so", b.code("gfx1100", kind="hip"))
    facts = b.healthy(
        gpus=[b.gpu("sm_89"), b.gpu("sm_120", 1)],
        binaries=b.binaries(ext, loose),
        distributions=[b.dist("torch", "2.9.0+cu128"), b.dist("ext", "1.5")],
    )
    rows = {row.subject: row for row in matrix(b.view(facts))}
    assert list(rows) == ["torch", loose.path, "ext"]
    assert (rows["torch"].version, rows["torch"].complete) == ("2.9.0+cu128", True)
    assert (rows["ext"].version, rows["ext"].holds) == ("1.5", "machine code for sm_86")
    assert rows["ext"].served == {"sm_89": Service.native, "sm_120": Service.none}
    assert not rows["ext"].complete
    assert (rows[loose.path].version, rows[loose.path].served) == (None, {})
