"""Install: removals and installations through the patient's own installer."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from gpufix.engine import child
from gpufix.engine.installer import choose, commands, environment
from gpufix.engine.installer_reason import told_by
from gpufix.engine.journal.listing import Scope
from gpufix.engine.journal.lock import write_new
from gpufix.engine.run_context import Refused, RunContext, StepFailed, writable
from gpufix.engine.steps.earlier_release import settled
from gpufix.evidence.requirements import parse
from gpufix.files import read_whole
from gpufix.model import Distribution, Facts, Install, Python
from gpufix.text.names import normalise

# What wheels and their scripts and data files are spread over (PyPA: recording installed projects).
_FOLDERS = (
    ".lock",  # uv leaves its own
    "bin",
    "etc",
    "include",
    "lib",
    "lib32",
    "lib64",
    "man",
    "sbin",
    "share",
    "src",
)
_LIMIT = 64 << 20  # bytes of a RECORD


def check(step: Install, context: RunContext) -> None:
    """The environment may be changed, an installer is there, and may be given every name."""
    python = changeable(context.facts)
    for folder in {python.prefix, *python.site_dirs[:1]}:
        writable(folder)
    commands(step, context)  # no installer, names that are not for it, an index that is none
    for name in step.uninstall:
        _removable(context.facts, name)


def scopes(step: Install, context: RunContext) -> Sequence[Scope]:
    """Everything that an installer could touch in the environment.

    Installers replace files and write into none, so hard links keep what was there.
    """
    python = changeable(context.facts)
    return environment_scopes(python)


def environment_scopes(python: Python) -> list[Scope]:
    """The environment's folders for installed files; site folders outside the prefix as well."""
    prefix = os.path.realpath(python.prefix)
    found = [Scope(prefix, only=_FOLDERS, near=prefix, follow=True)]
    for folder in map(os.path.realpath, python.site_dirs):
        below = os.path.relpath(folder, prefix).split(os.sep)[0]
        if below not in _FOLDERS and os.access(folder, os.W_OK):
            found.append(Scope(folder, near=folder, follow=True))
    return found


def run(step: Install, context: RunContext) -> None:
    """Run the installer; its log is kept in the run's folder."""
    if step.sought:
        step = settled(step, context)
    installer = choose(context.facts)
    environ = environment(context.environ, installer.kind) | step.environment
    constraints = _constraints(step, context)
    _drop_dead_links(step, context.facts)
    for command in commands(step, context, constraints):
        context.say(f"running {' '.join(command[:6])} …")
        try:
            child.run(command, context, environ, "install")
        except StepFailed as error:
            reason = told_by(Path(context.folder or "", "install.log"))
            raise (StepFailed(f"{reason}: {error}") if reason else error) from None


def _drop_dead_links(step: Install, facts: Facts) -> None:
    """pip removes no link that leads nowhere, and writes through it."""
    python = changeable(facts)
    inside = [os.path.realpath(folder) for folder in (python.prefix, *python.site_dirs)]
    named = {normalise(r.name) for text in step.install if (r := parse(text))}
    for dist in facts.distributions:
        for path in _recorded(dist) if dist.name in named else ():
            folder = os.path.realpath(os.path.dirname(path))
            if os.path.islink(path) and not os.path.exists(path) and _below(folder, inside):
                os.unlink(path)


def _recorded(dist: Distribution) -> list[str]:
    """Its files; of a RECORD that cannot be read none, and the installer says so."""
    if not _has_record(dist):
        return []
    try:
        text = read_whole(f"{dist.metadata}/RECORD", _LIMIT).decode("utf-8", "surrogateescape")
        rows = list(csv.reader(text.splitlines()))
    except (OSError, csv.Error):
        return []
    return [os.path.join(dist.location, row[0]) for row in rows if row]


def _below(folder: str, places: Sequence[str]) -> bool:
    return any(folder == place or folder.startswith(f"{place}/") for place in places)


def _constraints(step: Install, context: RunContext) -> str | None:
    """What is conda's stays. With `freeze`: all that is installed, but what the step names."""
    if not step.dependencies or context.folder is None:
        return None
    named = {normalise(r.name) for text in step.install if (r := parse(text))}
    stays = (
        dist
        for dist in context.facts.distributions
        if dist.source == "conda" or (step.freeze and dist.name not in named)
    )
    rows = {f"{d.name}=={d.version}\n" for d in stays if parse(f"{d.name}=={d.version}")}
    if not rows:
        return None
    path = Path(context.folder) / "constraints.txt"
    write_new(path, "".join(sorted(rows)).encode())
    return str(path)


def changeable(facts: Facts) -> Python:
    python = facts.python
    if python is None:
        raise Refused("there is no Python to install into")
    if python.externally_managed or python.kind == "system":
        marker = f" ({python.externally_managed})" if python.externally_managed else ""
        raise Refused(
            f"{python.executable} belongs to the system{marker} and is not changed; make an "
            f"environment: {python.executable} -m venv .venv"
        )
    return python


def _removable(facts: Facts, name: str) -> None:
    found = [dist for dist in facts.distributions if dist.name == name]
    if not found:
        raise Refused(f"{name} is not installed")
    if not any(_has_record(dist) for dist in found):
        raise Refused(f"{name} has no RECORD: which files are its own is not known")


def _has_record(dist: Distribution) -> bool:
    return bool(dist.metadata) and os.path.isfile(f"{dist.metadata}/RECORD")
