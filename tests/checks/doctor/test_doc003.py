"""DOC003: a fix that crashes, or returns what is no plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import builders as b
from rows import Fires, rows

from gpufix.checks.doctor.doc003_fix_crashed import DOC003
from gpufix.checks.registry import ERROR, Fault
from gpufix.evidence.view import View
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import Fix
from gpufix.model import Advise, Evidence, Finding, Plan, Skip

FILE = "company_fixes.py"
TRACE = "Traceback (most recent call last):"
CODES = tuple(f"ABC10{n}" for n in range(9))
PLAN = "Plan(fix='f', codes=['ABC101'], title='t', safety='safe', steps=[Advise(text='t')])"
Given = tuple[list[Fix], Sequence[Finding]]


def of(*bodies: str, asked: Sequence[str] = ("ABC101 x",)) -> Given:
    """Fixes tidy-1, tidy-2 … of a plugin, and what they are asked about: "code subject"."""
    fixes = [Fix(f"tidy-{n}", CODES, planner(body), "") for n, body in enumerate(bodies, 1)]
    pairs = [text.split() for text in asked]
    return fixes, [
        Finding(code=c, name="n", severity=ERROR, subject=s, message="m") for c, s in pairs
    ]


def planner(body: str) -> Callable[[Finding, View], Plan | Skip | None]:
    names: dict[str, object] = {"Plan": Plan, "Skip": Skip, "Advise": Advise, "replace": replace}
    names["__name__"] = "company_fixes"
    source = "def plan(finding, view):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    exec(compile(source, FILE, "exec"), names)  # a frame of known file and line
    made = names["plan"]
    assert callable(made)
    return made


def planned(given: Given) -> list[Finding]:
    """Without gpufix's own frames, whose lines change."""
    asker, own = Planner(given[0], b.view(b.healthy())), ('  File "/', "    ")
    for finding in given[1]:
        asker.offers(finding)
    return [
        replace(f, evidence=[e for e in f.evidence if not e.text.startswith(own)])
        for f in asker.crashed()
    ]


def fault(
    message: str,
    ways: Sequence[tuple[str, int]],
    asked: Sequence[str],
    *trace: str,
    fix: str = "tidy-1",
) -> Fault:
    return Fault(
        ERROR,
        fix,
        f"The fix {fix} (company_fixes) crashed while planning for {message}",
        evidence=(
            *(Evidence(text=reason, path=FILE, line=line) for reason, line in ways),
            *asked,
            TRACE,
            *trace,
        ),
    )


def frame(line: int) -> str:
    return f'  File "{FILE}", line {line}, in plan'


def plan_of(count: int) -> list[str]:
    return [f"planning for ABC101 x{n}" for n in range(count)]


BOOM = "ValueError('boom')"
ARGUMENTS = "TypeError('len() takes exactly one argument (2 given)')"
SILENT = {
    "no fix": of(),
    "a plan": of(f"return {PLAN}"),
    "a skip": of("return Skip(fix='f', code='ABC101', subject='x', reason='no drawer')"),
    "nothing": of("return None"),
    "not asked": of("raise ValueError", asked=["XYZ101 x"]),
}

