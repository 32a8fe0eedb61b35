"""A log held against recorded patients: shown with its plan, not shown, cannot be told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CLINIC = Path(__file__).parent.parent / "clinic"


def explained(text: str, patient: str, *more: str) -> dict[str, Any]:
    facts = str(CLINIC / patient / "facts.json")
    done = subprocess.run(
        [
            sys.executable,
            *["-m", "gpufix", "explain", "-", "--format", "json"],
            "--facts",
            facts,
            *more,
        ],
        input=text.encode(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


OLD_STRING = "ImportError: /x/_C.so: undefined symbol: _ZN3c106detail14torchCheckFailEPKcS2_jRKSs"
NO_IMAGE = "CUDA error: no kernel image is available for execution on the device"


@pytest.mark.some(3)
@pytest.mark.parametrize(
    ("text", "patient", "code", "subject", "title"),
    [
        (
            "ImportError: libnccl.so.2: cannot open shared object file: No such file",
            "field-report-002",
            "SYM402",
            "torch",
            "nvidia-nccl-cu12",
        ),
        (
            "ImportError: /x/libtorch_cuda.so: undefined symbol: ncclMemFree",
            "mixed-cuda-majors",
            "SYM403",
            "torch",
            "nvidia-nccl-cu12",
        ),
        (OLD_STRING, "wrong-cxx11-abi", "ABI301", "tetranerf", None),
        (
            "ImportError: cannot import name 'HfFolder' from 'huggingface_hub'",
            "gradio-and-newer-friends",
            "WHL506",
            "gradio × huggingface-hub",
            "huggingface-hub<1.0",
        ),
        (
            "RuntimeError: operator torchvision::nms does not exist",
            "torchvision-of-another-torch",
            "WHL505",
            "torchvision",
            "torchvision",
        ),
        # The text does not tell torch's kernel from an extension's; the facts do.
        (NO_IMAGE, "field-report-002", "GPU103", "diff-gaussian-rasterization", None),
    ],
)
def test_the_patient_shows_it(
    text: str, patient: str, code: str, subject: str, title: str | None
) -> None:
    gpu = ["--gpu", "sm_120"] if code.startswith("GPU") else []
    report = explained(text, patient, *gpu)["patient"]
    assert report["state"] == "shown"
    assert (report["finding"]["code"], report["finding"]["subject"]) == (code, subject)
    if title is not None:
        assert title in report["plan"]["title"]


@pytest.mark.some(3)
@pytest.mark.parametrize(
    ("text", "patient", "state"),
    [
        (OLD_STRING, "healthy-torch-cpu", "not shown"),
        (OLD_STRING, "empty-venv", "cannot tell"),
        (NO_IMAGE, "healthy-torch-cpu", "cannot tell"),  # no GPU is named
        ("CUDA out of memory. Tried to allocate 2 GiB", "healthy-torch-cu128", "cannot tell"),
        ("CUDA error: device-side assert triggered", "healthy-torch-cu128", "cannot tell"),
        ("ValueError: Unknown CUDA arch (99.0)", "healthy-torch-cu128", "cannot tell"),  # project
    ],
)
def test_what_the_patient_does_not_show(text: str, patient: str, state: str) -> None:
    report = explained(text, patient)["patient"]
    assert report["state"] == state
    assert report["finding"] is None and report["plan"] is None
    assert report["reason"]


def test_statements_compare_the_text_with_the_facts() -> None:
    missing = explained(OLD_STRING, "wrong-cxx11-abi")["patient"]["statements"]
    assert any("does not define this symbol" in said for said in missing)
    newer = "ImportError: /lib/libstdc++.so.6: version `GLIBCXX_3.4.99' not found"
    said = explained(newer, "healthy-torch-cpu")["patient"]["statements"]
    assert any("too old" in one for one in said)
