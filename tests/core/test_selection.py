"""--select and --ignore."""

from __future__ import annotations

import pytest

from gpufix.checks.judge import Selection, UnknownCode
from gpufix.checks.registry import Rule

RULES = [
    Rule(code, name, lambda view: [], "page")
    for code, name in [("GPU101", "torch-lacks-target"), ("GPU102", "jit"), ("WHL501", "mixed")]
]


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        ((), (), ["GPU101", "GPU102", "WHL501"]),
        (("GPU",), (), ["GPU101", "GPU102"]),
        (("gpu1",), ("GPU102",), ["GPU101"]),
        ((), ("WHL5",), ["GPU101", "GPU102"]),
        (("torch-lacks-target",), (), ["GPU101"]),
        (("WHL", "GPU101"), (), ["GPU101", "WHL501"]),
    ],
)
def test_apply(select: tuple[str, ...], ignore: tuple[str, ...], expected: list[str]) -> None:
    assert [r.code for r in Selection(select, ignore).apply(RULES)] == expected


@pytest.mark.parametrize("selector", ["XYZ", "GPU103", "", " ", "gpu-mystery"])
def test_a_selector_that_matches_nothing_is_an_error(selector: str) -> None:
    with pytest.raises(UnknownCode):
        Selection(select=(selector,)).apply(RULES)


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(UnknownCode, match="did you mean GPU101"):
        Selection(ignore=("GPU1O1",)).apply(RULES)
