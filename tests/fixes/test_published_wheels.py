"""The published wheel as a step: where it is installed from, and when none is."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.evidence.published import published
from gpufix.evidence.requirements import objections
from gpufix.evidence.view import View
from gpufix.fixes.commands import commands
from gpufix.fixes.wheels.match_torch_family import match_torch_family
from gpufix.model import Finding, Install, Plan, Severity, Skip
from gpufix.model.payload import DistributionFault

KAOLIN = "https://nvidia-kaolin.s3.us-east-2.amazonaws.com/torch-2.8.0_cu128.html"
FLASH = (
    "flash-attn @ https://github.com/Dao-AILab/flash-attention/releases/download/v2.8.3/"
    "flash_attn-2.8.3%2Bcu12torch2.8cxx11abiTRUE-cp311-cp311-linux_x86_64.whl"
)


def of(name: str, version: str, torch: str = "2.8.0+cu128", **changes: object) -> View:
    dists = [b.dist("torch", torch), b.dist(name, version)]
    return b.view(b.facts(torch=b.torch(torch, **changes), distributions=dists))


def planned(view: View, name: str) -> Plan | Skip | None:
    finding = Finding(
        code="SYM401",
        name="x",
        severity=Severity.error,
        subject=name,
        message="x",
        payload=DistributionFault(name),
    )
    return match_torch_family(finding, view)


def step(view: View, name: str) -> Install:
    plan = planned(view, name)
    assert isinstance(plan, Plan) and isinstance(plan.steps[0], Install), plan
    assert not list(objections(plan.steps[0], view.facts))
    return plan.steps[0]


def test_the_installed_version_is_kept_where_it_has_a_wheel() -> None:
    view = of("flash-attn", "2.8.3+cu12torch2.6cxx11abiFALSE")
    assert step(view, "flash-attn").install == [FLASH]
    newer = step(of("flash-attn", "2.7.0"), "flash-attn").install[0]
    assert "/v2.8.3.post1/" in newer


def test_a_page_is_named_in_the_command() -> None:
    view = of("kaolin", "0.17.0")
    found = step(view, "kaolin")
    assert (found.install, found.links, found.index) == (["kaolin==0.18.0"], KAOLIN, None)
    (line,) = commands(found, view.facts)
    assert line.endswith(f"--find-links {KAOLIN} kaolin==0.18.0")


def test_another_distribution_of_the_package_takes_its_place() -> None:
    found = step(of("spconv-cu118", "2.3.8"), "spconv-cu118")
    assert (found.uninstall, found.install) == (["spconv-cu118"], ["spconv-cu126==2.3.8"])


NONE = {
    "no wheel fits": (of("kaolin", "0.18.0", "2.9.0+cu128"), "kaolin", "none for torch 2.9.0"),
    "a vendor's torch": (
        of("kaolin", "0.18.0", build="container"),
        "kaolin",
        "torch is a container build: published wheels are for releases",
    ),
    "a build of which nothing is known": (
        of("kaolin", "0.18.0", "2.8.0", variant=None, cuda=None),
        "kaolin",
        "which build of torch 2.8.0 this is is not known",
    ),
    "an older generation": (
        of("sageattention", "2.2.0"),
        "sageattention",
        "the newest published wheel is of sageattention 1.0.6, 2.2.0 is here",
    ),
    "no listing": (of("my-ops", "1.0"), "my-ops", "which wheels of my-ops are published is not"),
}


@pytest.mark.parametrize("case", NONE)
def test_why_nothing_is_planned(case: str) -> None:
    view, name, text = NONE[case]
    found = planned(view, name)
    assert isinstance(found, Skip) and text in found.reason, found


def test_no_torch_no_wheel() -> None:
    assert published("kaolin", b.view(b.facts(torch=None))) == (
        "there is no torch here to choose wheels for"
    )


@pytest.mark.parametrize(
    "given",
    [
        Install(install=["flash-attn @ https://example.org/flash_attn-2.8.3-cp311-cp311-x.whl"]),
        Install(install=["kaolin==0.18.0"], links="https://example.org/torch-2.8.0_cu128.html"),
    ],
)
def test_no_other_address_is_given_to_an_installer(given: Install) -> None:
    assert list(objections(given, b.facts()))
