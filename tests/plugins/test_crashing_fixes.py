"""A fix that raises, or returns what is no plan, is one finding; everything else goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from distribution import put_on_path, source

from gpufix.diagnosis.diagnose import Request, diagnose
from gpufix.engine.run.propose import FixRequest, Proposed, propose
from gpufix.model import Diagnosis, Facts, Finding, Host, Severity

FACTS = Facts(host=Host(os="Linux", kernel="6", machine="x86_64"))
Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts the plugin on sys.path; returns its module's path."""

    def put(body: str, count: int = 1, codes: str = "ZZZ101") -> Path:
        put_on_path(tmp_path, source(body, count, codes))
        monkeypatch.syspath_prepend(str(tmp_path))
        return tmp_path / "tidy.py"

    yield put
    sys.modules.pop("tidy", None)


def doctor() -> Diagnosis:
    return diagnose(FACTS, Request())


def proposed() -> Proposed:
    return propose(FACTS, None, FixRequest(Request()))


def crashed(findings: list[Finding]) -> list[Finding]:
    return [f for f in findings if f.code == "DOC003"]


HEALTHY = {
    "a plan": ("return plan(finding)", ["tidy up"]),
    "a skip": ("return Skip(fix='tidy-up', code='ZZZ101', subject='x', reason='no drawer')", []),
    "nothing": ("return None", []),
    "no return": ("pass", []),
    "its own payload": ("return plan(finding, title=finding.payload_as(Untidy).how)", ["tidy up"]),
    "latin-1": (
        "return plan(finding, steps=[WriteFile(path='/a', content='é', encoding='latin-1')])",
        ["tidy up"],
    ),
    "a file mode": (
        "return plan(finding, steps=[WriteFile(path='/a', content='', mode=0o7755)])",
        ["tidy up"],
    ),
    "a caught exception": ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass", []),
}


@pytest.mark.parametrize("case", HEALTHY)
def test_a_healthy_fix_of_a_third_party_is_no_finding(case: str, install: Install) -> None:
    body, titles = HEALTHY[case]
    install(body)
    for findings in (doctor().findings, proposed().failures):
        assert crashed(findings) == []
    (found,) = doctor().findings
    assert [f.title for f in found.fixes] == titles
    assert [p.title for p in proposed().choice.plans] == titles


# body → what the message says of it
CRASHING = {
    "an exception": ("raise ValueError('boom')", "ValueError('boom')"),
    "an assertion": ("assert finding.subject == 'x'", "AssertionError()"),
    "in a library": ("import json\njson.loads('{')", "JSONDecodeError"),
    "endless recursion": ("return tidy_up(finding, view)", "RecursionError"),
    "out of memory": ("raise MemoryError", "MemoryError()"),
    "not implemented": ("raise NotImplementedError", "NotImplementedError()"),
    "a repr that crashes": (
        "class Odd(Exception):\n    def __repr__(self):\n        raise RuntimeError\nraise Odd",
        "Odd, whose repr crashes",
    ),
    "what cannot be encoded": (
        "class Odd(Exception):\n    def __repr__(self):\n        return '\\udcff'\nraise Odd",
        r"\udcff",
    ),
    "a very long message": ("raise ValueError('x' * 1_000_000)", "xxx…"),
    "a word": ("return 'tidy up'", "it returned a str, not a Plan, a Skip or None"),
    "plans": ("return [plan(finding)]", "it returned a list"),
    "a generator": ("yield plan(finding)", "it returned a generator"),
    "a class": ("return Plan", "it returned a type"),
    "a plan that cannot be made": ("return plan(finding, safety='perhaps')", "safety: Input"),
    "a safety past the model": (
        "return replace(plan(finding), safety='perhaps')",
        "its Plan is not valid: safety:",
    ),
    "a step past the model": (
        "return replace(plan(finding), steps=['rm -rf /'])",
        "its Plan is not valid: steps.0",
    ),
    "no steps at all": (
        "return Plan(fix='f', codes=[], title='t', safety='safe', steps=None)",
        "its Plan is not valid: steps:",
    ),
    "a payload of another kind": (
        "return plan(finding, title=finding.payload_as(StaleLock).path)",
        "TypeError('ZZZ101 hands over Untidy, not StaleLock')",
    ),
    "a field that no plan has": ("return plan(finding, why='x')", "TypeError"),
    "a finding past the model": (
        "return replace(plan(finding), finding=object())",
        "its Plan is not valid",
    ),
    "a fallback that is no name": (
        "return replace(plan(finding), fallback=5)",
        "its Plan is not valid: fallback:",
    ),
    "a skip past the model": (
        "return Skip(fix='f', code='c', subject='s', reason=None)",
        "its Skip is not valid: reason:",
    ),
    "an encoding that is none": (
        "return plan(finding, steps=[WriteFile(path='/a', content='', encoding='klingon')])",
        "unknown encoding: klingon",
    ),
    "text that the encoding has not": (
        "return plan(finding, steps=[WriteFile(path='/a', content='☃', encoding='ascii')])",
        "UnicodeEncodeError",
    ),
    "a mode that is none": (
        "return plan(finding, steps=[WriteFile(path='/a', content='', mode=1 << 70)])",
        "is no file mode",
    ),
    "a NUL": ("return plan(finding, steps=[Remove(path='/a\\0b')])", "holds a NUL"),
    "an index that is none": (
        "return plan(finding, steps=[Install(install=['a==1'], index='x; reboot')])",
        "is not the name of a torch index",
    ),
}  # fmt: skip


