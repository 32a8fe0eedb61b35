"""A package's own libstdc++ under its plain name, and who lacks something of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gpufix.binary.elf.versions import VersionDefinition, VersionNeed
from gpufix.binary.loader.model import Missing, Used, Verdict
from gpufix.facts.libraries.old_cxx import old_cxx
from gpufix.facts.libraries.verdicts import Judge
from gpufix.model import OldCxx

NAME = "libstdc++.so.6"
OWN, SYSTEM = f"/site/viewer/lib/{NAME}", f"/lib/{NAME}"
RENDER, MODULE = "/site/viewer/lib/librender.so", "/site/ext/_C.so"
BELONGS = {OWN: "viewer", RENDER: "viewer", MODULE: "ext"}


def verdict(path: str, copy: str | None, *missing: str) -> Verdict:
    uses = (Used(NAME, path, copy, "runpath"),) if copy else ()
    return Verdict(path, uses=uses, missing=tuple(Missing(name, path, ()) for name in missing))


def judged(*needs: str, weak: bool = False, **verdicts: Verdict) -> Judge:
    """What ext needs of libstdc++; the viewer's own copy has 3.4.17."""
    definitions = [VersionDefinition(f"GLIBCXX_3.4.{n}", False, n) for n in range(18)]
    ext = [VersionNeed(NAME, version, weak, 2) for version in needs]
    readers = {
        OWN: SimpleNamespace(version_definitions=definitions),
        MODULE: SimpleNamespace(
            version_needs=[*ext, VersionNeed("libc.so.6", "GLIBC_9", False, 3)]
        ),
        RENDER: SimpleNamespace(version_needs=[]),
    }
    every = {
        RENDER: verdicts.get("render", verdict(RENDER, OWN)),
        MODULE: verdicts.get("module", verdict(MODULE, SYSTEM)),
    }
    return cast(Judge, SimpleNamespace(verdicts=every, elf=lambda path: readers.get(path)))


SILENT: dict[str, Any] = {
    "it has all that others need": judged("GLIBCXX_3.4.17"),
    "a weak need": judged("GLIBCXX_3.4.29", weak=True),
    "nothing loads it": judged("GLIBCXX_3.4.29", render=verdict(RENDER, SYSTEM)),
    "the other one takes the same": judged("GLIBCXX_3.4.29", module=verdict(MODULE, OWN)),
    "the other one uses none": judged("GLIBCXX_3.4.29", module=verdict(MODULE, None)),
    "the other one does not load anyway": judged(
        "GLIBCXX_3.4.29", module=verdict(MODULE, SYSTEM, "libx.so")
    ),
}


@pytest.mark.parametrize("case", SILENT)
def test_silent(case: str) -> None:
    assert old_cxx(SILENT[case], BELONGS) == []


def test_the_environments_own_copy_is_nobodys() -> None:
    assert old_cxx(judged("GLIBCXX_3.4.29"), {RENDER: "viewer", MODULE: "ext"}) == []


def test_firing() -> None:
    found = old_cxx(judged("GLIBCXX_3.4.17", "GLIBCXX_3.4.29"), BELONGS)
    assert found == [
        OldCxx(
            path=OWN,
            distribution="viewer",
            user="ext",
            library=MODULE,
            versions=["GLIBCXX_3.4.29"],
        )
    ]
