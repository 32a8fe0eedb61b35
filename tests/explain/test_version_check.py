"""A package's own check of another one's release."""

from __future__ import annotations

import pytest

from gpufix.explain.read import explain


@pytest.mark.parametrize(
    "log",
    [
        "RuntimeError: this needs Vulkan 1.3 or newer",  # no package
        "ValueError: please use version 2.1.0",  # of what?
        "RuntimeError: the model requires compute capability 8.0",
        "ERROR: glibc 2.28 or newer is required",
        "RuntimeError: the collective needs NCCL >= 2.7.4",  # torch and the system bring these, not pip
        "RuntimeError: a sorted array requires CUB >= 1.17",
        "RuntimeError: the export requires opset>=12, but got opset=11",
        "RuntimeError: the predictor requires macOS>=10.13",
        "RuntimeError: this kernel is broken here. Please upgrade to >= 0.0.33",  # to what?
        "you have torch 2.1.0 and torchvision 0.16.0",
        "RuntimeError: the driver is not compatible with CUDA < 12.4",
        "ImportError: numpy>=2 is required\n"
        + "line\n" * 3
        + "KeyError: 'x'",  # not the last error
    ],
)
def test_what_checks_no_package_is_left(log: str) -> None:
    answer = explain([log.encode()])[0].primary
    assert answer is None or answer.id != "version-check"


@pytest.mark.parametrize(
    "log, do",
    [
        (
            "ImportError: Found an incompatible version of torchao.\nFound version 0.14.1, but only versions above 0.16.0 are supported",
            '`pip install "torchao>=0.16.0"` (here is 0.14.1)',
        ),
        ("AssertionError: diffusers>=0.25.0 requirement not satisfied", "diffusers>=0.25.0"),
        ("ImportError: einops version 0.7 or newer is required, but found 0.6.1", '"einops>=0.7"` (here is 0.6.1)'),
        ("ValueError: Please downgrade scipy to 1.10 or older.", "scipy<=1.10"),
        ("RuntimeError: somelib requires otherlib<2.0,>=1.4", "otherlib<2.0,>=1.4"),
        (
            "ImportError: Found an incompatible version of transformers. Found version 4.40.1, but only 4.51.0 and above are supported.",
            "transformers>=4.51.0",
        ),
        (
            "ImportError: Found an incompatible version of `warmth`. Found version `1.0.1`, but only versions `1.2.0` or higher are supported",
            "warmth>=1.2.0",
        ),
        (
            "ImportError: Found an incompatible version of numpy. Found version 2.1.0, but expected numpy<2.0.0. See above.",
            '`pip install "numpy<2.0.0"` (here is 2.1.0)',
        ),
        ("ValueError: the warm optimiser is incompatible with torch version < 2.5.1", "torch>=2.5.1"),
        ("RuntimeError: warmlib is not compatible with transformers>=5.0", "transformers<5.0"),
        ("RuntimeError: nerfacc requires Python >= 3.9", "Use a Python >=3.9"),
    ],
)  # fmt: skip
def test_the_release_that_a_check_asks_for(log: str, do: str) -> None:
    answer = explain([log.encode()])[0].primary
    assert answer is not None and answer.id == "version-check" and answer.rule is None
    assert do in answer.do


def test_where_it_is_optional_it_may_go() -> None:
    log = "ImportError: Found an incompatible version of torchao.\nFound version 0.1.0, but only versions above 0.16.0 are supported"
    answer = explain([log.encode()])[0].primary
    assert answer is not None and "`pip uninstall torchao`" in answer.do


def test_a_document_that_quotes_a_check_is_asked() -> None:
    log = "# Notes\n\n## Troubleshooting\n\n- `AssertionError: diffusers>=0.25.0 requirement not satisfied`: update diffusers, see [install](install.md).\n- If you see `somelib>=2.0 is required`, make sure that it is installed.\n"
    answer = explain([log.encode()])[0].primary
    assert answer is None or answer.id != "version-check"
