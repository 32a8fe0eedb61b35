"""DOC001."""

from __future__ import annotations

from gpufix.checks.registry import ERROR, Fault, Rule, page
from gpufix.model import Finding
from gpufix.text import clean

DOC001 = page(
    "DOC001",
    "check-crashed",
    """\
A check crashed: what it looks for has not been judged.

## What it does
Stands in the report for a rule, gpufix's own or a plugin's, whose check raised an exception. All
other rules are judged and reported.

## Why it matters
A check that says nothing looks like a healthy environment. The exit code is 3, whatever
`--fail-on` says; `--ignore` and a baseline do not silence it.

## Example
`The check of ABC101 (company_rules) crashed: KeyError('cuda'). What it looks for has not been
judged.`

## Severity
Error.

## Fix
None. Report it, with the traceback that stands below it, to whoever made the rule; without the
rule (`--ignore ABC101`) the others can be judged meanwhile.

## Source
The exception.
""",
)


def crashed(broken: Rule, error: Exception) -> Finding:
    """A check that crashed says nothing about the patient, so it must be heard of."""
    message = (
        f"The check of {broken.code} ({broken.origin}) crashed: {clean.words(error)}. "
        "What it looks for has not been judged."
    )
    fault = Fault(ERROR, broken.code, message, tuple(clean.trace(error)))
    return DOC001.finding(fault)
