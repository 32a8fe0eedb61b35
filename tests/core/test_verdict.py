"""Verdict and exit code: clean means judged; what is not known to any rule is a note."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "checks"))

import builders as b

from gpufix.checks.judge import Selection
from gpufix.diagnosis.diagnose import Request, diagnose
from gpufix.diagnosis.unjudged import NAME_ONE, NO_ENVIRONMENT
from gpufix.diagnosis.verdict import Gate
from gpufix.model import Binaries, Diagnosis, Facts, Gap, SourceFile, Submodule

SOURCES = b.project(builds=False, sources=[SourceFile(path="p.toml", kind="toml", size=0)])
NOBODY = f"{NO_ENVIRONMENT}: {NAME_ONE}"
EMPTY = (
    "/env holds neither a compiled library nor a package that a rule knows: name another with "
    "--python PATH"
)


def facts(**sections: Any) -> Facts:
    """A Python, and nothing else."""
    return b.facts(**({"project": None} | sections))


def gap(section: str, subject: str = "x") -> Gap:
    return Gap(section=section, subject=subject, reason="closed")


def of(found: Facts, *select: str) -> Diagnosis:
    return diagnose(found, Request(selection=Selection(select=select)))


NATIVE = Binaries(scanned=1)
# (facts, rules that are selected, why nothing was judged, the verdict, exit codes without and with --strict)
VERDICTS: dict[str, tuple[Facts, tuple[str, ...], str | None, str, tuple[int, int]]] = {
    "no environment": (facts(python=None), (), NOBODY, "nothing judged", (0, 1)),
    "one that cannot be asked": (
        facts(python=None, gaps=[gap("python")]),
        (),
        None,
        "incomplete",
        (0, 1),
    ),
    "an empty one": (facts(), (), EMPTY, "nothing judged", (0, 1)),
    "an empty one, and another gap": (
        facts(gaps=[gap("gpus", "NVML")]),
        (),
        EMPTY,
        "nothing judged",
        (0, 1),
    ),
    "pure Python that no rule knows": (
        facts(distributions=[b.dist("pip"), b.dist("requests")]),
        (),
        EMPTY,
        "nothing judged",
        (0, 1),
    ),
    "one whose packages could not be listed": (
        facts(gaps=[gap("distributions")]),
        (),
        None,
        "incomplete",
        (0, 1),
    ),
    "compiled libraries": (facts(binaries=NATIVE), (), None, "clean", (0, 0)),
    "compiled libraries, and a gap": (
        facts(binaries=NATIVE, gaps=[gap("gpus", "NVML")]),
        (),
        None,
        "incomplete",
        (0, 1),
    ),
    "a package that a rule knows": (
        facts(distributions=[b.dist("nvidia-nccl-cu12")]),
        (),
        None,
        "clean",
        (0, 0),
    ),
    "torch": (b.healthy(), (), None, "clean", (0, 0)),
    "sources without an environment": (
        facts(python=None, project=SOURCES),
        (),
        NOBODY,
        "nothing judged",
        (0, 1),
    ),
    "sources only were asked for": (
        facts(python=None, project=SOURCES),
        ("SRC612",),
        None,
        "clean",
        (0, 0),
    ),
    "sources only, and there are none": (
        facts(binaries=NATIVE),
        ("SRC",),
        "no source of a project is here: name the project's folder",
        "nothing judged",
        (0, 1),
    ),
    "a fault of the packages": (
        facts(distributions=[b.dist("a", requires=["b==1"]), b.dist("b", "2")]),
        (),
        None,
        "faults",
        (0, 0),
    ),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_verdict(case: str) -> None:
    found, select, why, verdict, codes = VERDICTS[case]
    diagnosis = of(found, *select)
    assert (diagnosis.summary.unjudged, diagnosis.summary.verdict) == (why, verdict)
    assert tuple(Gate(strict=strict).exit_code(diagnosis) for strict in (False, True)) == codes


def test_a_fault_of_the_sources_does_not_hide_that_no_environment_was_judged() -> None:
    broken = replace(SOURCES, submodules=[Submodule(path="glm", gitlink=True)])
    diagnosis = of(facts(python=None, project=broken))
    assert [f.code for f in diagnosis.findings] == ["SRC605"]
    assert diagnosis.summary.unjudged == NOBODY


def test_a_gap_is_said_once() -> None:
    """A snapshot holds those of the checks, which a replay finds again."""
    assert len(of(facts(binaries=NATIVE, gaps=[gap("gpus"), gap("gpus")])).gaps) == 1


def library(owner: str, **changes: Any) -> Any:
    return b.library(f"{owner}.so", b.code("sm_90"), distribution=owner, **changes)


# Installed, what holds GPU code, and what is noted.
NOTES: dict[str, tuple[list[str], list[Any], list[str]]] = {
    "nothing for GPUs": (["numpy", "requests"], [], []),
    "torch and the toolkit's libraries": (
        ["torch", "triton", "nvidia-cublas-cu12", "nvidia-cudnn-cu13", "nvidia-cuda-runtime"],
        [library("nvidia-cublas-cu12")],
        [],
    ),
    "GPU code that a rule judges": (["faiss"], [library("faiss")], []),
    "an extension of torch's": (["ext-cu128"], [library("ext-cu128", links_torch=True)], []),
    "by their names": (
        ["jax-cuda12-plugin", "cupy-cuda13x", "numba-cuda", "onnxruntime-gpu", "jax-rocm60-pjrt"],
        [],
        ["cupy-cuda13x", "jax-cuda12-plugin", "jax-rocm60-pjrt", "numba-cuda", "onnxruntime-gpu"],
    ),
    "passed over by the rules on GPU code": (["jaxlib"], [library("jaxlib")], ["jaxlib"]),
    "compiled when they run": (["warp-lang"], [], ["warp-lang"]),
    "NVIDIA's, and no part of the toolkit": (["nvidia-dali-cuda120"], [], ["nvidia-dali-cuda120"]),
}


@pytest.mark.parametrize("case", NOTES)
def test_notes_change_no_verdict(case: str) -> None:
    names, libraries, expected = NOTES[case]
    binaries = replace(b.binaries(*libraries), scanned=1)
    diagnosis = of(facts(distributions=list(map(b.dist, names)), binaries=binaries))
    assert diagnosis.not_judged == expected
    assert diagnosis.findings == []
    assert diagnosis.summary.verdict != "faults"
