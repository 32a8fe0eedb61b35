"""A sample of the benchmark, as anybody would run it: the truth is true, gpufix says what was published."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from clinic import adapter, build, runner, truth
from clinic.adapter import Adapter
from clinic.case import Case, cases
from clinic.judge import judged

SAMPLE = """
aarch64-wheel-in-x86-64-environment  alternatives-of-which-one-loads  cstdint-through-two-headers
editable-built-for-older-python  extension-needs-newer-glibc  fatbin-sm75-alone-on-sm86
library-without-section-headers  modules-for-several-pythons-side-by-side  optional-module-guarded-by-try
runpath-without-its-dollar  soname-link-lost-in-wheel  stale-tagged-module-hides-abi3
truncated-library-kills-the-import  weak-symbols-without-definition
"""  # small ones: nothing is downloaded
GPUFIX = next(a for a in adapter.adapters() if a.name == "gpufix")
PUBLISHED = runner.records("gpufix")


@pytest.mark.some(4)
@pytest.mark.needs("uv", "Python 3.11")
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(c, marks=pytest.mark.needs(*c.recipe.needs), id=c.id)
        for c in cases(SAMPLE.split())
    ],
)
def test_as_published(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_CACHE", str(tmp_path))
    with build.patient(case) as patient:
        _, faults = truth.log(case, patient)
        assert faults == []
        place = Path(sys.prefix)  # gpufix as it is installed for these tests
        answer = adapter.asked(here(GPUFIX), place, case, patient, limit=120)
        assert answer
        said = runner.Said(exit=answer.exit, seconds=0, output=truth.plain(answer.output, patient))
    published = PUBLISHED[case.id]
    now = judged(GPUFIX, case, published.model_copy(update={"said": said}))
    assert now.mark == judged(GPUFIX, case, published).mark, now.alarms


def here(tool: Adapter) -> Adapter:
    """The adapter, asking the gpufix that the tests test."""
    return tool.model_copy(update={"source": ""})
