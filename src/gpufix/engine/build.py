"""Build: an extension folder, compiled and installed as the plan says, and read back."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gpufix.buildenv.folder import Folder
from gpufix.engine.build_command import installer
from gpufix.engine.build_folder import NotBuildable, inspect
from gpufix.engine.build_many import Ended
from gpufix.engine.build_order import Order
from gpufix.engine.build_process import Running
from gpufix.engine.build_run import build_folders
from gpufix.engine.context import Context
from gpufix.engine.errors import Refused, StepFailed
from gpufix.engine.scope import Scope
from gpufix.knowledge.gpus import GpuNameError, resolve
from gpufix.model import Build
from gpufix.model.build import BuildResult
from gpufix.view import View

_LIMIT = 6 * 3600.0  # seconds: flash-attention takes hours on few cores
_SKIP = (".git", ".hg", "node_modules")


def check(step: Build, context: Context) -> None:
    """The folder can be built and written to, and the patient has an installer. Raises Refused."""
    try:
        folder = _folder(step, context)
        if context.facts.python and folder.backend != "cmake":
            installer(context.facts, context.facts.python)
        for name in step.expect_archs:
            resolve(name)
    except (NotBuildable, GpuNameError) as error:
        raise Refused(str(error)) from None
    if not os.access(folder.path, os.W_OK | os.X_OK):
        raise Refused(f"{folder.path} is not writable")


def scopes(step: Build, context: Context) -> Sequence[Scope]:
    """The source folder, the site folders and the scripts: compilers write in place, hence copies."""
    python = context.facts.python
    found = [Scope(os.path.realpath(step.path), policy="copy", skip=_SKIP, environments=False)]
    if python:
        found += [Scope(site, near=python.prefix) for site in python.site_dirs[:1]]
        found += [Scope(str(Path(python.prefix) / "bin"), near=python.prefix)]
    return found


def run(step: Build, context: Context) -> BuildResult:
    """Build, install, read back. Raises StepFailed with the reason and the first error."""
    targets = [resolve(name) for name in step.expect_archs]
    view = View(context.facts, targets)
    try:
        folder = _folder(step, context)
    except NotBuildable as error:
        raise StepFailed(str(error)) from None
    with tempfile.TemporaryDirectory(prefix="gpufix-") as scratch:
        order = Order(
            view=view,
            logs=context.folder or Path(scratch),
            scratch=Path(scratch),
            base=context.environ,
            editable=step.editable,
            limit_s=_LIMIT,
            settings=step.environment,
            abi=step.abi,
            pass_fds=() if context.lock_fd is None else (context.lock_fd,),
        )
        (result,) = build_folders(order, [folder], None, _Watch(context))
    if not result.ok:
        detail = f": {result.errors[0]}" if result.errors else ""
        raise StepFailed(f"{step.path}: {'; '.join(result.reasons)}{detail} ({result.log})")
    return result


def _folder(step: Build, context: Context) -> Folder:
    return inspect(Path(step.path), context.facts)


class _Watch:
    """Says what is being built."""

    def __init__(self, context: Context):
        self._say = context.say

    def started(self, folder: Folder, jobs: int) -> None:
        self._say(f"building {folder.path} with {jobs} compilers")

    def progress(self, running: Sequence[tuple[Folder, Running]]) -> None:
        return

    def ended(self, ended: Ended) -> None:
        self._say(f"built {ended.folder.path} in {ended.seconds:.0f} s")
