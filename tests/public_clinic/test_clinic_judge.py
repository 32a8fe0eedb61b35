"""What an answer is worth: named, silent, a false alarm."""

from __future__ import annotations

from typing import Any

import pytest
from made_up import case, record, tool

from clinic.case import Kind
from clinic.judge import Judged, Score, Share, judged

HEALTHY: dict[str, Any] = {"healthy": True}
TREE: dict[str, Any] = {
    "kind": "tree",
    "cause": {"name": "arch-hard-coded", "also": ["library-missing"], "files": ["ext/setup.py"]},
    "remedy": None,
}
SHADOWED = {"name": "library-shadowed", "also": ["library-missing"]}
JSON = {"format": "json", "items": ["findings"], "alarm": '"level": "error"'}


@pytest.mark.parametrize(
    ("given", "reading", "output", "mark"),
    [
        pytest.param(HEALTHY, {}, "", ".", id="healthy and silent"),
        pytest.param(
            HEALTHY, {}, "WARNING: cannot open libfoo.so", ".", id="a warning is no alarm"
        ),
        pytest.param(HEALTHY, {}, "all is well, no ERROR", ".", id="the word only is no alarm"),
        pytest.param(HEALTHY, {"machine": ["no GPU"]}, "ERROR: no GPU", ".", id="of the machine"),
        pytest.param(HEALTHY, {}, None, " ", id="no answer"),
        pytest.param(HEALTHY, {}, "ERROR: something", "F", id="a false alarm"),
        pytest.param({}, {}, "", "-", id="broken and silent"),
        pytest.param({}, {}, None, " ", id="broken, no answer"),
        pytest.param({}, {}, "ERROR: cannot open libbar.so", "-", id="another subject"),
        pytest.param({}, {}, "ERROR: cannot open it\nERROR: libfoo.so", "-", id="in another block"),
        pytest.param({}, {}, "ERROR: a requires libfoo.so", "-", id="another cause"),
        pytest.param({}, {}, "note: cannot open libfoo.so", "-", id="neither alarm nor warning"),
        pytest.param({}, {}, "ERROR: cannot open LIBFOO.so", "N", id="named"),
        pytest.param({}, {}, "WARNING: cannot open libfoo.so", "N", id="named by a warning"),
        pytest.param(
            {"cause": SHADOWED}, {}, "ERROR: cannot open x", "N", id="another name for it"
        ),
        pytest.param(
            {}, {"block": "---"}, "ERROR: cannot open\nlibfoo.so --- x", "N", id="longer blocks"
        ),
        pytest.param(TREE, {}, "ERROR: cannot open in setup.py:3", "N", id="a file by its name"),
        pytest.param(TREE, {}, "ERROR: cannot open in mysetup.py", "-", id="another file's name"),
        pytest.param(TREE, {}, "ERROR: cannot open", "-", id="no file"),
        pytest.param(
            {},
            JSON,
            'note\n{"findings": [{"code": "SYM402", "level": "error", "what": "libfoo.so"}]}',
            "N",
            id="json",
        ),
        pytest.param({}, JSON, '{"findings": []}', "-", id="json, nothing found"),
        pytest.param(HEALTHY, JSON, '{"findings": [{"level": "error"}]}', "F", id="json, an alarm"),
        pytest.param(
            HEALTHY, JSON, '{"notes": [{"level": "error"}]}', ".", id="json, another list"
        ),
    ],
)
def test_marks(given: dict[str, Any], reading: dict[str, Any], output: str, mark: str) -> None:
    assert judged(tool(**reading), case(**given), record(output)).mark == mark


@pytest.mark.parametrize(
    ("output", "wrong"),
    [
        ("ERROR: a requires b", ["version-conflict"]),
        ("WARNING: a requires b", []),
        ("ERROR: cannot open libfoo.so", []),
    ],
)
def test_what_must_not_be_said(output: str, wrong: list[str]) -> None:
    given = case(never={"causes": ["version-conflict"]})
    assert judged(tool(), given, record(output)).wrong == wrong


def row(output: str | None, *, healthy: bool = False, **more: Any) -> Judged:
    return judged(tool(), case(healthy=healthy), record(output, **more))


def test_shares_leave_out_what_has_no_answer() -> None:
    named, silent = row("ERROR: cannot open libfoo.so"), row("")
    score = Score(
        tool(), [named, silent, row(None), row("x", failed="no wheel"), row("ERROR", healthy=True)]
    )
    assert (score.named(Kind.environment).hits, score.named(Kind.environment).of) == (1, 2)
    assert (score.false_alarms(Kind.environment).hits, score.false_alarms(Kind.environment).of) == (
        1,
        1,
    )
    assert score.named(Kind.tree).of == 0


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [  # Newcombe (1998), table I, method 3 (doi:10.1002/(SICI)1097-0258(19980430)17:8<857)
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals(hits: int, of: int, low: float, high: float) -> None:
    assert Share(hits, of).interval == pytest.approx((low, high), abs=5e-5)


def test_nothing_of_nothing() -> None:
    assert str(Share(0, 0)) == "–"
