"""Imports the repaired modules in processes of the patient's own, with a time limit."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from gpufix.evidence.requirements import parse
from gpufix.files import read
from gpufix.model import Distribution, Facts, Install, InstallFallback, Probe, Step
from gpufix.process import NoAnswer, ask
from gpufix.text.names import normalise

_TIMEOUT = 180.0
_CODE = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
_MODULE = re.compile(r"([A-Za-z_]\w*)(/__init__\.py|\.py|(\.[\w-]+)?\.so)")
_RECORD_LIMIT = 64 << 20


def probe(
    steps: Sequence[Step], facts: Facts, environ: dict[str, str], also: Collection[str] = ()
) -> list[Probe]:
    """One import for each top-level module of what was installed; `facts` are those after.

    also: further distributions, of which findings are repaired.
    """
    if facts.python is None:
        return []
    python = facts.python.executable
    variables = {k: v for k, v in environ.items() if not k.startswith("PYTHON")}
    for name, value in facts.environment.overlay.items():
        variables.pop(name, None)
        variables |= {} if value is None else {name: value}
    modules = dict.fromkeys(m for dist in _installed(steps, facts, also) for m in _modules(dist))
    linked = {x.distribution for x in facts.binaries.libraries if x.links_torch} - {"torch"}
    after_torch = {m for d in facts.distributions if d.name in linked for m in _modules(d)}
    # A program imports torch first: its libraries are then where such an extension finds them.
    return [_import(python, ["torch", m] if m in after_torch else [m], variables) for m in modules]


def _installed(
    steps: Sequence[Step], facts: Facts, also: Collection[str]
) -> Iterator[Distribution]:
    names = {
        normalise(requirement.name)
        for step in steps
        if isinstance(step, Install)
        for text in step.install
        if (requirement := parse(text))
    }
    names |= {normalise(s.distribution) for s in steps if isinstance(s, InstallFallback)}
    names |= {normalise(name) for name in also}
    yield from (dist for dist in facts.distributions if dist.name in names)


def _modules(dist: Distribution) -> list[str]:
    """What can be imported by a plain name, from RECORD."""
    record = Path(dist.metadata or "", "RECORD")
    try:
        lines = read(record, _RECORD_LIMIT).decode("utf-8", "replace").splitlines()
        found = [m[1] for row in csv.reader(lines) if row and (m := _MODULE.fullmatch(row[0]))]
    except (OSError, csv.Error):
        return []
    return [m for m in dict.fromkeys(found) if not m.startswith("_")]


def _import(python: str, modules: Sequence[str], environ: dict[str, str]) -> Probe:
    """Of the last of these modules, after the others."""
    module = modules[-1]
    # No bytecode is written: an import must leave the patient as it is.
    command = [python, "-B", "-c", _CODE, *modules]
    try:
        answer = ask(command, {**environ, "PYTHONDONTWRITEBYTECODE": "1"}, _TIMEOUT)
    except NoAnswer as error:
        return Probe(module=module, ok=False, said=str(error))
    if answer.code == 0:
        return Probe(module=module, ok=True)
    errors = answer.err.decode("utf-8", "replace").strip().splitlines()
    last = errors[-1] if errors else f"exits with {answer.code}"
    return Probe(module=module, ok=False, said=last[:500])
