"""What `gpufix fix` shows: chosen plans and merged steps, each previewed. Writes nothing."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import gpufix
from gpufix.diagnosis.diagnose import patient_summary
from gpufix.engine import submodule
from gpufix.engine.builds.step import shown as build_commands
from gpufix.engine.installer import choose
from gpufix.engine.installer import commands as install_commands
from gpufix.engine.run.apply import check
from gpufix.engine.run.propose import Proposed
from gpufix.engine.run.whose_code import whose_code
from gpufix.engine.run_context import EngineError, Refused, RunContext
from gpufix.engine.steps.fallback import commands as fallback_commands
from gpufix.engine.steps.set_variables import current, rendered
from gpufix.engine.steps.submodules import fetching, modules, noting
from gpufix.evidence.requirements import parse
from gpufix.fixes.commands import commands
from gpufix.fixes.merge import merge
from gpufix.model import (
    Build,
    Held,
    InitSubmodules,
    Install,
    InstallFallback,
    Proposal,
    Remove,
    SetVariables,
    Step,
    StepPreview,
    WriteFile,
)

Resolve = Callable[[Install, RunContext], list[str]]
_LIMIT = 1 << 20
_LISTED = 20


def preview(step: Step, context: RunContext, resolve: Resolve | None = None) -> StepPreview:
    """One step. `resolve` asks the index what would come. Raises EngineError from it alone."""
    return replace(_preview(step, context, resolve), runs=list(whose_code(step, context.facts)))


def _preview(step: Step, context: RunContext, resolve: Resolve | None) -> StepPreview:
    if isinstance(step, Install):
        return _install(step, context, resolve)
    if isinstance(step, InstallFallback):
        return _fallback(step, context)
    if isinstance(step, WriteFile):
        return StepPreview(
            kind=step.kind, title=f"write {step.path}", diff=_diff(step), touches=[step.path]
        )
    if isinstance(step, Remove):
        return _remove(step)
    if isinstance(step, SetVariables):
        return _variables(step, context)
    if isinstance(step, InitSubmodules):
        return _submodules(step, context)
    if isinstance(step, Build):
        return _build(step, context)
    return StepPreview(
        kind=step.kind, title="for you to do", commands=list(commands(step, context.facts))
    )


def _build(step: Build, context: RunContext) -> StepPreview:
    """The programs and variables that the builder runs with, header for the C++ ABI included."""
    title = f"build {step.path}"
    if step.abi is not None:
        title += f", every file with _GLIBCXX_USE_CXX11_ABI={int(step.abi)}"
    return StepPreview(
        kind=step.kind, title=title, commands=build_commands(step, context), touches=[step.path]
    )


def _install(step: Install, context: RunContext, resolve: Resolve | None) -> StepPreview:
    try:
        choose(context.facts)
        lines = [_shown(c) for c in install_commands(step, context)]
    except EngineError:
        lines = list(commands(step, context.facts))
    exact = all(_is_exact(text) for text in step.install)
    resolved = exact and not step.dependencies
    downloads = list(step.install) if resolved else []
    if resolve is not None and step.install and not resolved:
        downloads, resolved = resolve(step, context), True
    words = [f"remove {', '.join(step.uninstall)}"] if step.uninstall else []
    words += [f"install {', '.join(step.install)}"] if step.install else []
    return StepPreview(
        kind=step.kind,
        title="; ".join(words),
        commands=lines,
        downloads=downloads,
        resolved=resolved,
    )


def _fallback(step: InstallFallback, context: RunContext) -> StepPreview:
    try:
        lines = fallback_commands(step, choose(context.facts), "RUN_FOLDER/fallback")
    except EngineError:
        lines = []
    words = [f"remove {', '.join(step.uninstall)}"] if step.uninstall else []
    words += [f"compile it for {', '.join(step.archs)}"] if step.archs else []
    words.append(f"install {step.distribution} {step.version}, a wheel that gpufix makes here")
    return StepPreview(
        kind=step.kind, title="; ".join(words), commands=[_shown(line) for line in lines]
    )


def _submodules(step: InitSubmodules, context: RunContext) -> StepPreview:
    """Commands, addresses and places; none where the step would be refused."""
    title = f"initialise {', '.join(step.paths)}: made in a fresh repository, then moved"
    shown = StepPreview(kind=step.kind, title=title)
    try:
        program = submodule.program(context)
        found = modules(step, context)
        touches = [p for m in found for p in (m.folder, m.repository, m.config)]
    except EngineError:
        return shown
    commands = [c for m in found for c in (*fetching(m, program), *noting(m, program))]
    return replace(
        shown,
        commands=[_shown(command) for command in commands],
        downloads=[f"{m.address} at {m.commit}" for m in found],
        touches=touches,
    )


def _shown(command: list[str]) -> str:
    import shlex

    return shlex.join(word for word in command if word != "--")


def _is_exact(text: str) -> bool:
    requirement = parse(text)
    specifiers = list(requirement.specifier) if requirement else []
    return len(specifiers) == 1 and specifiers[0].operator in ("==", "===")


def _diff(step: WriteFile) -> str:
    old = b""
    path = Path(step.path)
    with suppress(OSError):  # a file that cannot be read is refused by the step's own check
        if path.is_file():
            with path.open("rb") as file:
                old = file.read(_LIMIT)
    return unified(old.decode(step.encoding, "replace"), step.content, step.path)


def unified(old: str, new: str, path: str) -> str:
    """A unified diff, as `patch` reads it."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"a{path}", f"b{path}"
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _remove(step: Remove) -> StepPreview:
    names = []
    for folder, _, files in os.walk(step.path):
        names += [os.path.join(folder, name) for name in sorted(files)]
        if len(names) > _LISTED:
            break
    what = "folder" if os.path.isdir(step.path) and not os.path.islink(step.path) else "file"
    return StepPreview(
        kind=step.kind,
        title=f"remove the {what} {step.path}",
        commands=[f"rm {'-r ' if what == 'folder' else ''}-- {_quoted(step.path)}"],
        touches=names[:_LISTED] or [step.path],
    )


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)


