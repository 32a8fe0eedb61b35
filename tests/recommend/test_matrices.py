"""What `recommend` says, beside NVIDIA's and torch's own matrices.

A row of `gpus` is capability, first and last driver branch, flavours of the kernel module, last
toolkit (null: still there). A release of `torch` has its Python tags, builds and companions.
Statements are read as a user reads them: from the reasons, the obstacles and the commands.
"""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from gpufix.evidence.torch_builds.existing import sentences
from gpufix.evidence.torch_builds.question import Question, driver, specifier
from gpufix.evidence.torch_builds.rank import Prefer, RankedBuilds, answer
from gpufix.knowledge.data_table import at_least, numbers
from gpufix.knowledge.gpus.models import resolve
from gpufix.recommend.offer import offers, reasons

TABLE: dict[str, Any] = json.loads(
    Path(__file__).with_name("data").joinpath("matrices.json").read_text()
)
GPUS: dict[str, list[Any]] = {f"sm_{row[0].replace('.', '')}": row for row in TABLE["gpus"]}
DRIVERS = [None, *(branch for branch in TABLE["drivers"] if int(branch) >= 470)]
PYTHONS = ("cp310", "cp312", "cp313", "cp314")
COMPANIONS = ((), ("torchvision", "torchaudio"), ("kaolin",))


def asked(gpu: str, branch: str | None, python: str, along: tuple[str, ...] = ()) -> RankedBuilds:
    known = driver(f"{branch}.999.0") if branch else None
    question = Question((resolve(gpu),), python, driver=known, along=along)
    return answer(question, Prefer.newest)


def cuda_of(build: str) -> str:
    return f"{build[2:4]}.{build[4:]}"


def existing(release: str, build: str, python: str) -> bool:
    tags, builds, _ = TABLE["torch"][release]
    return python in tags and build in builds


def runs(cuda: str, branch: str | None, last_toolkit: str | None) -> bool:
    """A CUDA major needs the first driver of that major; a toolkit that dropped a GPU has no code."""
    least = TABLE["majors"][cuda.partition(".")[0]]
    enough = branch is None or int(branch) >= numbers(least)[0]
    return enough and (last_toolkit is None or at_least(last_toolkit, cuda))


def false_statements(gpu: str, branch: str | None, found: RankedBuilds) -> list[str]:
    """What is said of drivers and CUDA, and is not so by the tables."""
    wrong = []
    serves = TABLE["drivers"][branch] if branch else None
    for build in found.fitting:
        cuda = cuda_of(build.name)
        least = TABLE["majors"][cuda.partition(".")[0]]
        for text in reasons(build, found.question):
            needs = re.search(r"needs NVIDIA driver (\S+) or newer", text)
            of = re.search(r"the driver is of CUDA (\S+): CUDA (\S+) runs", text)
            served = re.fullmatch(r"the driver serves CUDA (\S+)", text)
            if needs and needs[1] not in (least, GPUS[gpu][1]):
                wrong.append(f"{build.version}: {text}")
            if of and (of[1] != serves or of[2] != cuda or at_least(serves, cuda)):
                wrong.append(f"{build.version}: {text}")
            if served and not (serves and served[1] == cuda and at_least(serves, cuda)):
                wrong.append(f"{build.version}: {text}")
    for miss in found.misses:
        cuda = cuda_of(miss.build.name)
        for obstacle in miss.obstacles:
            needs = re.search(r"needs driver (\S+) or newer", obstacle.text)
            if needs and needs[1] not in (TABLE["majors"][cuda.partition(".")[0]], GPUS[gpu][1]):
                wrong.append(f"{miss.build.version}: {obstacle.text}")
    return wrong


@pytest.mark.some(5)
@pytest.mark.parametrize("gpu", GPUS)
def test_every_build_exists_and_runs(gpu: str) -> None:
    *_, last = GPUS[gpu]
    for branch, python in product(DRIVERS[::4], PYTHONS[1:3]):
        one(gpu, branch, python, last)


@pytest.mark.slow
@pytest.mark.parametrize("gpu", GPUS)
def test_every_driver_and_python(gpu: str) -> None:
    *_, last = GPUS[gpu]
    for branch, python in product(DRIVERS, PYTHONS):
        one(gpu, branch, python, last)


def one(gpu: str, branch: str | None, python: str, last: str | None) -> None:
    found = asked(gpu, branch, python)
    for build in found.fitting:
        assert existing(build.release.version, build.name, python), build.version
        assert runs(cuda_of(build.name), branch, last), (gpu, branch, build.version)
    assert false_statements(gpu, branch, found) == []


@pytest.mark.some(5)
@pytest.mark.parametrize("gpu", GPUS)
def test_no_build_before_the_first_or_after_the_last_driver(gpu: str) -> None:
    """A driver that does not know the GPU serves no build, whatever CUDA's compatibility says."""
    _, first, last, *_ = GPUS[gpu]
    for branch in filter(None, DRIVERS):
        if int(branch) < int(first) or (last and int(branch) > int(last)):
            assert not asked(gpu, branch, "cp312").fitting, branch


@pytest.mark.some(1)
@pytest.mark.parametrize("along", COMPANIONS, ids=lambda names: " ".join(names) or "nothing")
def test_what_goes_along(along: tuple[str, ...]) -> None:
    for gpu, python in product(("sm_75", "sm_90", "sm_120"), ("cp311", "cp312")):
        found = asked(gpu, None, python, along)
        assert found.fitting
        for offer in offers(found, None, along):
            release, build = offer.build.release.version, offer.build.name
            command = offer.commands.pip or ""
            for name in along:
                assert name in command
            for name, versions in TABLE["torch"][release][2].items():
                if name in along:
                    named = re.search(rf"{name}==([\d.]+)", command)
                    assert named and named[1] in versions, (release, build)
            if "kaolin" in along and release in TABLE["kaolin"]:
                assert build in TABLE["kaolin"][release]
                assert (
                    f"--find-links https://nvidia-kaolin.s3.us-east-2.amazonaws.com/torch-{release}_{build}.html"
                    in command
                )


@pytest.mark.parametrize("release", TABLE["torch"])
def test_which_builds_exist(release: str) -> None:
    question = Question((), "cp311", allowed=specifier(release), variant="cu118")
    (text,) = sentences(question)
    start, _, end = text.partition(";")
    told = re.findall(r"cu\d+", start)
    disputed = {"2.12.0": {"cu129"}, "2.12.1": {"cu129"}}.get(release, set())
    assert {*told} == {*TABLE["torch"][release][1]} - disputed
    assert ("cu118" in told) != ("cu118" in end)
    if "cu118" in end:
        assert end.strip() == (
            "cu118 ends at 2.7.1" if numbers(release) > (2, 7) else "cu118 begins with 2.0.0"
        )
