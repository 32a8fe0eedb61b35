"""Answers are untrusted: whatever one holds, it is a row, and the others are compared."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from answers import BASE, alike, driver, made, node

from gpufix.fleet.inputs import Reading, of_json
from gpufix.fleet.report import FleetRequest
from gpufix.report.fleet import acting, page, prometheus, table
from gpufix.report.fleet import json as as_json

VALUES: tuple[Any, ...] = (
    None, True, -1, 10**400, 1e308, float("nan"), "", "\ud800", "\x1b[31m\n", [], {}, [[]], {"a": {}},
    [None], ["x"], "x" * 5000,
)  # fmt: skip


def places(value: Any) -> list[tuple[Any, ...]]:
    """The ways to all values in a tree."""
    found: list[tuple[Any, ...]] = [()]
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in inner:
        found += [(key, *rest) for rest in places(item)]
    return found


def changed(rng: random.Random) -> dict[str, Any]:
    data = copy.deepcopy(BASE)
    for _ in range(rng.randint(1, 3)):
        *way, last = rng.choice(places(data)[1:])
        at: Any = data
        for key in way:
            at = at[key]
        at[last] = copy.deepcopy(rng.choice(VALUES))
    return data


@pytest.mark.some(8)
@pytest.mark.parametrize("seed", range(25))
def test_no_answer_breaks_the_report(seed: int) -> None:
    rng = random.Random(seed)
    bad = [
        of_json({"gpufix_fleet": 1, "gpufix": "1", "node": f"bad{n}", "facts": changed(rng)}, "x")
        for n in range(6)
    ]
    found = made(*alike(8), node("odd", driver("1")), *bad)
    assert len(found.nodes) == 15
    assert [n.name for n in found.nodes if n.name.startswith("node") and n.odd] == []
    for text in (
        table.lines(found).plain(), as_json.render(found), page.render(found), prometheus.render(found),
        acting.drain(found), acting.exclude(found), acting.kubernetes(found),
    ):  # fmt: skip
        text.encode()
        assert "\x1b" not in text


@pytest.mark.parametrize(
    "name", ["a\x1b[31m", "\ud800", "a,b[1-9]", "x\ny", "$(reboot)", "n" * 9000, ""]
)
def test_no_name_breaks_it(name: str) -> None:
    found = made(*alike(3), Reading(name, problem="dead"))
    for text in (
        acting.drain(found),
        acting.exclude(found),
        acting.kubernetes(found),
        prometheus.render(found),
    ):
        text.encode()
        assert "\x1b" not in text and "`" not in text
    assert "\n" not in acting.exclude(found).rstrip("\n")


def test_no_reference() -> None:
    from gpufix.fleet.report import NoReference

    with pytest.raises(NoReference):
        made(*alike(2), request=FleetRequest(reference=Reading("x", facts={"host": []})))
