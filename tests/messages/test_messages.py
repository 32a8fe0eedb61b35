"""Error texts met in the wild, measured: right, wrong and not recognised, by family."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from gpufix.checks.registry import builtin_rules
from gpufix.explain.read import explain

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
OUTCOMES = ("right", "wrong", "not recognised")
UNSEEN = (
    "set_aside",
    "final",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh_aside",
    "eighth_aside",
    "ninth_aside",
    "twelfth_learnt_runtime",
    "thirteenth_learnt_runtime",
)  # not looked at before their first measurement

LEARNT = (
    "seen",
    "twelfth_learnt_builds",
    "thirteenth_learnt_builds",
    "fourteenth_learnt_imports",
    "fifteenth_learnt_names",
    "fourteenth_learnt_builds",
    "fifteenth_learnt_builds",
    "fifteenth_learnt_runtime",
    "sources_learnt",
)  # what rows were written from

PLANNED = {"ABI306", "TCH214"}  # codes that labels name and the catalogue does not have


@dataclass(frozen=True)
class Text:
    id: str
    family: str
    rule: str
    text: str
    source: str
    also: tuple[str, ...] = ()
    note: str = ""
    remedy: str = ""  # what helped, as the thread says
    must: tuple[
        str, ...
    ] = ()  # what the advice has to name, as expressions without case: all of them
    project: str = ""
    year: int = 0

    @property
    def accepted(self) -> set[str]:
        return {self.rule, *self.also}


def texts(name: str) -> list[Text]:
    rows = tomllib.loads((HERE / f"{name}.toml").read_text("utf-8"))["message"]
    lists = ("also", "must")
    return [Text(**{**row, **{key: tuple(row.get(key, ())) for key in lists}}) for row in rows]


def claimed(text: Text) -> str:
    """The rule that is named as the cause, or "none"."""
    answer, _ = explain([text.text.encode()])
    return (answer.primary.rule if answer.primary else None) or "none"


def outcome(text: Text, rule: str) -> str:
    if rule in text.accepted:
        return "right"
    return "not recognised" if rule == "none" else "wrong"


def measured(name: str) -> tuple[dict[str, Counter[str]], list[str]]:
    """Outcomes by family, and a line for each text that did not come out right."""
    families: dict[str, Counter[str]] = {}
    missed = []
    for text in texts(name):
        rule = claimed(text)
        came = outcome(text, rule)
        families.setdefault(text.family, Counter())[came] += 1
        if came != "right":
            missed.append(f"{text.id}: {came}, {rule} for {'/'.join(sorted(text.accepted))}")
    return families, missed


def table(name: str, families: dict[str, Counter[str]], missed: list[str]) -> str:
    total: Counter[str] = sum(families.values(), Counter())
    rows = [(f, c) for f, c in sorted(families.items())] + [("all", total)]
    lines = [f"{f:18}" + "".join(f"{c[o]:>16}" for o in OUTCOMES) for f, c in rows]
    head = f"{name:18}" + "".join(f"{o:>16}" for o in OUTCOMES)
    return "\n".join(["", head, *lines, *missed])


def shares(families: dict[str, Counter[str]]) -> dict[str, float]:
    total: Counter[str] = sum(families.values(), Counter())
    return {o: total[o] / total.total() for o in OUTCOMES}


@pytest.mark.parametrize("name", LEARNT)
def test_every_text_the_patterns_were_written_against_comes_out_right(name: str) -> None:
    families, missed = measured(name)
    print(table(name, families, missed))
    assert not missed, "\n".join(missed)


@pytest.mark.parametrize("name", UNSEEN)
def test_texts_not_looked_at_come_out_right(name: str) -> None:
    families, missed = measured(name)
    shown = table(name, families, missed)
    print(shown)
    assert shares(families)["right"] >= 0.90, shown
    assert shares(families)["wrong"] <= 0.02, shown


def test_the_texts_are_sound() -> None:
    known = {rule.code for rule in builtin_rules()} | {"none", *PLANNED}
    everything = [t for name in (*LEARNT, *UNSEEN) for t in texts(name)]
    # From the seventh on only the threads are others': some of their texts are one bare message.
    chosen = [t for name in ("seen", *UNSEEN) if "h_aside" not in name for t in texts(name)]
    assert len({t.id for t in chosen}) == len(chosen)
    assert len({" ".join(t.text.split()) for t in chosen}) == len(chosen)
    for t in everything:
        assert t.accepted <= known, t.id
        assert t.rule not in t.also, t.id
        assert t.source.startswith(("https://", "run")), t.id
        assert t.id.startswith(f"{t.family}-"), t.id
        assert len(t.text.strip().splitlines()) <= 25, t.id


@pytest.mark.parametrize("name", ["fifth", "sixth"])
def test_each_text_of_a_late_batch_says_what_helped_and_has_a_verdict(name: str) -> None:
    batch = texts(name)
    assert all(t.remedy and "/" in t.project and 2024 <= t.year <= 2026 for t in batch)
    lines = (HERE / f"{name}_remedies.tsv").read_text("utf-8").splitlines()
    verdicts = {row[0]: row[1:] for row in (line.split("\t") for line in lines[1:])}
    assert verdicts.keys() == {t.id for t in batch}
    assert {v for row in verdicts.values() for v in row} <= {"yes", "no", "-"}


def test_an_unknown_text_names_no_rule() -> None:
    text = Text("x", "x", "none", "The quick brown fox jumps over the lazy dog.", "")
    assert claimed(text) == "none"


def named(text: Text) -> bool:
    """The cause is right, and the advice holds all that the label wants in it."""
    answer, _ = explain([text.text.encode()])
    do = (answer.primary.do or "") if answer.primary else ""
    return claimed(text) in text.accepted and all(
        re.search(one, do, re.I | re.S) for one in text.must
    )


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("seventh_aside", 10),
        ("eighth_aside", 14),
        ("ninth_aside", 12),
        ("twelfth_learnt_builds", 1),
        ("twelfth_learnt_runtime", 2),
        ("thirteenth_learnt_runtime", 2),
        ("fourteenth_learnt_builds", 0),
        ("fifteenth_learnt_builds", 2),
        ("fifteenth_learnt_runtime", 0),
    ],
)
def test_the_advice_on_a_late_batch_names_what_helped(name: str, most: int) -> None:
    batch = texts(name)
    missed = [t.id for t in batch if not named(t)]
    assert all(t.must for t in batch)
    assert len(missed) <= most, "\n".join(missed)


@pytest.mark.parametrize(
    "name", ["seventh_aside", "eighth_aside", "ninth_aside", "tenth_aside", "eleventh_aside"]
)
def test_a_batch_that_was_set_aside_has_an_outcome_for_each_text(name: str) -> None:
    lines = (HERE / f"{name}_measured.tsv").read_text("utf-8").splitlines()
    assert {line.split("\t")[0] for line in lines[1:]} == {t.id for t in texts(name)}
