"""What the doctor finds decides the headline, and only where it is about what the message names."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "checks"))

import builders as b

from gpufix.diagnosis.diagnose import Request, diagnose
from gpufix.explain.confirm import Check, check, headline
from gpufix.explain.explanation import Explanation
from gpufix.explain.read import read, unknown
from gpufix.model import Diagnosis, Evidence, Finding, PlanSummary, Severity


def explanation(text: str) -> Explanation:
    primary = read(io.BytesIO(text.encode()))[0].primary
    assert primary is not None
    return primary


def found(code: str, subject: str, message: str, *evidence: str, plan: str = "") -> Finding:
    plans = [PlanSummary(title=plan, safety="safe")] if plan else []
    return Finding(
        code=code,
        name="x",
        severity=Severity.error,
        subject=subject,
        message=message,
        evidence=[Evidence(text=text) for text in evidence],
        fixes=plans,
    )


def held(said: Explanation | str, *findings: Finding) -> Check:
    facts = b.healthy()
    healthy: Diagnosis = diagnose(facts, Request())
    one = explanation(said) if isinstance(said, str) else said
    return check(one, replace(healthy, findings=list(findings)), b.view(facts))


NCCL = "ImportError: libnccl.so.2: cannot open shared object file: No such file or directory\n"
SYMBOL = "ImportError: /x/torch/lib/libtorch_cuda.so: undefined symbol: ncclGroupSimulateEnd\n"
CUDART = found("SYM402", "xformers", "xformers needs libcudart.so.12, which is in no place.")
CUBLAS = found("SYM403", "torch", "torch needs cublasLtFoo, which libcublasLt.so.12 lacks.")


@pytest.mark.parametrize(("text", "other"), [(NCCL, CUDART), (SYMBOL, CUBLAS)])
def test_a_finding_about_another_library_is_another_fault(text: str, other: Finding) -> None:
    assert held(text, other).state == "not shown"


def test_the_owner_of_a_symbol_leads_to_the_finding_of_another_rule() -> None:
    mixed = found("WHL501", "nvidia-nccl-cu11", "nvidia-nccl-cu11 lies beside torch of CUDA 12.")
    assert held(SYMBOL, CUBLAS, mixed).finding is mixed


def test_the_remedy_is_that_of_the_cause_where_both_have_one() -> None:
    needs = found("SYM402", "torch", "torch needs libnccl.so.2: not found.", plan="install nccl==2")
    gone = found(
        "WHL503", "nccl", "nccl recorded libnccl.so.2, which is missing.", plan="reinstall"
    )
    got = held(NCCL, replace(gone, consequences=[needs]))
    assert got.finding and got.finding.code == "SYM402"
    assert got.plan and got.plan.title == "reinstall"
    assert "It follows from WHL503, nccl" in got.reason


def test_without_an_environment_none_is_named() -> None:
    empty = b.facts(python=None)
    got = check(explanation(NCCL), diagnose(empty, Request()), b.view(empty))
    assert got.reason == "There is no environment to look into: name one with --python."


def test_the_finding_outranks_what_the_text_leaves_open() -> None:
    bare = explanation("RuntimeError: CUDA error: no kernel image is available for execution\n")
    assert bare.rule == "GPU101" and "GPU103" in bare.open
    kernel = found("GPU103", "simple-knn", "simple-knn has no code for sm_120.", plan="rebuild it")
    first = headline(bare, held(bare, kernel))
    assert (first.rule, first.do) == ("GPU103", "Rebuild it.")
    assert first.what == "simple-knn: simple-knn has no code for sm_120."


def test_an_error_that_no_row_knows_is_held_against_the_patient() -> None:
    error = unknown("OSError: /v/lib/python3.11/site-packages/pixproc/libpix.so: odd new words")
    broken = found("SYM405", "pixproc", "pixproc/libpix.so is for another machine.")
    assert held(error, broken).finding is broken
    assert held(error, found("SYM405", "other", "other.so is for another machine.")).finding is None


def test_who_holds_the_memory_is_shown() -> None:
    held_by = found("RUN803", "GPU 0", "11.2 of 16.0 GiB are held.", "python (pid 7): 11.2 GiB")
    got = held("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n", held_by)
    assert got.finding is held_by and "python (pid 7): 11.2 GiB" in got.statements


def test_a_failed_import_is_answered_by_what_is_unmet_under_any_name() -> None:
    gone = explanation("ModuleNotFoundError: No module named 'cuda.cudart'\n")
    pair = found("WHL506", "rmm-cu12", "rmm-cu12 requires cuda-python<13; cuda-python 13 is here.")
    other = found("WHL506", "a", "a requires numpy<2; numpy 2.4 is here.")
    assert held(gone, other, pair).finding is pair
    assert held(gone, other).finding is None


def test_files_that_are_gone_come_before_libraries_of_the_same_package() -> None:
    error = unknown("AttributeError: module 'onnxruntime' has no attribute 'InferenceSession'")
    library = found("SYM402", "onnxruntime-gpu", "onnxruntime-gpu needs libcublas.so.12.")
    files = found("WHL503", "onnxruntime-gpu", "onnxruntime-gpu recorded files that are gone.")
    assert held(error, library, files).finding is files


def test_an_exception_names_its_package() -> None:
    option = explanation(
        "cupy_backends.cuda.libs.nvrtc.NVRTCError: NVRTC_ERROR_INVALID_OPTION (5)\n"
    )
    mixed = found("WHL510", "cupy-cuda12x", "cupy-cuda12x takes libnvrtc.so.13.")
    assert held(option, mixed).finding is mixed


def test_an_architecture_is_enough_for_a_rule_of_the_same_kin() -> None:
    ptxas = explanation("ptxas fatal   : Value 'sm_120' is not defined for option 'gpu-name'\n")
    triton = found("TCH212", "sm_120", "triton 3.1.0 compiles with the ptxas of CUDA 12.4.")
    assert held(ptxas, triton).finding is triton
    assert held(ptxas, replace(triton, subject="sm_90")).finding is None


@pytest.mark.parametrize(
    ("text", "subject", "message", "other"),
    [
        (
            "nvrtc: error: failed to open libnvrtc-builtins.so.13.0.\n",
            "nvidia-cuda-nvrtc",
            "nvidia-cuda-nvrtc recorded nvidia/cu13/lib/libnvrtc-builtins.so.13.0, which is missing.",
            "b recorded b/lib/libb.so.13.0, which is missing.",
        ),
        (
            "RuntimeError: cuDNN not found.\n",
            "jax-cuda12-pjrt",
            "jax-cuda12-pjrt needs libcudnn.so.9 for the GPU, which is in no folder that it searches.",
            "a needs libcufft.so.11 for the GPU, which is in no folder that it searches.",
        ),
    ],
)
def test_a_library_in_the_words_of_a_message_tells_which_fault(
    text: str, subject: str, message: str, other: str
) -> None:
    code = "WHL503" if "recorded" in message else "WHL509"
    right, wrong = found(code, subject, message), found(code, "other", other)
    assert held(text, wrong, right).finding is right
    assert held(text, wrong).finding is None


def test_packages_of_another_python_are_pythonpaths() -> None:
    text = (
        "Importing the numpy C-extensions failed. This error can happen for\n"
        '  * The Python version is: Python3.11 from "/v/bin/python"\n'
        "  * The NumPy version is: 1.26.4\n"
        "Original error was: No module named 'numpy.core._multiarray_umath'\n"
        'File "/opt/python3.10/dist-packages/numpy/__init__.py", line 130, in <module>\n'
    )
    path = found("RUN805", "PYTHONPATH", "PYTHONPATH puts /opt first, whose numpy is for cp310.")
    assert held(text, path).finding is path


def test_what_the_environment_is_called_says_nothing() -> None:
    gone = explanation(
        "AttributeError: module 'numpy' has no attribute 'VisibleDeprecationWarning'\n"
    )
    place = "/work/numpy-2/lib/python3.11/site-packages/bs4/css.py:28"
    other = found("WHL506", "bs4", "bs4 requires typing-extensions; not installed.", place)
    assert held(gone, other).finding is None
    own = found("WHL506", "pyfar", "pyfar 0.6 does not work.", place.replace("bs4", "numpy"))
    assert held(gone, other, own).finding is own