def _variables(step: SetVariables, context: RunContext) -> StepPreview:
    given = context.facts.environment.overlay_path
    diff = None
    if given:
        old = current(Path(given))
        diff = unified(
            rendered(old).decode() if old else "",
            rendered({**old, **step.variables}).decode(),
            given,
        )
    return StepPreview(
        kind=step.kind,
        title=f"write {', '.join(sorted(step.variables))} to the environment file",
        commands=list(commands(step, context.facts)),
        diff=diff,
        touches=[given] if given else [],
    )


def proposal(proposed: Proposed, context: RunContext, resolve: Resolve | None = None) -> Proposal:
    """The preview of all that would be done. Raises EngineError from `resolve` alone."""
    return Proposal(
        gpufix_version=gpufix.__version__,
        patient=patient_summary(context.facts),
        targets=list(proposed.judgement.view.targets),
        plans=proposed.choice.plans,
        steps=[preview(step, context, resolve) for step in proposed.steps],
        held=[_held(row, context, resolve) for row in proposed.choice.held],
        skips=proposed.choice.skips,
        refused=_refused(proposed, context),
        standing=list(proposed.standing),
        failures=proposed.failures,
    )


def _held(row: Held, context: RunContext, resolve: Resolve | None) -> Held:
    """With its steps, unless they are advice: who is asked for consent, or does it, sees them."""
    if row.tried or all(step.kind == "advise" for step in row.plan.steps):
        return row
    return replace(row, steps=[preview(step, context, resolve) for step in merge([row.plan])])


def _refused(proposed: Proposed, context: RunContext) -> str | None:
    try:
        check(proposed.steps, context)
    except Refused as error:
        return str(error)
    return None
