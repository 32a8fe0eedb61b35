"""A distribution that was installed from a wheel on this machine is installed from it again."""

from __future__ import annotations

from typing import Any

import builders as b
import pytest

from gpufix.checks.wheels.whl503_files_missing import files_missing
from gpufix.evidence.requirements import objections
from gpufix.fixes.pins import own_wheel
from gpufix.fixes.wheels.reinstall_distribution import reinstall_distribution
from gpufix.model import Install, Plan, Record, Skip

WHEEL = "file:///wheels/a%20b/ext_one-1.2.0-py3-none-any.whl"
OWN: dict[str, tuple[dict[str, Any], bool]] = {
    "a wheel of it": ({"direct_url": WHEEL}, True),
    "an index": ({}, False),
    "a wheel that is gone": ({"direct_url": WHEEL, "gone": True}, False),
    "another version's": ({"direct_url": WHEEL, "version": "1.3"}, False),
    "another's": ({"direct_url": WHEEL.replace("ext_one", "two")}, False),
    "a folder": ({"direct_url": "file:///src/ext_one"}, False),
    "the net": ({"direct_url": f"https://x/{WHEEL.rpartition('/')[2]}"}, False),
    "conda": ({"direct_url": WHEEL, "source": "conda"}, False),
}


@pytest.mark.parametrize("case", OWN)
def test_what_it_is_installed_from_again(case: str) -> None:
    changes, again = OWN[case]
    dist = b.dist("ext-one", **({"version": "1.2"} | changes))
    assert own_wheel(dist) == (WHEEL if again else None)


def damaged(**changes: Any) -> Plan | Skip | None:
    record = Record(files=2, missing=["ext/a.py"], missing_count=1)
    dist = b.dist("ext-one", "1.2", direct_url=WHEEL, record=record, **changes)
    view = b.view(b.healthy(distributions=[*b.healthy().distributions, dist]))
    (finding,) = b.run(files_missing, view.facts)
    return reinstall_distribution(finding, view)


def test_it_is_planned_and_allowed() -> None:
    found = damaged()
    assert isinstance(found, Plan) and found.safety == "safe"
    step = Install(install=[f"ext-one @ {WHEEL}"], reinstall=True)
    assert found.steps == [step]
    here = b.facts(distributions=[b.dist("ext-one", "1.2", direct_url=WHEEL)])
    assert not list(objections(step, here))
    assert list(objections(step, b.facts(distributions=[b.dist("ext-one", "1.2")])))
    assert list(objections(step, b.facts(distributions=[b.dist("other", direct_url=WHEEL)])))


def test_without_the_file_the_reason_is_said() -> None:
    found = damaged(gone=True)
    assert isinstance(found, Skip) and "not from an index" in found.reason
