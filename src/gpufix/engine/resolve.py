"""Asks the index which versions an installation would bring (`--resolve`); installs nothing."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from gpufix.engine.context import Context
from gpufix.engine.errors import StepFailed
from gpufix.engine.installer import Installer, choose, environment, options, permit
from gpufix.model import Install

_TIMEOUT = 600.0
_LIMIT = 64 << 20


def resolve(step: Install, context: Context) -> list[str]:
    """Exact requirements, "name==version".

    Raises StepFailed with what the installer says, and Refused for what it is not given at all.
    """
    permit(step, context.facts)
    installer = choose(context.facts)
    wanted = ["--", *step.install]
    if installer.kind == "uv":
        command = installer.command("install", "--dry-run", *options(step, context), *wanted)
        said = _ask(command, context, installer).stderr
        return [line[3:].strip() for line in said.splitlines() if line.startswith((" + ", " ~ "))]
    asked = ["--dry-run", "--quiet", "--report", "-", *options(step, context)]
    answer = _ask(installer.command("install", *asked, *wanted), context, installer).stdout
    try:
        report: Any = json.loads(answer)
        return [_named(item["metadata"]) for item in report["install"]]
    except (ValueError, LookupError, TypeError) as error:
        raise StepFailed(f"the installer's report makes no sense: {error!r}") from None


def _named(metadata: dict[str, str]) -> str:
    return f"{metadata['name']}=={metadata['version']}"


def _ask(
    command: list[str], context: Context, installer: Installer
) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=environment(context.environ, installer.kind),
            timeout=_TIMEOUT,
            check=False,
            cwd="/",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepFailed(f"the index could not be asked: {error}") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr[:_LIMIT].splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error")] or lines[-1:]
        raise StepFailed(f"the index has no answer: {(errors or ['it says nothing'])[0][:500]}")
    return done
