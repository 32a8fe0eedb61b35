"""Submodules fetched in a fresh repository, with a git of known environment and settings."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence

from gpufix.engine.run_context import Refused, RunContext
from gpufix.facts.reading import read, why
from gpufix.frozen import Frozen
from gpufix.source import git_files
from gpufix.source.git_files import Setting

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


def program(context: RunContext) -> str:
    """The first git on PATH that is not the patient's or the project's own. Raises Refused."""
    found = shutil.which("git", path=_search_path(context))
    if found is not None:
        return found
    own = shutil.which("git", path=_given_path(context))
    if own is not None:
        raise Refused(f"{own} belongs to the environment or the project, and PATH has no other git")
    raise Refused("git is not on PATH")


def environment(context: RunContext, ceiling: str) -> dict[str, str]:
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


def _given_path(context: RunContext) -> str:
    return context.environ.get("PATH", os.defpath)


def _search_path(context: RunContext) -> str:
    """PATH without folders that the patient or the project owns; git itself starts programs, too."""
    owned = list(_owned(context))
    folders = [
        folder
        for folder in _given_path(context).split(os.pathsep)
        if folder.startswith("/") and not any(_below(folder, top) for top in owned)
    ]
    return os.pathsep.join(folders)


def _owned(context: RunContext) -> Iterator[str]:
    python = context.facts.python
    if python is not None and python.kind != "system":
        yield os.path.realpath(python.prefix)
    if context.project is not None:
        yield os.path.realpath(context.project)


def _below(folder: str, top: str) -> bool:
    real = os.path.realpath(folder)
    return real == top or real.startswith(f"{top.rstrip('/')}/")


STAGE = "gpufix-stage"  # in .git: the fresh repository in which git works
_LIMIT_INDEX, _LIMIT = 64 << 20, 1 << 20
_NAME = re.compile(r"[^\x00-\x1f\x7f\\-][^\x00-\x1f\x7f\\]*")
# What can be put into a repository with one of these as into any other. Of a format that it does not
# know a program must keep off: gitrepository-layout(5).
_EXTENSIONS = """
noop partialclone preciousobjects refstorage relativeworktrees worktreeconfig
"""


class WantedSubmodule(Frozen):
    """One submodule. `root` is the top of the working tree that records it, with links resolved."""

    root: str
    path: str
    name: str
    commit: str
    address: str
    shallow: bool
    settings: tuple[Setting, ...]  # of .git/config

    @property
    def stage(self) -> str:
        """The fresh repository."""
        return f"{self.root}/.git/{STAGE}"

    @property
    def config(self) -> str:
        """The file in which git notes an initialised submodule."""
        return f"{self.root}/.git/config"

    @property
    def folder(self) -> str:
        """Where its files go. Raises Refused when something is there, or the way leads out."""
        if ".git" in self.path.lower().split("/"):
            raise Refused(f"{self.path!r} leads into .git")
        folder = _free(self.root, self.path)
        if os.path.lexists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
            raise Refused(f"{folder} is not an empty folder")
        return folder

    @property
    def repository(self) -> str:
        """Where its own repository goes. Raises Refused like `folder`."""
        folder = _free(f"{self.root}/.git", f"modules/{self.name}")
        if os.path.lexists(folder):
            raise Refused(
                f"{folder} is there already: git would use its settings and hooks. When you know "
                f"them: `git submodule update --init -- {self.path}`"
            )
        above = os.path.dirname(folder)
        while above != f"{self.root}/.git":
            if os.path.lexists(f"{above}/HEAD"):
                raise Refused(f"{folder} is within another submodule's repository")
            above = os.path.dirname(above)
        return folder

    def noted(self) -> dict[str, str]:
        """What `git submodule init` would add to .git/config, below "submodule.NAME."."""
        if _value(self.settings, "submodule", self.name, "url") is None:
            return {"active": "true", "url": self.address}
        active = _value(self.settings, "submodule", self.name, "active")
        return {} if active in (None, "true") else {"active": "true"}


def wanted(root: str, path: str) -> WantedSubmodule:
    """The submodule at a path. Raises Refused for what cannot be fetched safely."""
    index = _index(f"{root}/.git/index")
    if path not in index.gitlinks:
        raise Refused(f"git's index records no submodule {path!r}")
    commit = index.gitlinks[path]
    if commit is None:
        raise Refused(f"{path} is unmerged")
    text = _text(f"{root}/.gitmodules")
    declared = next((row for row in git_files.parse_gitmodules(text) if row.path == path), None)
    if declared is None:
        raise Refused(f".gitmodules does not declare {path!r}")
    parts = declared.name.split("/")
    if not _NAME.fullmatch(declared.name) or {"", ".", ".."} & {*parts}:
        raise Refused(f"{declared.name!r} is not the name of a submodule")
    settings = tuple(git_files.parse_config(_text(f"{root}/.git/config")))
    for row in settings:
        if _foreign(row):
            raise Refused(f"{root}/.git/config sets {row.section}.{row.key} = {row.value}")
    url = _value(settings, "submodule", declared.name, "url") or declared.url or ""
    address = _address(root, path, url, settings)
    return WantedSubmodule(root, path, declared.name, commit, address, declared.shallow, settings)


def _foreign(row: Setting) -> bool:
    """Whether the repository or its working tree is laid out in another way than gpufix knows."""
    if row.section == "extensions":
        return row.key not in _EXTENSIONS.split() and (row.key, row.value) != (
            "objectformat",
            "sha1",
        )
    return (row.section, row.key) == ("core", "worktree")


def _address(root: str, path: str, url: str, settings: Sequence[Setting]) -> str:
    if not git_files.relative(url):
        return _by_https(path, url)
    base = _by_https(path, _origin(root, settings))
    address = git_files.resolved(base, url)
    if address is None:
        raise Refused(f"{path}: the address {url!r} leads above {base}")
    return _by_https(path, address)


def _by_https(path: str, url: str) -> str:
    address = git_files.by_https(url)
    if address is None:
        raise Refused(
            f"{path}: {git_files.shown(url)!r} is not an https address without credentials"
        )
    return address


def _origin(root: str, settings: Sequence[Setting]) -> str:
    """The address of the remote that the superproject follows, as git chooses it."""
    branch = _text(f"{root}/.git/HEAD").strip().removeprefix("ref: refs/heads/")
    remotes = {row.name for row in settings if row.section == "remote" and row.key == "url"}
    only = remotes.pop() if len(remotes) == 1 else None
    remote = _value(settings, "branch", branch, "remote") or only or "origin"
    return _value(settings, "remote", remote, "url") or root


def _value(settings: Sequence[Setting], section: str, name: str, key: str) -> str | None:
    """The last one counts."""
    found = [s.value for s in settings if (s.section, s.name, s.key) == (section, name, key)]
    return found[-1] if found else None


def _free(top: str, below: str) -> str:
    """The absolute path. Raises Refused when it is a link, or a link leads there."""
    full = os.path.normpath(os.path.join(top, below))
    if not full.startswith(f"{top}/"):
        raise Refused(f"{below!r} leads out of {top}")
    if os.path.realpath(full) != full:
        raise Refused(f"{full} is a link, or is reached through one")
    return full


def _index(path: str) -> git_files.GitIndex:
    try:
        return git_files.parse_index(_read(path, _LIMIT_INDEX))
    except git_files.IndexFormatError as error:
        raise Refused(f"{path} cannot be read: {error}") from None


def _text(path: str) -> str:
    return _read(path, _LIMIT).decode("utf-8", "surrogateescape")


def _read(path: str, limit: int) -> bytes:
    if os.path.islink(path):
        raise Refused(f"{path} is a link")
    try:
        data = read(path, limit + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {why(error)}") from None
    if len(data) > limit:
        raise Refused(f"{path} is larger than {limit >> 20} MiB")
    return data
