"""InstallFallback: a wheel made on the spot, installed by the patient's own installer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gpufix.engine import child
from gpufix.engine.builds.native_fallback import compiled, toolchain
from gpufix.engine.installer import Installer, choose, environment, permit
from gpufix.engine.installer_settings import refuse_elsewhere
from gpufix.engine.journal.listing import Scope
from gpufix.engine.journal.lock import make_folder, write_new
from gpufix.engine.run_context import Refused, RunContext, writable
from gpufix.engine.steps.install import changeable, environment_scopes
from gpufix.fallbacks import pack
from gpufix.fallbacks.catalogue import Fallback, UnknownFallback, get
from gpufix.model import Distribution, Facts, Install, InstallFallback
from gpufix.text.names import normalise

_DESCRIPTION = """\
{summary}

{covers}

Made and installed by `gpufix fix --fallback {name}`. `gpufix undo` takes it back, and brings what it
has replaced; `pip uninstall {distribution}` removes it."""


def check(step: InstallFallback, context: RunContext) -> None:
    """The environment may be changed, what is replaced can be removed, a compiler is there."""
    fallback = _known(step)
    python = changeable(context.facts)
    for folder in {python.prefix, *python.site_dirs[:1]}:
        writable(folder)
    installer = choose(context.facts)
    permit(_as_pip_sees_it(step), context.facts)
    if installer.kind == "uv":
        refuse_elsewhere(context.environ)
    for dist in _replaced(step, context.facts):
        _removable(dist, installer)
    if fallback.build:
        toolchain(step.archs, context)


def _as_pip_sees_it(step: InstallFallback) -> Install:
    wanted = f"{step.distribution}=={step.version}"
    return Install(install=[wanted], uninstall=step.uninstall, reinstall=True)


def scopes(step: InstallFallback, context: RunContext) -> Sequence[Scope]:
    """As any installation: installers replace files and write into none."""
    return environment_scopes(changeable(context.facts))


def run(step: InstallFallback, context: RunContext) -> None:
    """Make the wheel in the run's folder, remove what it replaces, install it without an index."""
    assert context.folder is not None
    made = packed(step, context)
    folder = Path(context.folder) / "fallback"
    make_folder(folder)
    write_new(folder / made.name, made.data, mode=0o644)
    installer = choose(context.facts)
    environ = environment(context.environ, installer.kind)
    for command in commands(step, installer, str(folder)):
        context.say(f"running {' '.join(command[:6])} …")
        child.run(command, context, environ, "install")


def commands(step: InstallFallback, installer: Installer, folder: str) -> list[list[str]]:
    """What is run once the wheel lies in `folder`. From there by its name: pip then records no path."""
    lines = []
    if step.uninstall:
        answer = ["-y"] if installer.kind == "pip" else []
        lines.append(installer.command("uninstall", *answer, "--", *step.uninstall))
    options = ["--no-deps", "--no-index", "--find-links", folder]
    options += ["--force-reinstall", "--only-binary", ":all:"]  # outranks a no-binary setting
    wanted = f"{step.distribution}=={step.version}"
    lines.append(installer.command("install", *options, "--", wanted))
    return lines


def packed(step: InstallFallback, context: RunContext) -> pack.Wheel:
    """The wheel; compiles when the fallback has sources of its own."""
    fallback = _known(step)
    files = pack.files(fallback)
    platform = None
    if fallback.build:
        files |= compiled(fallback, step.archs, context)
        platform = f"linux_{context.facts.host.machine}"
    description = _DESCRIPTION.format(
        summary=fallback.summary,
        name=fallback.name,
        distribution=step.distribution,
        covers=" ".join(fallback.covers),
    )
    return pack.build(
        step.distribution,
        step.version,
        files,
        fallback.summary,
        requires=step.requires,
        description=description,
        platform=platform,
    )


def _known(step: InstallFallback) -> Fallback:
    try:
        return get(step.name)
    except UnknownFallback as error:
        raise Refused(str(error)) from None


def _replaced(step: InstallFallback, facts: Facts) -> list[Distribution]:
    names = {normalise(step.distribution), *step.uninstall}
    return [dist for dist in facts.distributions if dist.name in names]


def _removable(dist: Distribution, installer: Installer) -> None:
    """What pip and uv can take away: a RECORD; pip alone, the eggs that setuptools installed."""
    metadata = dist.metadata or ""
    if os.path.isfile(f"{metadata}/RECORD"):
        return
    if dist.source == "egg" and os.path.isdir(metadata) and installer.kind == "pip":
        return
    raise Refused(f"{dist.name} has no RECORD: which files are its own is not known")
