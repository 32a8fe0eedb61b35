"""What does the steps of the patient's fallbacks on a GPU: their C++ file, or Python, and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gpufix.fallbacks.catalogue import is_ours, replacing
from gpufix.fallbacks.pack import NATIVE_MODULE, files
from gpufix.model import Facts
from gpufix.process import Limits, NotStarted, Program, run
from gpufix.smoke.request import patient_environment

_LIMIT_S = 60.0
_MOST_WORDS = 400  # characters


def launcher_notes(facts: Facts, env: Mapping[str, str]) -> list[str]:
    """A line for each installed fallback that has a C++ file. It is imported; nothing is compiled."""
    if facts.python is None:
        return []
    python, env = Path(facts.python.executable), patient_environment(facts, env)
    notes = []
    for distribution in facts.distributions:
        fallback = replacing(distribution.name) if is_ours(distribution.version) else None
        if fallback is None or f"{fallback.imports[0]}/{NATIVE_MODULE}.py" not in files(fallback):
            continue
        module = fallback.imports[0]
        ask = f"import {module}; print({module}.launcher())"
        try:
            ended = run(Program([python.absolute(), "-c", ask], env), Limits(_LIMIT_S))
        except NotStarted:
            continue
        said = ended.out.decode(errors="replace").strip().partition("\n")[0][:_MOST_WORDS]
        if said:
            notes.append(f"steps of {module} (fallback) are launched by {said}")
    return notes
