"""A project as `git clone` leaves it: its submodule is declared, recorded, and not there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from git_server import Server, serving
from trees import Patient

from gpufix.engine.journal import lock
from gpufix.engine.run import apply
from gpufix.engine.run_context import RunContext
from gpufix.model import InitSubmodules

PATH = "third_party/glm"
NAME = "the glm"


def git(folder: Path, *words: str, home: Path | None = None) -> str:
    """Git as a trusting user runs it, without this machine's own settings."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home or "/nowhere"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }
    who = ["-c", "user.name=t", "-c", "user.email=t@t"]
    command = ["git", "-C", str(folder), *who, *words]
    return subprocess.run(command, env=environ, check=True, capture_output=True).stdout.decode()


def gitmodules(url: str, name: str = NAME) -> str:
    return f'[submodule "{name}"]\n\tpath = {PATH}\n\turl = {url}\n'


@dataclass(frozen=True)
class Remote:
    """A server with two repositories: glm, and super, which records `commit` of it."""

    server: Server
    commit: str


@contextmanager
def remote(base: Path) -> Iterator[Remote]:
    """While it is entered, both can be cloned. The commit of glm is not its newest."""
    with serving(base / "repositories") as server:
        glm, project = _repository(server.folder / "glm"), _repository(server.folder / "super")
        files = {"glm.hpp": "// glm\n", ".gitattributes": "*.hpp filter=own diff=own merge=own\n"}
        commit = _committed(glm, files)
        git(glm, "tag", "v1")
        _committed(glm, {"glm.hpp": "// newer\n"})
        (project / PATH).mkdir(parents=True)
        git(project, "update-index", "--add", "--cacheinfo", f"160000,{commit},{PATH}")
        _committed(project, {".gitmodules": gitmodules(f"{server.url}/glm")})
        yield Remote(server, commit)


def _repository(folder: Path) -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


def _committed(folder: Path, files: dict[str, str]) -> str:
    for name, content in files.items():
        (folder / name).write_text(content)
        git(folder, "add", "--", name)
    git(folder, "commit", "-qm", "more")
    return git(folder, "rev-parse", "HEAD").strip()


@dataclass(frozen=True)
class Clone:
    """The project. `run` is a program that notes in `canary` that it was run."""

    patient: Patient
    remote: Remote
    home: Path
    run: Path
    canary: Path

    @property
    def project(self) -> Path:
        return self.patient.project

    @property
    def folder(self) -> Path:
        return self.project / PATH

    @property
    def step(self) -> InitSubmodules:
        return InitSubmodules(root=str(self.project), paths=[PATH])

    def declares(self, url: str, name: str = NAME) -> None:
        (self.project / ".gitmodules").write_text(gitmodules(url, name))

    def sets(self, key: str, value: str) -> None:
        """In the project's .git/config."""
        git(self.project, "config", "--file", ".git/config", "--add", key, value)

    def user_sets(self, key: str, value: str) -> None:
        """In the user's own settings."""
        git(self.home, "config", "--global", "--add", key, value, home=self.home)

    def context(self, fds: tuple[int, ...] = (), **environ: str) -> RunContext:
        given = {"PATH": os.environ["PATH"], "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1"}
        return RunContext(self.patient.facts(), environ={**given, **environ}, lock_fds=fds)

    def apply(self, step: InitSubmodules | None = None, **environ: str) -> Path:
        """The run's folder. Raises Refused, StepFailed."""
        with lock.held(self.patient.state, [str(self.patient.prefix)], "a test") as fds:
            context = self.context(fds, **environ)
            folder = apply.apply([step or self.step], context, self.patient.state, "test")
            apply.finish(folder)
        return folder

    def fetched(self) -> bool:
        """Whether the submodule is as git would have left it, asked in the submodule alone."""
        head = git(self.folder, "rev-parse", "HEAD").strip()
        clean = git(self.folder, "status", "--porcelain") == ""
        content = (self.folder / "glm.hpp").read_text()
        return clean and head == self.remote.commit and content == "// glm\n"


def clone(patient: Patient, remote: Remote, base: Path) -> Clone:
    """The patient's project becomes a clone of super, by a user who trusts the server.

    Nothing is fetched for it: what a test asks the server for is its own.
    """
    home, run, canary = base / "home", base / "run", base / "canary"
    home.mkdir()
    run.write_text(f'#!/bin/sh\necho "$0 $*" >> {canary}\nexit 1\n')
    run.chmod(0o755)
    made = Clone(patient, remote, home, run, canary)
    made.user_sets("http.sslCAInfo", str(remote.server.certificate))
    repository = remote.server.folder / "super"
    git(home, "clone", "-q", "--no-hardlinks", str(repository), str(home / "made"), home=home)
    shutil.move(home / "made/.git", made.project / ".git")
    git(made.project, "remote", "set-url", "origin", f"{remote.server.url}/super")
    git(made.project, "reset", "-q", "--hard")
    return made
