"""Package families: every row is usable as data, and what it names can be found."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from gpufix.knowledge import families
from gpufix.knowledge.data_table import table
from gpufix.knowledge.plugins import plugin

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@pytest.mark.parametrize("pair", families.pairs(), ids=lambda p: f"{p.one} × {p.other}")
def test_pair(pair: families.Pair) -> None:
    assert NAME.fullmatch(pair.one) and NAME.fullmatch(pair.other) and pair.one != pair.other
    assert pair.says and not pair.says.endswith(".")
    assert (pair.agree == "table") == bool(pair.needs)
    if pair.agree in ("declared", "floor", "minor"):  # the requirement of `one` tells the version
        assert pair.moves == "other"


def test_each_pair_is_told_once() -> None:
    # what old releases do not declare is a table beside
    named = [(frozenset((p.one, p.other)), p.agree) for p in families.pairs()]
    assert len(named) == len(set(named))


@pytest.mark.parametrize("group", families.alone(), ids=lambda g: g.distributions[0])
def test_alone(group: families.Alone) -> None:
    assert len(group.distributions) > 1 and set(group.gpu) < set(group.distributions)
    assert not (group.core or "").startswith("/") and set(group.along) <= set(group.distributions)


@pytest.mark.parametrize("part", families.parts(), ids=lambda p: p.framework)
def test_part(part: families.Part) -> None:
    assert part.together or part.code_in
    assert not (part.extra and part.by_hand)
    if (
        not part.extra and not part.by_hand
    ):  # the other half is installed at the framework's version
        halves = {name for together in part.together for name in together}
        assert part.framework in halves and all(map(families.releases, halves - {part.framework}))
    if part.extra:
        assert Requirement(part.extra.format(major=12)).extras


@pytest.mark.parametrize("name", table("families")["libraries"])
def test_libraries(name: str) -> None:
    known = families.libraries(name)
    assert known and Requirement(known.extra).extras and known.source


@pytest.mark.parametrize("name", table("families")["releases"])
def test_listing_is_sorted(name: str) -> None:
    found = [Version(v) for v in families.releases(name)]
    assert found == sorted(found, reverse=True) and len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("distribution", "version", "major", "versions"),
    [
        ("onnxruntime-gpu", "1.18.1", 11, ">=1.17.0,<1.19.0"),
        ("onnxruntime-gpu", "1.26.0", 12, ">=1.19.0,<1.27.0"),
        ("onnxruntime-gpu", "1.27.0", 13, ">=1.27.0"),
        ("torch", "2.10.0", 12, ">=2.1.0,<2.11.0"),
        ("torch", "2.11.0", 13, ">=2.11.0"),
    ],
)
def test_cuda_majors(distribution: str, version: str, major: int, versions: str) -> None:
    assert families.cuda_major(distribution, version) == major
    assert families.for_cuda(distribution, major) == versions
    assert SpecifierSet(versions).contains(version)


@pytest.mark.parametrize(
    ("version", "cudnn"),
    [
        ("2.19.0", "libcudnn.so.9"),
        ("2.16.1", "libcudnn.so.8"),
        ("2.13.0", None),
        ("main", None),
        (None, None),
    ],
)
def test_what_a_release_of_tensorflow_opens(version: str | None, cudnn: str | None) -> None:
    known = plugin("/env/tensorflow/libtensorflow_cc.so.2", "tensorflow", version)
    assert (known is not None and cudnn in known.opens) if cudnn else known is None


def test_what_no_row_tells() -> None:
    assert families.cuda_major("numpy", "2.0") is families.for_cuda("numpy", 12) is None
    assert families.for_cuda("onnxruntime-gpu", 10) is families.libraries("numpy") is None
    assert (
        families.cuda_major("onnxruntime-gpu", "1.2") is None and families.releases("numpy") == ()
    )
