"""The steps of match-partner, keep-one and install-gpu-part."""

from __future__ import annotations

from typing import Any

import builders as b
import pytest

from gpufix.checks.judge import run_check
from gpufix.checks.registry import Check, declared
from gpufix.checks.wheels.whl506_requirement_conflict import requirement_conflict
from gpufix.checks.wheels.whl508_framework_pair_mismatch import framework_pair_mismatch
from gpufix.checks.wheels.whl509_gpu_part_missing import gpu_part_missing
from gpufix.evidence.view import View
from gpufix.fixes.pins import with_dependents
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import builtin_fixes
from gpufix.knowledge import families
from gpufix.model import Advise, Install, Plan, Problem, SharedFile, Skip


def offers(check: Check, view: View) -> list[Plan | Skip]:
    planner = Planner(builtin_fixes(), view)
    found = [o for f in run_check(declared(check), view) for o in planner.offers(f)]
    assert planner.crashed() == []
    return found


def plan(check: Check, view: View) -> Plan:
    return next(o for o in offers(check, view) if isinstance(o, Plan))


def reason(check: Check, view: View) -> str:
    return next(o.reason for o in offers(check, view) if isinstance(o, Skip))


def of(*dists: Any, gpus: tuple[str, ...] = ("sm_89",), **sections: Any) -> View:
    visible = [b.gpu(arch) for arch in gpus]
    return b.view(b.facts(distributions=list(dists), gpus=visible, **sections))


def jax(release: str = "0.7.2", **changes: Any) -> Any:
    extras = [f'jax-cuda{n}-plugin[with-cuda]=={release}; extra == "cuda{n}"' for n in (12, 13)]
    return b.dist("jax", release, requires=["jaxlib<=0.7.2,>=0.7.0", *extras], **changes)


def installs(found: Plan) -> list[str]:
    (step,) = found.steps
    assert isinstance(step, Install) and not step.uninstall
    return step.install


def test_the_plug_ins_other_half_moves_along() -> None:
    view = of(
        b.dist("jaxlib", "0.7.2"),
        b.dist("jax-cuda12-plugin", "0.7.1"),
        b.dist("jax-cuda12-pjrt", "0.7.1"),
    )
    wanted = ["jax-cuda12-plugin==0.7.2", "jax-cuda12-pjrt==0.7.2"]
    assert installs(plan(framework_pair_mismatch, view)) == wanted


@pytest.mark.parametrize(
    ("dists", "wanted"),
    [
        ([jax(), b.dist("jaxlib", "0.6.2")], ["jaxlib==0.7.2"]),
        (
            [
                b.dist("flashinfer-python", "0.6.12"),
                b.dist("flashinfer-cubin", "0.6.11"),
            ],
            ["flashinfer-cubin==0.6.12"],
        ),
        (
            [
                b.dist("flashinfer-python", "0.6.12"),
                b.dist("flashinfer-cubin", "0.6.11"),
                b.dist("vllm", "0.22.0", requires=["flashinfer-python==0.6.11"]),
            ],
            ["flashinfer-python==0.6.11"],
        ),
        (
            [
                b.dist("sglang", "0.5.10", requires=["sglang-kernel==0.4.1"]),
                b.dist("sglang-kernel", "0.4.0"),
            ],
            ["sglang-kernel==0.4.1"],
        ),
        (
            [
                b.dist("cuda-python", "13.4.4", requires=["cuda-bindings~=13.4.4"]),
                b.dist("cuda-bindings", "13.0.3"),
            ],
            ["cuda-bindings~=13.4.4"],
        ),
        (
            [b.dist("ctranslate2", "4.4.0"), b.dist("nvidia-cudnn-cu12", "9.10.2.21")],
            [f"ctranslate2=={families.releases('ctranslate2')[0]}"],
        ),
        (
            [b.dist("cudf-cu12", "25.10.0"), b.dist("rmm-cu12", "25.8.0")],
            ["rmm-cu12==25.10.*"],
        ),
        (
            [
                b.dist("cuml-cu12", "25.12.0", requires=["cudf-cu12==25.12.*"]),
                b.dist("cudf-cu12", "25.10.0"),
                b.dist("rmm-cu12", "25.12.0"),
            ],
            ["cudf-cu12==25.12.*"],
        ),
    ],
    ids=[
        "newest that is declared",
        "the partner's",
        "others pin one",
        "floor",
        "declared",
        "table",
        "minor",
        "minor, and others pin one",
    ],
)
def test_which_version_goes_with_the_partner(dists: list[Any], wanted: list[str]) -> None:
    found = plan(framework_pair_mismatch, of(*dists))
    assert installs(found) == wanted and found.safety == "unsafe"


