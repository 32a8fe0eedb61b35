"""Which git runs, and with which environment and settings.

The user's own settings (certificates, proxy, credentials) count; nothing that the patient or the
project brings does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from gpufix.engine.context import Context
from gpufix.engine.errors import Refused

# Where the user's settings and certificates are. Every other GIT_ variable can lead a call astray.
_KEPT = """
GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_CONFIG_NOSYSTEM
GIT_SSL_CAINFO GIT_SSL_CAPATH GIT_SSL_CERT GIT_SSL_KEY GIT_PROXY_SSL_CAINFO
"""
# No hooks (a user's own may run what the project holds), nothing that stays behind in the
# background, no questions.
SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "credential.interactive=false",
)


def program(context: Context) -> str:
    """The first git on PATH that is not the patient's or the project's own. Raises Refused."""
    found = shutil.which("git", path=_search_path(context))
    if found is not None:
        return found
    own = shutil.which("git", path=_given_path(context))
    if own is not None:
        raise Refused(f"{own} belongs to the environment or the project, and PATH has no other git")
    raise Refused("git is not on PATH")


def environment(context: Context, ceiling: str) -> dict[str, str]:
    """For git: https alone, no question, no repository at or above `ceiling`.

    Files of Git LFS stay pointers: where they come from is for the submodule to say.
    """
    kept = _KEPT.split()
    environ = {k: v for k, v in context.environ.items() if not k.startswith("GIT_") or k in kept}
    return environ | {
        "PATH": _search_path(context),
        "LC_ALL": "C",  # the log is searched for "fatal"
        "GIT_ALLOW_PROTOCOL": "https",
        "GIT_ASKPASS": "",
        "GIT_CEILING_DIRECTORIES": ceiling,
        "GIT_DEFAULT_HASH": "sha1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


def _given_path(context: Context) -> str:
    return context.environ.get("PATH", os.defpath)


def _search_path(context: Context) -> str:
    """PATH without folders that the patient or the project owns; git itself starts programs, too."""
    owned = list(_owned(context))
    folders = [
        folder
        for folder in _given_path(context).split(os.pathsep)
        if folder.startswith("/") and not any(_below(folder, top) for top in owned)
    ]
    return os.pathsep.join(folders)


def _owned(context: Context) -> Iterator[str]:
    python = context.facts.python
    if python is not None and python.kind != "system":
        yield os.path.realpath(python.prefix)
    if context.project is not None:
        yield os.path.realpath(context.project)


def _below(folder: str, top: str) -> bool:
    real = os.path.realpath(folder)
    return real == top or real.startswith(f"{top.rstrip('/')}/")