FIRING = {
    "an exception": Fires(
        of(f"view.facts\nraise {BOOM}"),
        fault(
            f"ABC101 (x): {BOOM} at {FILE}:3. It offers no plan for it.",
            [(BOOM, 3)],
            ["planning for ABC101 x"],
            frame(3),
            BOOM,
        ),
    ),
    "what is no plan": Fires(
        of("return 'tidy up'"),
        fault(
            "ABC101 (x): TypeError('it returned a str, not a Plan, a Skip or None') at "
            f"{FILE}:1. It offers no plan for it.",
            [("TypeError('it returned a str, not a Plan, a Skip or None')", 1)],
            ["planning for ABC101 x"],
            "TypeError('it returned a str, not a Plan, a Skip or None')",
        ),
    ),
    "several findings of a rule, one of another": Fires(
        of(f"raise {BOOM}", asked=["ABC101 x", "ABC101 y", "ABC102 z"]),
        fault(
            f"ABC101 (2 findings), ABC102 (z): {BOOM} at {FILE}:2. It offers no plan for them.",
            [(BOOM, 2)],
            ["planning for ABC101 x", "planning for ABC101 y", "planning for ABC102 z"],
            frame(2),
            BOOM,
        ),
    ),
    "two ways": Fires(
        of("raise ValueError(finding.subject)", asked=["ABC101 x", "ABC101 y", "ABC101 x"]),
        fault(
            f"ABC101 (3 findings): ValueError('x') at {FILE}:2 (and in 1 other way). It offers no "
            "plan for them.",
            [("ValueError('x')", 2), ("ValueError('y')", 2)],
            ["planning for ABC101 x", "planning for ABC101 y", "planning for ABC101 x"],
            frame(2),
            "ValueError('x')",
        ),
    ),
    "one exception in three places": Fires(
        of(
            "".join(f"if finding.subject == '{s}':\n    raise {BOOM}\n" for s in "xyz"),
            asked=["ABC101 x", "ABC101 y", "ABC101 z"],
        ),
        fault(
            f"ABC101 (3 findings): {BOOM} at {FILE}:3 (and in 2 other ways). It offers no plan for "
            "them.",
            [(BOOM, 3), (BOOM, 5), (BOOM, 7)],
            ["planning for ABC101 x", "planning for ABC101 y", "planning for ABC101 z"],
            frame(3),
            BOOM,
        ),
    ),
    "five ways and ten findings are shown whole": Fires(
        of(
            "raise ValueError(int(finding.subject[1]) // 2)",
            asked=[f"ABC101 x{n}" for n in range(10)],
        ),
        fault(
            f"ABC101 (10 findings): ValueError(0) at {FILE}:2 (and in 4 other ways). It offers no plan "
            "for them.",
            [(f"ValueError({n})", 2) for n in range(5)],
            plan_of(10),
            frame(2),
            "ValueError(0)",
        ),
    ),
    "more are counted": Fires(
        of("raise ValueError(finding.subject)", asked=[f"ABC101 x{n}" for n in range(12)]),
        fault(
            f"ABC101 (12 findings): ValueError('x0') at {FILE}:2 (and in 11 other ways). It offers no "
            "plan for them.",
            [(f"ValueError('x{n}')", 2) for n in range(5)],
            [*plan_of(10), "… and for 2 more"],
            frame(2),
            "ValueError('x0')",
        ),
    ),
    "five rules are named": Fires(
        of(f"raise {BOOM}", asked=[f"{code} x" for code in CODES[:5]]),
        fault(
            f"{', '.join(f'{code} (x)' for code in CODES[:5])}: {BOOM} at {FILE}:2. It offers no plan "
            "for them.",
            [(BOOM, 2)],
            [f"planning for {code} x" for code in CODES[:5]],
            frame(2),
            BOOM,
        ),
    ),
    "more rules are counted": Fires(
        of(f"raise {BOOM}", asked=[f"{code} x" for code in CODES[:7]]),
        fault(
            f"{', '.join(f'{code} (x)' for code in CODES[:5])} and 2 more rules: {BOOM} at {FILE}:2. "
            "It offers no plan for them.",
            [(BOOM, 2)],
            [f"planning for {code} x" for code in CODES[:7]],
            frame(2),
            BOOM,
        ),
    ),
    "no place in any file is known": Fires(
        ([Fix("tidy-1", CODES, len, "")], of(asked=["ABC101 x"])[1]),  # type: ignore[arg-type]
        Fault(
            ERROR,
            "tidy-1",
            f"The fix tidy-1 (builtins) crashed while planning for ABC101 (x): {ARGUMENTS}. It offers "
            "no plan for it.",
            evidence=(ARGUMENTS, "planning for ABC101 x", TRACE, ARGUMENTS),
        ),
    ),
    "two fixes, one of them well": Fires(
        of(f"raise {BOOM}", f"return {PLAN}", "raise KeyError"),
        [
            fault(
                f"ABC101 (x): {BOOM} at {FILE}:2. It offers no plan for it.",
                [(BOOM, 2)],
                ["planning for ABC101 x"],
                frame(2),
                BOOM,
            ),
            fault(
                f"ABC101 (x): KeyError() at {FILE}:2. It offers no plan for it.",
                [("KeyError()", 2)],
                ["planning for ABC101 x"],
                frame(2),
                "KeyError()",
                fix="tidy-3",
            ),
        ],
    ),
}

test_silent, test_firing = rows((DOC003, planned), SILENT, FIRING)
