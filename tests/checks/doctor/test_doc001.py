"""DOC001: a check that crashes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from textwrap import dedent

import builders as b
import pytest
from rows import Fires, rows

from gpufix.checks.doctor.doc001_check_crashed import DOC001
from gpufix.checks.judge import judge
from gpufix.checks.registry import ERROR, Fault, Rule
from gpufix.evidence.view import View
from gpufix.model import Finding
from gpufix.model.base import Invalid, from_json

TRACE = "Traceback (most recent call last):"
FILE = "company_rules.py"
FRAME = f'  File "{FILE}", line {{}}, in check'


def of(*bodies: str, origin: str = "company_rules", **sections: object) -> tuple[View, list[Rule]]:
    """Rules ABC101, ABC102 … of a plugin, whose checks have these bodies."""
    rules = [
        Rule(f"ABC10{n}", "n", check(body), "A page.", origin) for n, body in enumerate(bodies, 1)
    ]
    return b.view(b.healthy(**sections)), rules


def check(body: str) -> Callable[[View], Iterable[Fault]]:
    source = "def check(view):\n" + "".join(f"    {line}\n" for line in dedent(body).splitlines())
    names: dict[str, object] = {"Fault": Fault, "ERROR": ERROR}
    exec(compile(source, FILE, "exec"), names)  # a frame of known file and line
    made = names["check"]
    assert callable(made)
    return made


def judged(given: tuple[View, list[Rule]]) -> list[Finding]:
    return [shortened(f) for f in judge(*given) if f.code == "DOC001"]


def shortened(found: Finding) -> Finding:
    """Without gpufix's own frames, whose lines change."""
    own = ('  File "/', "    ")
    return replace(found, evidence=[e for e in found.evidence if not e.text.startswith(own)])


def fault(code: str, error: str, *trace: str, origin: str = "company_rules") -> Fault:
    message = (
        f"The check of {code} ({origin}) crashed: {error}. What it looks for has not been judged."
    )
    return Fault(ERROR, code, message, (TRACE, *trace, error))


def no_severity(given: str) -> Invalid:
    """In pydantic's words, which vary with its release."""
    with pytest.raises(Invalid) as refused:
        from_json(
            Finding, {"severity": given, "code": "", "name": "", "subject": "", "message": ""}
        )
    return refused.value


SILENT = {
    "no rule": of(),
    "finds nothing": of("return []"),
    "finds something": of("yield Fault(ERROR, 's', 'm')"),
    "an exception that it catches": of("try: 1 / 0\nexcept ZeroDivisionError: return []"),
}

FIRING = {
    "a plugin's": Fires(
        of("return []", "view.facts\nraise KeyError('cuda')"),
        fault("ABC102", "KeyError('cuda')", FRAME.format(3)),
    ),
    "gpufix's own": Fires(
        of("raise KeyError('cuda')", origin="gpufix"),
        fault("ABC101", "KeyError('cuda')", FRAME.format(2), origin="gpufix"),
    ),
    "after what it has found": Fires(
        of("yield Fault(ERROR, 's', 'm')\nraise ValueError"),
        fault("ABC101", "ValueError()", FRAME.format(3)),
    ),
    "each for itself": Fires(
        of("raise ValueError(1)", "return []", "raise ValueError(2)"),
        [
            fault("ABC101", "ValueError(1)", FRAME.format(2)),
            fault("ABC103", "ValueError(2)", FRAME.format(2)),
        ],
    ),
    "no iterable": Fires(
        of("return 5"), fault("ABC101", "TypeError(\"'int' object is not iterable\")")
    ),
    "a message of several lines": Fires(
        of("raise ValueError('a\\nb')"), fault("ABC101", r"ValueError('a\nb')", FRAME.format(2))
    ),
    "no fault": Fires(
        of("yield Fault('fatal', 's', 'm')"),
        fault("ABC101", repr(no_severity("fatal"))),
    ),
}

test_silent, test_firing = rows((DOC001, judged), SILENT, FIRING)
