"""A plan's steps as the commands that a person would type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpufix.fixes.project_tool import keeping
from gpufix.knowledge.packages import index_url
from gpufix.model import (
    Advise,
    Build,
    Facts,
    InitSubmodules,
    Install,
    InstallFallback,
    Plan,
    PlanSummary,
    Remove,
    SetVariables,
    Step,
    Target,
    WriteFile,
)
from gpufix.text.shell import join, joined, quote


def summary(plan: Plan, facts: Facts, targets: Sequence[Target] = ()) -> PlanSummary:
    """The plan as a finding shows it: its commands, or gpufix's own where no shell has them.

    An edit has no command, and a build runs with variables and a header of its own.
    """
    lines = [line for step in plan.steps for line in commands(step, facts)]
    if plan.fallback is not None:
        lines = [_fallback(plan.fallback)]
    elif any(isinstance(step, (WriteFile, Build)) for step in plan.steps):
        lines = [_own(plan, facts, targets)]
    command = "\n".join(lines) or None
    keep = keeping(plan, facts)
    return PlanSummary(
        title=plan.title, safety=plan.safety, command=command, fix=plan.fix, keep=keep
    )


def commands(step: Step, facts: Facts) -> Iterator[str]:
    """The command lines of one step."""
    if isinstance(step, Install):
        yield from _install(step, facts)
    elif isinstance(step, InstallFallback):
        yield _fallback(step.name)
    elif isinstance(step, SetVariables):
        for name, value in step.variables.items():
            yield f"unset {name}" if value is None else f"export {name}={quote(value)}"
    elif isinstance(step, Remove):
        yield f"rm -r {quote(step.path)}"
    elif isinstance(step, Build):
        variables = " ".join(f"{k}={quote(v)}" for k, v in sorted(step.environment.items()))
        options = ["--no-build-isolation", "--no-deps", "--force-reinstall"]
        options += ["-e"] if step.editable else []
        yield f"{variables} {join(pip(facts, 'install', *options, step.path))}".strip()
    elif isinstance(step, InitSubmodules):
        yield join(["git", "-C", step.root, "submodule", "update", "--init", "--", *step.paths])
    elif isinstance(step, Advise) and step.command:
        yield step.command


def _own(plan: Plan, facts: Facts, targets: Sequence[Target]) -> str:
    """The command that carries out this plan."""
    words = ["gpufix", "fix", *([] if plan.safety == "manual" else ["--apply"])]
    words += ["--unsafe"] if plan.safety == "unsafe" else []
    words += [word for code in dict.fromkeys(plan.codes) for word in ("--only", code)]
    words += ["--python", facts.python.prefix] if facts.python else []
    named = [t.source.removeprefix("--gpu ") for t in targets if t.source.startswith("--gpu ")]
    words += [word for gpu in named for word in ("--gpu", gpu)]
    return _line([*words, *([facts.project.root] if facts.project else [])], facts)


def _line(words: Sequence[str], facts: Facts) -> str:
    """For the shell of the machine that it is typed on."""
    return joined(words, facts.python.prefix if facts.python else "")


def _fallback(name: str) -> str:
    return join(["gpufix", "fix", "--apply", "--fallback", name])


def _install(step: Install, facts: Facts) -> Iterator[str]:
    if step.uninstall:
        yield _line(pip(facts, "uninstall", *step.uninstall), facts)
    if step.install:
        options = ["--force-reinstall"] if step.reinstall else []
        options += ["--no-cache-dir"] if step.environment else []
        options += [] if step.dependencies else ["--no-deps"]
        if step.index:
            options += ["--index-url", index_url(step.index)]
        if step.links:
            options += ["--find-links", step.links]
        variables = " ".join(f"{k}={quote(v)}" for k, v in sorted(step.environment.items()))
        line = _line(pip(facts, "install", *options, *step.install), facts)
        yield f"{variables} {line}".strip()


def pip(facts: Facts, verb: str, *arguments: str) -> list[str]:
    """A command line of the patient's own installer: uv for uv's environments, else its pip."""
    python = facts.python.executable if facts.python else "python"
    if facts.python and facts.python.kind == "uv":
        return ["uv", "pip", verb, "--python", python, *arguments]
    answer = ["-y"] if verb == "uninstall" else []
    return [python, "-m", "pip", verb, *answer, *arguments]
