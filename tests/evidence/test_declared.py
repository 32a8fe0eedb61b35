"""What all who require a distribution declare of it."""

from __future__ import annotations

from pathlib import Path

import builders as b
import pytest
from source_tree import look, write

from gpufix.evidence.declared import Declared, brought_by, declared, with_row
from gpufix.evidence.view import View
from gpufix.fixes.pins import as_declared, at
from gpufix.model import Install

TORCH, TOOLKIT = "torch", "cuda-toolkit"


def view(requires: dict[str, list[str]], *present: str) -> View:
    dists = [b.dist(name, requires=rows) for name, rows in requires.items()]
    dists += [b.dist(*name.split("==")) for name in present]
    return b.view(b.facts(distributions=dists))


SPELLED = {
    "one range": ({"a": ["x>=1,<2"]}, "x<2,>=1", None),
    "a compatible release": ({"a": ["x~=3.8.0"]}, "x~=3.8.0", None),
    "ranges of two": ({"a": ["x>=1"], "c": ["x<2"]}, "x<2,>=1", None),
    "a pin within a range": ({"a": ["x>=1"], "c": ["x==1.5"]}, "x==1.5", "1.5"),
    "bounds within bounds": ({"a": ["x>=1.9,<3"], "c": ["x>=1.10,<2.5"]}, "x<2.5,>=1.10", None),
    "any release of a minor": ({"a": ["x==1.5.*"]}, "x==1.5.*", None),
    "extras of all": ({"a": ["x[p]>=1"], "c": ["x[q,p]"]}, "x[p,q]>=1", None),
    "a marker that does not hold": ({"a": ["x[p]>=1; sys_platform == 'win32'"]}, "x", None),
    "an extra that nobody asked for": ({"a": ["x[p]>=1; extra == 'gpu'"]}, "x", None),
    "an extra of an extra": ({"a": ["x[p]>=1; extra == 'g'"], "c": ["a[g]"]}, "x[p]>=1", None),
    "nobody": ({}, "x", None),
}


@pytest.mark.parametrize("case", SPELLED)
def test_what_satisfies_all(case: str) -> None:
    requires, text, version = SPELLED[case]
    found = declared(view(requires), "x")
    assert (found.spelled(), found.version, found.conflict) == (text, version, None)


def test_of_equal_pins_torchs_own_comes_first() -> None:
    assert declared(view({"a": ["x==1.0"], TORCH: ["x==1"]}), "x").version == "1"


CONTRADICTIONS = {
    "two pins": {"a": ["x==1"], "c": ["x==2"]},
    "a pin outside a range": {"a": ["x==1"], "c": ["x>=2"]},
    "ranges apart": {"a": ["x<1"], "c": ["x>=2"]},
    "a compatible release and a later one": {"a": ["x~=1.4.0"], "c": ["x>=1.5"]},
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_no_version_satisfies_all(case: str) -> None:
    found = declared(view(CONTRADICTIONS[case]), "x")
    assert found.conflict is not None
    assert found.conflict.startswith("no version of x satisfies all: a requires x")
    assert as_declared(view(CONTRADICTIONS[case]), "x") == found.conflict


NARROW = ["x>1,<1.0.1", "x>=1,!=1", "x<1", "x>1,<2", "x>=1.0.dev1"]


@pytest.mark.parametrize("row", NARROW)
def test_a_narrow_range_is_none_that_is_empty(row: str) -> None:
    assert declared(view({"a": [row]}), "x").conflict is None


def test_the_projects_files_count_and_alternatives_among_them_do_not(tmp_path: Path) -> None:
    def of(name: str, **files: str) -> Declared:
        named = {f"requirements-{n}.txt": f"{text}\n" for n, text in files.items()}
        return declared(look(write(tmp_path / name, named)), "x")

    one = of("one", base="x[gpu]<2")
    assert (one.spelled(), one.allows("2.0")) == ("x[gpu]<2", False)
    assert of("two", old="x<2", new="x>=3").rows == ()


def test_what_is_installed_with_its_extras_is_installed_for_them() -> None:
    asked = {TORCH: [f"{TOOLKIT}[cublas,cufft]==13.0.3"]}
    wanted = [f"{TOOLKIT}[cublas,cufft]==13.0.3"]
    assert as_declared(view(asked), TOOLKIT) == Install(install=wanted, dependencies=True)
    assert at(view(asked), TOOLKIT, "13.0.3") == wanted[0]
    plain = as_declared(view({TORCH: ["x==1+cu128"]}), "x")
    assert plain == Install(install=["x==1+cu128"], reinstall=True, index="cu128")
    assert as_declared(view({"a": ["x"]}), "x") == Install(install=["x"], reinstall=True)
    assert as_declared(view({}), "x") is None


def test_conda_knows_no_extras() -> None:
    facts = b.facts(distributions=[b.dist("a", requires=["x[p]"]), b.dist("x", source="conda")])
    assert at(b.view(facts), "x", "1") == "x==1"


@pytest.mark.parametrize(
    ("wheel", "package"),
    [
        ("nvidia-cublas", TOOLKIT),
        ("nvidia-cuda-runtime", TOOLKIT),
        ("nvidia-cufft", None),
        ("nvidia-cublas-cu12", None),
    ],
)
def test_extras_of_an_absent_package_bring_wheels(wheel: str, package: str | None) -> None:
    asked = view({TORCH: [f"{TOOLKIT}[cublas,cudart]==13.0.3"]})
    assert brought_by(asked, wheel) == package


def test_one_more_requirement() -> None:
    assert with_row(view({"a": ["x<2"]}), "x[p]>=1").spelled() == "x[p]<2,>=1"
    assert with_row(view({"a": ["x<2"]}), "x>=2").conflict is not None
