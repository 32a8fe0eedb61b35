"""The release of a companion for the installed torch, within what is required of it."""

from __future__ import annotations

from pathlib import Path

import builders as b
import pytest
import source_tree as t

from gpufix.checks.abi.abi304_python_tag_mismatch import python_tag_mismatch
from gpufix.checks.registry import WARNING, Fault, declared
from gpufix.checks.wheels.whl505_torch_family_mismatch import torch_family_mismatch
from gpufix.evidence.view import View
from gpufix.fixes.wheels.match_torch_family import match_torch_family
from gpufix.knowledge.packages import first_torch
from gpufix.model import Install, Plan, Skip
from gpufix.model.payload import DistributionFault, ExtensionModules


def offer(name: str, view: View) -> Plan | Skip | None:
    fault = Fault(WARNING, name, "m", payload=DistributionFault(name))
    return match_torch_family(declared(torch_family_mismatch).finding(fault), view)


def of(torch: str, **requires: list[str]) -> View:
    dists = [b.dist(name, requires=rows) for name, rows in requires.items()]
    return b.view(b.facts(torch=b.torch(torch), distributions=dists))


INSTALLED = {
    "one that names this torch": ("torchvision", of("2.9.0+cu128"), "torchvision==0.24.0+cu128"),
    "the newest of several": ("xformers", of("2.6.0+cu126"), "xformers==0.0.29.post3"),
    "since torch 2.10": ("xformers", of("2.14.1+cu130"), "xformers==0.0.35"),
    "since torch 2.11": ("torchaudio", of("2.14.1+cu130"), "torchaudio==2.11.0+cu130"),
    "since torch 2.14": ("torchvision", of("2.14.1+cu130"), "torchvision==0.29.1+cu130"),
    "with the extras that others ask for": (
        "xformers",
        of("2.6.0+cu126", a=["xformers[x]<0.0.30"]),
        "xformers[x]==0.0.29.post3",
    ),
}


@pytest.mark.parametrize("case", INSTALLED)
def test_the_release_for_this_torch(case: str) -> None:
    name, view, requirement = INSTALLED[case]
    plan = offer(name, view)
    assert isinstance(plan, Plan) and plan.safety == "unsafe"
    (step,) = plan.steps
    assert isinstance(step, Install)
    assert step.index == (view.facts.torch.variant if view.facts.torch else None)
    assert step.install == [requirement]


def test_a_package_for_another_python_has_a_wheel_for_this_one() -> None:
    """The installed release is kept where it has one."""
    view = b.view(
        b.facts(torch=b.torch("2.8.0+cu128"), distributions=[b.dist("flash-attn", "2.8.3")])
    )
    fault = Fault(WARNING, "flash-attn", "m", payload=ExtensionModules("flash-attn"))
    plan = match_torch_family(declared(python_tag_mismatch).finding(fault), view)
    assert isinstance(plan, Plan) and isinstance(step := plan.steps[0], Install)
    assert "flash_attn-2.8.3" in step.install[0] and "-cp311-cp311-" in step.install[0]


SKIPPED = {
    "it is what is installed": (
        "torchcodec",
        b.view(
            b.facts(torch=b.torch("2.13.0+cpu"), distributions=[b.dist("torchcodec", "0.13.0")])
        ),
        "torchcodec 0.13.0 is the release for this torch",
    ),
    "its libraries are for an older torch": (
        "torchtext",
        of("2.13.0+cu130"),
        "no torchtext is listed for torch 2.13.0 (as of 2026-11-30)",
    ),
    "others require another": (
        "xformers",
        of("2.14.1+cu130", a=["xformers==0.0.30"]),
        "xformers 0.0.35 goes with torch 2.14.1; xformers==0.0.30 is required here",
    ),
}


@pytest.mark.parametrize("case", SKIPPED)
def test_none_that_goes_with_it(case: str) -> None:
    name, view, reason = SKIPPED[case]
    skip = offer(name, view)
    assert isinstance(skip, Skip) and skip.reason == reason


def test_a_requirement_file_of_the_project_counts(tmp_path: Path) -> None:
    root = t.write(tmp_path, {"requirements.txt": "torchaudio<2.10\n"})
    skip = offer("torchaudio", t.look(root, torch=b.torch("2.14.1+cu130")))
    assert isinstance(skip, Skip) and skip.reason.endswith("torchaudio<2.10 is required here")


@pytest.mark.parametrize(
    ("version", "torch", "first"),
    [
        ("2.11.0", "2.10.0", "2.11.0"),
        ("2.11.0", "2.11.0", None),
        ("2.11.0", "2.15.0", None),
        ("2.9.0", "2.8.0", None),  # names a torch: its metadata tell
        ("2.11.0", "2.99.0", None),
    ],
)
def test_with_which_torch_a_version_came(version: str, torch: str, first: str | None) -> None:
    assert first_torch("torchaudio", version, torch) == first