def test_what_is_not_published_for_the_partner_is_removed() -> None:
    view = of(b.dist("flashinfer-python", "0.7.2"), b.dist("flashinfer-cubin", "0.6.13"))
    assert plan(framework_pair_mismatch, view).steps == [Install(uninstall=["flashinfer-cubin"])]


def test_what_is_not_listed_is_not_promised() -> None:
    view = of(b.dist("jaxlib", "0.7.99"), b.dist("jax-cuda12-plugin", "0.7.2"))
    why = "of jax-cuda12-plugin for jaxlib 0.7.99, the listing known here has none"
    assert reason(framework_pair_mismatch, view) == why


STATE = SharedFile(
    path="onnxruntime/capi/onnxruntime_pybind11_state.so",
    owners=["onnxruntime", "onnxruntime-gpu"],
    differ=True,
    holder="onnxruntime",
)
ORT = (b.dist("onnxruntime", "1.24.1"), b.dist("onnxruntime-gpu", "1.23.2"))
RESTORE = Install(install=["onnxruntime-gpu==1.23.2"], reinstall=True)


def test_the_gpu_package_is_restored_after_the_removal() -> None:
    """pip removes the files that both own with the first of them."""
    found = plan(gpu_part_missing, of(*ORT, shared_files=[STATE]))
    assert found.steps == [Install(uninstall=["onnxruntime"]), RESTORE]


def test_what_others_require_stays() -> None:
    user = b.dist("rembg", requires=["onnxruntime"])
    found = plan(gpu_part_missing, of(*ORT, user, shared_files=[STATE]))
    assert found.steps == [RESTORE] and found.safety == "safe"
    assert found.notes == ["rembg requires the other one, which stays"]


def test_of_several_the_one_for_torchs_cuda_is_kept() -> None:
    cupy = [b.dist("cupy-cuda12x", "13.6.0"), b.dist("cupy-cuda13x", "13.6.0")]
    view = of(*cupy, torch=b.torch("2.9.0+cu130"))
    assert plan(framework_pair_mismatch, view).title == (
        "remove cupy-cuda12x, and reinstall cupy-cuda13x 13.6.0"
    )


@pytest.mark.parametrize(
    ("arch", "used", "other", "kept"),
    [
        ("sm_120", 11, 12, 12),  # CUDA 11 does not know it
        ("sm_70", 13, 12, 12),  # CUDA 13 knows it no more
        ("sm_90", 11, 12, 11),  # both do
    ],
)
def test_of_several_the_one_whose_cuda_knows_the_gpu_is_kept(
    arch: str, used: int, other: int, kept: int
) -> None:
    names = [f"cupy-cuda{used}x", f"cupy-cuda{other}x"]
    core = "cupy/_core/core.cpython-311-x86_64-linux-gnu.so"
    held = SharedFile(path=core, owners=names, differ=True, holder=names[0])
    view = of(*(b.dist(n, "13.3.0") for n in names), shared_files=[held], gpus=(arch,))
    found = plan(framework_pair_mismatch, view)
    assert found.title.endswith(f"and reinstall cupy-cuda{kept}x 13.3.0")


