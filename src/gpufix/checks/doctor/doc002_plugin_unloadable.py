"""DOC002."""

from __future__ import annotations

from gpufix.checks.registry import ERROR, Fault, page
from gpufix.model import Finding
from gpufix.text import clean

DOC002 = page(
    "DOC002",
    "plugin-unloadable",
    """\
A plugin with rules or fixes cannot be loaded.

## What it does
Stands in the report for an entry point of the groups `gpufix.checks` or `gpufix.fixes` whose
module does not import. Everything else is judged and planned.

## Why it matters
Its rules have not been run, or its fixes not been asked. The exit code is 3, whatever
`--fail-on` says; `--ignore` and a baseline do not silence it.

## Example
`The plugin company (company_rules) cannot be loaded: ModuleNotFoundError("No module named
'company_rules'"). Its rules have not been run.`

## Severity
Error.

## Fix
None. Repair or remove the plugin: it is installed in gpufix's own environment.

## Source
The exception.
""",
)


def unloadable(name: str, value: str, consequence: str, error: Exception) -> Finding:
    """`value`: what the entry point `name` names; `consequence`: what was not done without it."""
    reason = clean.words(error)
    message = f"The plugin {name} ({value}) cannot be loaded: {reason}. {consequence}"
    return DOC002.finding(Fault(ERROR, name, message, (reason,)))