@pytest.mark.some(8)
@pytest.mark.parametrize("case", CRASHING)
def test_a_crashing_fix_is_one_finding(case: str, install: Install) -> None:
    body, said = CRASHING[case]
    path = install(body)
    diagnosis = doctor()
    assert [f.code for f in diagnosis.findings] == ["DOC003", "ZZZ101"]
    finding = diagnosis.findings[0]
    assert (finding.subject, finding.severity) == ("tidy-up", Severity.error)
    assert said in finding.message
    assert (
        "The fix tidy-up (tidy) crashed while planning for ZZZ101 (drawer 0): " in finding.message
    )
    assert f" at {path}:" in finding.message
    assert finding.evidence[0].path == str(path)
    assert len(finding.message) < 1000
    assert sum(len(e.text) for e in finding.evidence) < 8000
    assert diagnosis.summary.error == 1
    assert diagnosis.findings[1].fixes == []
    assert proposed().failures == [finding]
    assert proposed().choice.plans == proposed().choice.skips == []


def test_the_line_is_the_fixs_own(install: Install) -> None:
    """Not the library's that it called; where it begins, if it was never entered."""
    path = install("import json\njson.loads('{')")
    lines = path.read_text().splitlines()
    (finding,) = crashed(doctor().findings)
    assert finding.evidence[0].line == lines.index("    json.loads('{')") + 1
    path.write_text(path.read_text().replace("(finding, view)", "(finding)"))
    sys.modules.pop("tidy")
    (finding,) = crashed(doctor().findings)
    assert "TypeError" in finding.message
    assert finding.evidence[0].line == lines.index('@fix("tidy-up", "ZZZ101")') + 1


def test_the_line_is_the_innermost_of_the_fixs_file(install: Install) -> None:
    path = install("import json\ndef read(text):\n    json.loads(text)\nread('{')")
    (finding,) = crashed(doctor().findings)
    lines = path.read_text().splitlines()
    assert finding.evidence[0].line == lines.index("        json.loads(text)") + 1


def test_a_fix_need_not_be_a_function(install: Install) -> None:
    """An object that is called has no code of its own: the innermost line of all is shown."""
    path = install("pass")
    called = (
        "class Tidy:\n    def __call__(self, finding, view):\n        raise ValueError('boom')\n"
    )
    path.write_text(f"{path.read_text()}\n{called}\ntidy_up = fix('tidy-up', 'ZZZ101')(Tidy())\n")
    (finding,) = crashed(doctor().findings)
    lines = path.read_text().splitlines()
    assert finding.evidence[0].line == lines.index("        raise ValueError('boom')") + 1


def test_a_fix_that_has_no_line_of_its_own_is_shown_without_one(install: Install) -> None:
    path = install("pass")
    builtin = "\nfrom functools import partial\ntidy_up = fix('tidy-up', 'ZZZ101')(partial(int))\n"
    path.write_text(path.read_text() + builtin)
    (finding,) = crashed(doctor().findings)
    assert "TypeError" in finding.message
    assert " at /" not in finding.message and finding.evidence[0].path is None


def test_many_crashes_of_one_fix_are_counted(install: Install) -> None:
    install("raise ValueError('boom')", count=50)
    (finding,) = crashed(doctor().findings)
    assert "planning for ZZZ101 (50 findings): ValueError('boom')" in finding.message
    assert "other way" not in finding.message
    assert any(e.text == "… and for 40 more" for e in finding.evidence)
    assert len(finding.evidence) < 40


def test_a_fix_that_crashes_in_several_ways_says_so(install: Install) -> None:
    install("raise ValueError(finding.subject)", count=4)
    (finding,) = crashed(doctor().findings)
    assert "(and in 3 other ways)" in finding.message
    assert "ValueError('drawer 3')" in [e.text for e in finding.evidence]


def test_it_crashes_for_some_and_plans_for_others(install: Install) -> None:
    """What it planned well is kept."""
    install(
        "if finding.subject == 'drawer 1':\n    raise ValueError\nreturn plan(finding)", count=3
    )
    (finding,) = crashed(doctor().findings)
    assert "planning for ZZZ101 (drawer 1)" in finding.message
    assert [len(f.fixes) for f in doctor().findings] == [0, 1, 0, 1]
    assert [p.finding and p.finding.subject for p in proposed().choice.plans] == [
        "drawer 0",
        "drawer 2",
    ]


@pytest.mark.parametrize("name", ["KeyboardInterrupt", "SystemExit", "GeneratorExit"])
def test_what_is_no_error_passes(name: str, install: Install) -> None:
    """Ctrl-C ends the command while a fix plans."""
    install(f"raise {name}")
    for command in (doctor, proposed):
        with pytest.raises(BaseException) as raised:
            command()
        assert type(raised.value).__name__ == name


def test_a_plugin_that_does_not_load_is_told_by_both(install: Install) -> None:
    path = install("pass")
    path.write_text("import no_such_module\n")
    for findings in (proposed().failures, doctor().findings):  # as rules, and as fixes
        assert [f.code for f in findings] == ["DOC002", "DOC002"]
        assert {f.message.rpartition(". ")[2] for f in findings} == {
            "Its rules have not been run.",
            "Its fixes have not been asked.",
        }