def test_a_plug_in_goes_with_its_other_half_and_nothing_is_laid_again() -> None:
    names = [f"jax-cuda{n}-{part}" for n in (12, 13) for part in ("pjrt", "plugin")]
    view = of(*(b.dist(n, "0.7.2") for n in names), b.dist("nvidia-cublas", "13.0.0.19"))
    found = plan(framework_pair_mismatch, view)
    assert found.steps == [Install(uninstall=["jax-cuda12-pjrt", "jax-cuda12-plugin"])]


def test_what_is_removed_does_not_come_back_as_a_dependent() -> None:
    view = of(
        *ORT, b.dist("sympy"), b.dist("onnxruntime", requires=["sympy"]), shared_files=[STATE]
    )
    view = of(
        b.dist("onnxruntime", "1.24.1", requires=["sympy"]),
        ORT[1],
        b.dist("sympy", "1.14.0"),
        shared_files=[STATE],
    )
    step = Install(install=["sympy<2"], dependencies=True)
    assert with_dependents(step, [], view) == Install(
        install=["sympy<2", "onnxruntime"], dependencies=True
    )
    assert with_dependents(step, [plan(gpu_part_missing, view)], view) == step


@pytest.mark.parametrize(
    ("sections", "gpus", "major"),
    [
        ({}, ("sm_89",), 13),
        ({}, ("sm_70",), 12),
        ({"drivers": [b.driver("550.54.14", "12.4")]}, ("sm_89",), 12),
        ({"drivers": [b.driver()]}, ("sm_89",), 13),
        ({"drivers": [b.driver("470.1", "11.4")]}, ("sm_89",), None),
        ({"torch": b.torch("2.9.0+cu126")}, ("sm_89",), 12),
        ({"torch": b.torch("2.5.0+cu118")}, ("sm_89",), None),
    ],
    ids=[
        "newest",
        "old GPU",
        "old driver",
        "driver",
        "no build",
        "torch's",
        "torch's, not offered",
    ],
)
def test_the_extra_for_the_cuda_that_suits(
    sections: dict[str, Any], gpus: tuple[str, ...], major: int | None
) -> None:
    view = of(jax(), b.dist("jaxlib", "0.7.2"), gpus=gpus, **sections)
    if major is None:
        assert reason(gpu_part_missing, view) == "jax 0.7.2 declares no GPU part of its own"
    else:
        found = plan(gpu_part_missing, view)
        assert installs(found) == [f"jax-cuda{major}-plugin[with-cuda]==0.7.2"]
        assert found.steps == [Install(install=installs(found), dependencies=True, freeze=True)]


def test_the_half_that_is_absent() -> None:
    view = of(jax(), b.dist("jaxlib", "0.7.2"), b.dist("jax-cuda12-plugin", "0.7.2"))
    assert plan(gpu_part_missing, view).steps == [Install(install=["jax-cuda12-pjrt==0.7.2"])]


PROVIDER = "onnxruntime/capi/libonnxruntime_providers_cuda.so"
CUBLAS = Problem(kind="missing-library", name="libcublas.so.12")


def ort(version: str, *others: Any, **changes: Any) -> View:
    dist = b.dist("onnxruntime-gpu", version, **changes)
    asks = b.library(PROVIDER, distribution=dist.name, opened_by="plugin", problems=[CUBLAS])
    return of(dist, *others, binaries=b.binaries(asks))


def test_what_an_extra_asks_for_and_nothing_else() -> None:
    """Another requirement of the package may be in conflict already."""
    rows = ["sympy", *(f'nvidia-{n}-cu12~=12.0; extra == "cuda"' for n in ("cublas", "cufft"))]
    found = plan(gpu_part_missing, ort("1.23.2", requires=rows))
    assert found.title == "install what onnxruntime-gpu[cuda,cudnn] of 1.23.2 asks for: 2 packages"
    wanted = ["nvidia-cublas-cu12~=12.0", "nvidia-cufft-cu12~=12.0"]
    assert found.steps == [Install(install=wanted, dependencies=True, freeze=True)]


