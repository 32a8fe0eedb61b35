"""`recommend` beside NVIDIA's variant provider for pip and uv, whose answers were recorded.

The provider says of a wheel's properties whether they fit a machine: a CUDA that the driver must
be of at least, and the code that is in it ("86_real", "90_virtual" for PTX). A torch build has its
own CUDA as the lower bound. It knows no minor-version compatibility and no PTX of an older major:
what only these serve, `recommend` offers too, after all that the provider takes, and says so.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from gpufix.evidence.gpu_code import Service
from gpufix.evidence.torch_builds.candidates import TorchBuild, builds
from gpufix.evidence.torch_builds.obstacles import services
from gpufix.evidence.torch_builds.question import Question, driver
from gpufix.evidence.torch_builds.rank import Prefer, answer
from gpufix.knowledge.data_table import at_least
from gpufix.knowledge.gpus.drivers import driven
from gpufix.knowledge.gpus.models import resolve
from gpufix.recommend.offer import reasons

ASKED: dict[str, Any] = json.loads(
    Path(__file__).with_name("data").joinpath("variant_provider.json").read_text()
)
DRIVERS = ("11.8", "12.0", "12.4", "12.6", "12.8", "12.9", "13.0", "13.2")
TRIPLES = list(product(ASKED["sm_arch"], DRIVERS, ("cp310", "cp312")))
EVERY = list(product(ASKED["sm_arch"], ASKED["lower_bound"], ("cp39", "cp311", "cp313", "cp314")))


def taken(build: TorchBuild, sm: str, cuda: str) -> bool:
    """Whether the provider takes the build for a GPU and a driver."""
    variant = build.variant
    assert variant is not None
    code = [f"{arch.removeprefix('sm_')}_real" for arch in variant.archs]
    code += [f"{arch.removeprefix('sm_')}_virtual" for arch in variant.ptx or ()]
    fits = set(code) & set(ASKED["sm_arch"][sm])
    return variant.cuda in ASKED["lower_bound"][cuda] and bool(fits)


def question(sm: str, cuda: str, python: str) -> Question:
    return Question((resolve(f"sm_{sm.replace('.', '')}"),), python, driver=driver(cuda))


def explained(build: TorchBuild, asked: Question) -> bool:
    """By minor-version compatibility, or by PTX."""
    said = " ".join(reasons(build, asked))
    if Service.jit in services(build, asked).values():
        return "PTX only" in said
    return "minor-version compatibility" in said


def test_there_are_enough() -> None:
    assert len(TRIPLES) >= 200
    known = {b.variant.cuda for b in builds("linux_x86_64", "nvidia") if b.variant}
    assert known == set(ASKED["lower_bound"]["13.4"])  # a new CUDA: ask the provider for it


@pytest.mark.parametrize("sm", ASKED["sm_arch"])
def test_agreement(sm: str) -> None:
    for triple in TRIPLES:
        if triple[0] == sm:
            agrees(*triple)


@pytest.mark.slow
@pytest.mark.parametrize("sm", ASKED["sm_arch"])
def test_agreement_on_every_driver(sm: str) -> None:
    for triple in EVERY:
        if triple[0] == sm:
            agrees(*triple)


def agrees(sm: str, cuda: str, python: str) -> None:
    asked = question(sm, cuda, python)
    fitting = answer(asked, Prefer.newest).fitting
    theirs = {
        b.version
        for b in builds("linux_x86_64", "nvidia")
        if python in b.pythons("linux_x86_64") and b.code is not None and taken(b, sm, cuda)
    }
    row = driven(asked.targets[0].arch)
    if row and row.first_cuda and not at_least(cuda, row.first_cuda):
        assert not fitting  # the provider does not know that a GPU has a first driver
        return
    assert theirs <= {b.version for b in fitting}
    for build in fitting:
        assert build.version in theirs or explained(build, asked), build.version
    if theirs:
        assert fitting[0].version in theirs


def test_what_the_provider_does_not_know_is_right() -> None:
    """NVIDIA's own table: a driver of CUDA 12.4 runs machine code of every CUDA 12."""
    found = answer(question("9.0", "12.4", "cp312"), Prefer.newest).fitting
    assert {"2.9.0+cu128", "2.6.0+cu124"} <= {b.version for b in found}
    assert not any(b.variant and at_least(b.variant.cuda or "0", "13") for b in found)
