"""The patient's own installer: program, command line, environment; and what an index would bring."""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from gpufix.engine.installer_settings import neutral_settings, refuse_elsewhere
from gpufix.engine.run_context import Indexes, Refused, RunContext, StepFailed
from gpufix.evidence.requirements import objections
from gpufix.frozen import Frozen
from gpufix.knowledge.packages import index_url
from gpufix.model import Facts, Install
from gpufix.process import Finished, Limits, NotStarted, Program, run

# They would make an installer work on another place than the patient, or on more than was asked.
_DROPPED = """
PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER PIP_UPGRADE PIP_FORCE_REINSTALL PIP_IGNORE_INSTALLED
PIP_PYTHON PIP_DRY_RUN PIP_BREAK_SYSTEM_PACKAGES PIP_REQUIREMENT PIP_EDITABLE PIP_LOG PIP_REPORT
PIP_QUIET PIP_VERBOSE PIP_SRC UV_PYTHON UV_SYSTEM_PYTHON UV_BREAK_SYSTEM_PACKAGES UV_TARGET
UV_PREFIX UV_REINSTALL UV_UPGRADE
"""
_OWN_INDEX = ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_NO_INDEX", "UV_NO_INDEX")


class Installer(Frozen):
    """`prefix`: the command line up to the verb; `after`: what goes behind it."""

    kind: Literal["uv", "pip"]
    prefix: tuple[str, ...]
    after: tuple[str, ...] = ()

    def command(self, verb: str, *arguments: str) -> list[str]:
        """A whole command line."""
        return [*self.prefix, verb, *self.after, *arguments]


def choose(facts: Facts) -> Installer:
    """uv for uv's environments, else the patient's pip, else uv, else gpufix's own pip.

    Raises Refused when there is none.
    """
    python = _python(facts)
    uv = next((tool.path for tool in facts.tools if tool.name == "uv"), None)
    with_uv = Installer("uv", (uv, "pip"), ("--python", python)) if uv else None
    if with_uv and facts.python and facts.python.kind == "uv":
        return with_uv
    of_windows = facts.python is not None and facts.python.platform == "win32"  # its own, there
    if of_windows or any(dist.name == "pip" for dist in facts.distributions):
        return Installer("pip", (python, "-m", "pip"))
    if with_uv:
        return with_uv
    if importlib.util.find_spec("pip") is not None:
        return Installer("pip", (sys.executable, "-m", "pip", "--python", python))
    raise Refused(f"{python} has no pip, and there is no uv on PATH: `{python} -m ensurepip`")


def _python(facts: Facts) -> str:
    if facts.python is None:
        raise Refused("there is no Python to install into")
    return facts.python.executable


def commands(step: Install, context: RunContext, constraints: str | None = None) -> list[list[str]]:
    """The command lines of a step: removals first, then what is installed. Raises Refused."""
    installer = choose(context.facts)
    permit(step, context.facts)
    if installer.kind == "uv":
        refuse_elsewhere(context.environ)
    lines = []
    if step.uninstall:
        answer = ["-y"] if installer.kind == "pip" else []
        lines.append(installer.command("uninstall", *answer, "--", *step.uninstall))
    if step.install:
        lines.append(
            installer.command("install", *options(step, context, constraints), "--", *step.install)
        )
    return lines


def permit(step: Install, facts: Facts) -> None:
    """Refuse what no plan may give to an installer, whoever made the plan."""
    for objection in objections(step, facts):
        verb = "install" if objection.requirement else "remove"
        hint = f": `conda {verb} {objection.package}`" if objection.package else ""
        raise Refused(f"{objection.reason}{hint}")


def options(step: Install, context: RunContext, constraints: str | None = None) -> list[str]:
    """What an install command says besides the requirements."""
    found = ["--force-reinstall"] if step.reinstall else []
    found += [] if step.dependencies else ["--no-deps"]
    found += ["--no-cache-dir"] if step.environment else []  # uv knows it by this name, too
    found += ["--constraint", constraints] if constraints else []
    url = index(step, context.indexes, context.environ)
    found += ["--index-url", url] if url else []
    found += ["--find-links", step.links] if step.links else []
    for place in context.indexes.find_links:
        found += ["--find-links", place]
    return found


def index(step: Install, indexes: Indexes, environ: Mapping[str, str]) -> str | None:
    """The option, else what the user's variables say (None: they are obeyed), else torch's own."""
    if indexes.index_url:
        return indexes.index_url
    if step.index is None or any(environ.get(name) for name in _OWN_INDEX):
        return None
    return index_url(step.index)


def environment(environ: Mapping[str, str], kind: str) -> dict[str, str]:
    """The user's own, without what redirects an installer or makes it ask."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in _DROPPED.split() and not name.startswith(("PYTHON", "__PYVENV"))
    }
    if kind == "uv":
        # uv does not know pip's variables; mirrors and offline wheels are obeyed all the same.
        same = {"PIP_INDEX_URL": "UV_INDEX_URL", "PIP_EXTRA_INDEX_URL": "UV_EXTRA_INDEX_URL"}
        for theirs, ours in same.items():
            if theirs in kept:
                kept.setdefault(ours, kept[theirs])
        if "PIP_FIND_LINKS" in kept:
            kept.setdefault("UV_FIND_LINKS", ",".join(kept["PIP_FIND_LINKS"].split()))
        if kept.get("PIP_NO_INDEX", "").lower() in ("1", "true", "yes", "on"):
            kept.setdefault("UV_NO_INDEX", "1")
        return kept | {"UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    quiet = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_PROGRESS_BAR": "off"}
    return kept | quiet | {"NO_COLOR": "1", "PIP_NO_COLOR": "1"}


_TIMEOUT = 600.0
_LIMIT = 64 << 20


def resolve(step: Install, context: RunContext) -> list[str]:
    """Exact requirements, "name==version".

    Raises StepFailed with what the installer says, and Refused for what it is not given at all.
    """
    permit(step, context.facts)
    installer = choose(context.facts)
    wanted = ["--", *step.install]
    if installer.kind == "uv":
        command = installer.command("install", "--dry-run", *options(step, context), *wanted)
        listing = _ask(command, context, installer).stderr
        return [
            line[3:].strip() for line in listing.splitlines() if line.startswith((" + ", " ~ "))
        ]
    arguments = ["--dry-run", "--quiet", "--report", "-", *options(step, context)]
    answer = _ask(installer.command("install", *arguments, *wanted), context, installer).stdout
    try:
        report: Any = json.loads(answer)
        return [_named(item["metadata"]) for item in report["install"]]
    except (ValueError, LookupError, TypeError) as error:
        raise StepFailed(f"the installer's report makes no sense: {error!r}") from None


def _named(metadata: dict[str, str]) -> str:
    return f"{metadata['name']}=={metadata['version']}"


def _ask(command: list[str], context: RunContext, installer: Installer) -> Finished:
    with tempfile.TemporaryDirectory(prefix="gpufix-") as folder:
        given = {**context.environ, **neutral_settings(context.environ, Path(folder))}
        program = Program(command, environment(given, installer.kind), cwd="/")
        try:
            done = run(program, Limits(_TIMEOUT, kept=_LIMIT))
        except NotStarted as error:
            raise StepFailed(
                f"the index could not be asked: {command[0]} {error.problem}"
            ) from None
    if done.problem:
        raise StepFailed(f"the index could not be asked: {command[0]} {done.problem}")
    if done.code != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error")] or lines[-1:]
        raise StepFailed(f"the index has no answer: {(errors or ['it says nothing'])[0][:500]}")
    return done