@pytest.mark.parametrize(
    ("view", "wanted"),
    [
        (ort("1.20.2"), "onnxruntime-gpu[cuda,cudnn]>=1.21.0,<1.27.0"),
        (ort("1.23.2", b.dist("nvidia-cublas", "13.0.0.19")), "onnxruntime-gpu>=1.27.0"),
        (ort("1.27.0", b.dist("nvidia-cublas-cu12", "12.9")), "onnxruntime-gpu>=1.19.0,<1.27.0"),
    ],
    ids=["a release that has the extra, for the same CUDA", "for CUDA 13", "for CUDA 12"],
)
def test_another_release_for_the_libraries_here(view: View, wanted: str) -> None:
    found = plan(gpu_part_missing, view)
    assert found.steps == [Install(install=[wanted], dependencies=True)]
    assert found.safety == "unsafe"


def test_no_release_for_cuda_11_has_the_extra() -> None:
    why = "no release of onnxruntime-gpu for CUDA 11 says which packages bring its libraries"
    assert reason(gpu_part_missing, ort("1.18.1")) == why


def test_a_package_for_cpus_goes_before_the_one_for_gpus_is_laid() -> None:
    found = plan(gpu_part_missing, of(b.dist("paddlepaddle", "2.6.2")))
    install = Install(install=["paddlepaddle-gpu==2.6.2"], dependencies=True)
    assert found.steps == [Install(uninstall=["paddlepaddle"]), install]


def test_what_is_built_by_hand() -> None:
    found = plan(gpu_part_missing, of(b.dist("llama-cpp-python", "0.3.16")))
    (step,) = found.steps
    assert isinstance(step, Advise) and found.safety == "manual"
    assert step.command == (
        "CMAKE_ARGS=-DGGML_CUDA=on python -m pip install --no-cache-dir --force-reinstall "
        "--no-deps llama-cpp-python==0.3.16"
    )


def test_what_the_toolkit_lacks_for_a_build_is_said() -> None:
    """llama.cpp includes cublas_v2.h: with a toolkit that has only a compiler nothing is built."""
    llama = b.dist("llama-cpp-python", "0.3.16")
    toolkit = b.toolkit("13.0", missing_headers=["cublas_v2.h"])
    found = plan(gpu_part_missing, of(llama, toolkits=[toolkit]))
    (step,) = found.steps
    assert isinstance(step, Advise) and found.safety == "manual"
    lacking = "lacks cublas_v2.h, which llama-cpp-python includes"
    assert step.text.endswith(lacking)
    whole = plan(gpu_part_missing, of(llama, toolkits=[b.toolkit("13.0")]))
    assert isinstance(whole.steps[0], Install)


def test_a_command_holds_no_version_that_is_none() -> None:
    view = of(b.dist("llama-cpp-python", "1;id"))
    assert reason(gpu_part_missing, view) == "'1;id' is no version"


MLX = ('mlx-cuda-13==0.31; extra == "cuda13"', 'mlx-cuda-12==0.31; extra == "cuda12"')
CPU = 'mlx-cpu==0.31; extra == "cpu"'


@pytest.mark.parametrize(
    ("requires", "gpus", "wanted"),
    [
        ([*MLX, CPU], ("sm_120",), "mlx[cuda13]==0.31.0"),
        ([*MLX, CPU], ("sm_70",), "mlx[cuda12]==0.31.0"),
        ([*MLX, CPU], (), "mlx[cpu]==0.31.0"),
        (['mlx-cuda==0.31; extra == "cuda"', CPU], ("sm_120",), "mlx[cuda]==0.31.0"),
    ],
)
def test_a_back_end_for_the_machine(
    requires: list[str], gpus: tuple[str, ...], wanted: str
) -> None:
    found = plan(requirement_conflict, of(b.dist("mlx", "0.31.0", requires=requires), gpus=gpus))
    assert found.steps == [Install(install=[wanted], dependencies=True, freeze=True)]
