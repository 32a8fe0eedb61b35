"""Names of nodes in ranges."""

from __future__ import annotations

import pytest

from gpufix.fleet.ranges import BadRange, expand, fold

FOLDED = {
    "none": ([], ""),
    "one": (["node7"], "node7"),
    "a run and one apart": ([f"node{n:02d}" for n in (1, 2, 3, 8)], "node[01-03,08]"),
    "two are a run": (["n1", "n2"], "n[1-2]"),
    "widths are kept apart": (["n9", "n10", "n09"], "n[9,09-10]"),
    "the number that varies": (["rack2-n1.local", "rack2-n2.local"], "rack2-n[1-2].local"),
    "the rack varies": (["r1-n5", "r2-n5"], "r[1-2]-n5"),
    "addresses": (["10.0.0.2", "10.0.0.1"], "10.0.0.[1-2]"),
    "no numbers": (["b", "a"], "a,b"),
    "another family": (["gpu1", "gpu2", "cpu1"], "cpu1,gpu[1-2]"),
    "twice the same": (["n1", "n1"], "n1"),
    "long digits are names": (
        ["job-12345678901", "job-12345678902"],
        "job-12345678901,job-12345678902",
    ),
}


@pytest.mark.parametrize("case", FOLDED)
def test_folded(case: str) -> None:
    names, text = FOLDED[case]
    assert fold(names) == text
    if text:
        assert sorted(expand(text)) == sorted(set(names))


EXPANDED = {
    "a list": ("a,b", ["a", "b"]),
    "a range with zeros": ("node[08-11]", ["node08", "node09", "node10", "node11"]),
    "two brackets": ("r[1-2]n[3,5]", ["r1n3", "r1n5", "r2n3", "r2n5"]),
    "users and ports of ssh": ("me@h[1-2]", ["me@h1", "me@h2"]),
    "blanks around": (" a , b ", ["a", "b"]),
    "each once": ("a,a", ["a"]),
}


@pytest.mark.parametrize("case", EXPANDED)
def test_expanded(case: str) -> None:
    text, names = EXPANDED[case]
    assert expand(text) == names


@pytest.mark.parametrize("text", ["", ",", "n[1", "n1]", "n[a-b]", "n[3-1]", "n[1-999999]", "n[]"])
def test_no_range(text: str) -> None:
    with pytest.raises(BadRange):
        expand(text)
