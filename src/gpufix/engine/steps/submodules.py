"""InitSubmodules: `git submodule update --init`, ssh addresses replaced by https ones."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence

from gpufix.engine import child
from gpufix.engine.context import Context
from gpufix.engine.errors import Refused
from gpufix.engine.paths import writable
from gpufix.engine.scope import Scope
from gpufix.model import InitSubmodules

_HTTPS = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?/[^\s\x00-\x1f]*")
# Objects are never written into; refs, logs, config and index can be.
_GIT_PARTS = ("config", "modules", "index", "HEAD", "logs", "FETCH_HEAD", "ORIG_HEAD")


def check(step: InitSubmodules, context: Context) -> None:
    """git is there, the root is the project's, and no path leads out of it."""
    root = _root(step, context)
    if shutil.which("git", path=context.environ.get("PATH", os.defpath)) is None:
        raise Refused("git is not on PATH")
    writable(root)
    writable(_git_folder(root))
    for path in step.paths:
        _below(root, path)
    for name, url in step.urls.items():
        if not _HTTPS.fullmatch(url):
            raise Refused(f"{url!r} is not an https address")
        if not re.fullmatch(r"[^\s\x00-\x1f=-][^\x00-\x1f=]*", name):
            raise Refused(f"{name!r} is not the name of a submodule")


def scopes(step: InitSubmodules, context: Context) -> Sequence[Scope]:
    """The submodules' folders, and the parts of .git that git rewrites."""
    root = _root(step, context)
    folders = [Scope(_below(root, path), policy="copy") for path in step.paths]
    return [*folders, Scope(_git_folder(root), policy="copy", only=_GIT_PARTS)]


def run(step: InitSubmodules, context: Context) -> None:
    """Clone and check out. Credentials are never asked for."""
    root = _root(step, context)
    settings = [
        word for name, url in step.urls.items() for word in ("-c", f"submodule.{name}.url={url}")
    ]
    environ = {k: v for k, v in context.environ.items() if not k.startswith("GIT_")}
    environ |= {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}
    command = ["git", "-C", root, *settings, "submodule", "update", "--init", "--", *step.paths]
    child.run(command, context, environ, "submodules", timeout=1800)


def _root(step: InitSubmodules, context: Context) -> str:
    root, project = os.path.realpath(step.root), os.path.realpath(context.project or "\\")
    if root != project and not root.startswith(f"{project}/"):
        raise Refused(f"{step.root} is not the project")
    return root


def _git_folder(root: str) -> str:
    folder = os.path.join(root, ".git")
    if os.path.islink(folder) or not os.path.isdir(folder):
        raise Refused(f"{root} has no .git folder of its own (a worktree, or no repository)")
    return folder


def _below(root: str, path: str) -> str:
    full = os.path.normpath(os.path.join(root, path))
    inside = full.startswith(f"{root}/") and not path.startswith("-")
    if not inside or os.path.realpath(os.path.dirname(full)) != os.path.dirname(full):
        raise Refused(f"{path!r} leads out of {root}")
    if os.path.islink(full):
        raise Refused(f"{path!r} is a link")
    return full
