"""The tool that manages the patient (uv, pixi, poetry, pdm), and how a repair is recorded with it.

gpufix changes the environment; the tool's next sync would take that back unless the project says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.evidence.conda import manifest_options
from gpufix.evidence.requirements import parse
from gpufix.knowledge.packages import index_url
from gpufix.model import Facts, Install, Plan
from gpufix.text.names import normalise
from gpufix.text.shell import join

LOCKS = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm", "pixi.lock": "pixi"}


def tool_of(facts: Facts) -> str | None:
    """Whose project the patient belongs to; None where no tool keeps a lock file for it."""
    python, project = facts.python, facts.project
    if facts.conda is not None and facts.conda.program == "pixi":
        return "pixi"
    if python is None or project is None or not project.locks:
        return None
    inside = python.prefix.startswith(project.root.rstrip("/") + "/")
    if not inside and "the project's" not in (python.chosen or ""):
        return None
    return LOCKS[project.locks[0]]


def keeping(plan: Plan, facts: Facts) -> str | None:
    """The commands that record what a plan installs in the project; None where nothing changes."""
    tool = tool_of(facts)
    if tool is None:
        return None
    lines = [
        line for step in plan.steps if isinstance(step, Install) for line in _add(tool, step, facts)
    ]
    return "\n".join(lines) or None


def _add(tool: str, step: Install, facts: Facts) -> Iterator[str]:
    moved = [text for text in step.install if not _is_here(text, facts)]
    if not moved:
        return
    root = facts.project.root if facts.project else "."
    url = index_url(step.index) if step.index else None
    if tool == "uv":
        yield join(["uv", "add", "--directory", root, *(["--index", url] if url else []), *moved])
    elif tool == "pdm":
        yield join(["pdm", "add", "-p", root, *moved])
    elif tool == "pixi" and facts.conda is not None:
        yield join(["pixi", "add", *manifest_options(facts.conda), "--pypi", *moved])
    elif tool == "poetry":
        source = ["--source", "torch"] if url else []
        if url:
            add = ["source", "add", "--priority=explicit", "torch", url]
            yield join(["poetry", "--directory", root, *add])
        yield join(["poetry", "--directory", root, "add", *source, *moved])


def _is_here(text: str, facts: Facts) -> bool:
    """Whether exactly this version is installed: a reinstallation changes no requirement."""
    requirement = parse(text)
    if requirement is None:
        return False
    exact = [s.version for s in requirement.specifier if s.operator == "=="]
    name = normalise(requirement.name)
    return any(d.name == name and d.version in exact for d in facts.distributions)
