"""A project whose git settings run programs: none is run, and the submodule is there or refused."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trees
from git_clone import NAME, PATH, Clone, git, gitmodules

import needs
from gpufix.engine.journal import runs, undo_run
from gpufix.engine.run_context import Refused, StepFailed
from gpufix.engine.submodule import program

pytestmark = pytest.mark.needs("git", "openssl")

Arm = Callable[[Clone], object]


def sets(*words: str) -> Arm:
    """Keys and values of the project's .git/config."""

    def arm(clone: Clone) -> None:
        given = [w.format(run=clone.run, name=NAME) for w in words]
        for key, value in zip(given[::2], given[1::2], strict=True):
            clone.sets(key, value)

    return arm


def hooks(folder: Path, clone: Clone) -> None:
    """Hooks of every name that can be called here."""
    folder.mkdir(exist_ok=True, parents=True)
    for name in (
        "fsmonitor-watchman", "post-checkout", "post-index-change", "post-merge", "post-rewrite",
        "pre-auto-gc", "pre-merge-commit", "pre-rebase", "reference-transaction",
    ):  # fmt: skip
        shutil.copy(clone.run, folder / name)


def hooks_elsewhere(key: str, below: str) -> Arm:
    def arm(clone: Clone) -> None:
        hooks(clone.project / "theirs" / below, clone)
        clone.sets(key, str(clone.project / "theirs"))

    return arm


def included(clone: Clone) -> None:
    (clone.project / "more").write_text(f"[core]\n\tfsmonitor = {clone.run}\n")
    clone.sets("include.path", "../more")


def of_the_worktree(clone: Clone) -> None:
    clone.sets("extensions.worktreeConfig", "true")
    git(clone.project, "config", "--worktree", "core.fsmonitor", str(clone.run))


def attributes(clone: Clone) -> None:
    (clone.project / ".git/info").mkdir(exist_ok=True)
    (clone.project / ".git/info/attributes").write_text("* filter=own diff=own merge=own\n")
    for key in ("smudge", "clean", "process"):
        clone.sets(f"filter.own.{key}", str(clone.run))
    clone.sets("filter.own.required", "true")


def alternates(clone: Clone) -> None:
    objects = clone.remote.server.folder / "glm/.git/objects"
    (clone.project / ".git/objects/info/alternates").write_text(f"{objects}\n")
    sets("core.alternateRefsCommand", "{run}", "submodule.alternateLocation", "superproject")(clone)


def initialised(clone: Clone) -> None:
    """The submodule's own repository is there already, with settings and hooks."""
    folder = clone.project / ".git/modules" / NAME
    url = f"{clone.remote.server.url}/glm"
    git(clone.home, "clone", "-q", "--bare", url, str(folder), home=clone.home)
    hooks(folder / "hooks", clone)
    for key in ("core.fsmonitor", "filter.own.smudge", "core.sshCommand"):
        git(folder, "config", key, str(clone.run))
    git(folder, "config", "core.bare", "false")


# (how the project is armed, why it is refused). None: the submodule is fetched all the same.
ARMED: dict[str, tuple[Arm, str | None]] = {
    "nothing": (lambda clone: None, None),
    "fsmonitor": (sets("core.fsmonitor", "{run}"), None),
    "hooks": (lambda clone: hooks(clone.project / ".git/hooks", clone), None),
    "hooks path": (hooks_elsewhere("core.hooksPath", ""), None),
    "template": (hooks_elsewhere("init.templateDir", "hooks"), None),
    "filter": (attributes, None),
    "update": (sets("submodule.{name}.update", "!{run}"), None),
    "include": (included, None),
    "worktree config": (of_the_worktree, None),
    "alternates": (alternates, None),
    "ssh": (sets("core.sshCommand", "{run}"), None),
    "helper": (sets("credential.helper", "!{run}", "core.askPass", "{run}"), None),
    "proxy": (sets("core.gitProxy", "{run}"), None),
    "another address": (
        sets("url.ext::{run}.insteadOf", "https://", "protocol.ext.allow", "always"),
        None,
    ),
    "editor": (sets("core.editor", "{run}", "core.pager", "{run}", "pager.config", "{run}"), None),
    "uploadpack": (sets("remote.origin.uploadpack", "{run}", "remote.origin.vcs", "ext"), None),
    "pack": (sets("uploadpack.packObjectsHook", "{run}"), None),
    "diff": (sets("diff.external", "{run}", "diff.own.textconv", "{run}"), None),
    "gpg": (sets("gpg.program", "{run}", "gpg.ssh.program", "{run}"), None),
    "alias": (sets("alias.submodule", "!{run}", "alias.config", "!{run}"), None),
    "ext": (
        sets("submodule.{name}.url", "ext::{run} x", "protocol.ext.allow", "always"),
        "'ext::.* is not an https address",
    ),
    "working tree": (sets("core.worktree", "/"), r"sets core\.worktree"),
    "initialised": (initialised, "is there already: git would use its settings and hooks"),
}
# Those that git runs when a user types `git submodule update --init` there.
FATAL = ("fsmonitor", "update", "include", "worktree config", "initialised")


@pytest.mark.some(6)
@pytest.mark.parametrize("name", ARMED)
def test_nothing_of_the_projects_own_is_run(name: str, clone: Clone) -> None:
    arm, refused = ARMED[name]
    arm(clone)
    clone.canary.unlink(missing_ok=True)  # arming may have run it
    before = trees.state(clone.patient)
    if refused:
        with pytest.raises(Refused, match=refused):
            clone.apply()
    else:
        folder = clone.apply()
        assert clone.fetched()
        assert undo_run.undo(runs.load(folder)).problems == ()
    assert not clone.canary.exists(), clone.canary.read_text()
    assert trees.differences(before, trees.state(clone.patient)) == {}


@pytest.mark.some(2)
@pytest.mark.parametrize("name", FATAL)
def test_git_itself_would_run_it(name: str, clone: Clone) -> None:
    ARMED[name][0](clone)
    clone.canary.unlink(missing_ok=True)
    for words in (["submodule", "init"], ["submodule", "update"]):
        try:
            git(clone.project, *words, home=clone.home)
        except subprocess.CalledProcessError as error:
            print(error.stderr)
    assert clone.canary.exists()


@pytest.mark.parametrize("place", ["env/bin", "{project}/bin", "{project}", "link"])
def test_programs_of_the_patient_and_the_project_are_passed_over(place: str, clone: Clone) -> None:
    folder = clone.patient.root / place.format(project=clone.project)
    if place == "link":
        folder.symlink_to(clone.patient.prefix / "bin")
    folder.mkdir(exist_ok=True)
    for name in ("git", "git-remote-https", "sed", "uname", "sh"):
        shutil.copy(clone.run, folder / name)
    clone.apply(PATH=f"{folder}:.:{os.environ['PATH']}")
    assert clone.fetched()
    assert not clone.canary.exists()
    with pytest.raises(Refused, match="PATH has no other git"):
        clone.apply(PATH=str(folder))
    with pytest.raises(Refused, match="git is not on PATH"):
        clone.apply(PATH=".:/nowhere")


def test_variables_that_lead_git_astray_are_dropped(clone: Clone) -> None:
    hooks(clone.project / "theirs/hooks", clone)
    settings = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor"}
    clone.apply(
        **settings,
        GIT_CONFIG_VALUE_0=str(clone.run),
        GIT_DIR=str(clone.project / ".git"),
        GIT_INDEX_FILE="/nowhere",
        GIT_EXEC_PATH=str(clone.project / "theirs/hooks"),
        GIT_TEMPLATE_DIR=str(clone.project / "theirs"),
        GIT_ALLOW_PROTOCOL="ext",
        GIT_SSH_COMMAND=str(clone.run),
    )
    assert clone.fetched()
    assert not clone.canary.exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("{server}/private/glm", "terminal prompts disabled|unable to get password"),
        ("{server}/elsewhere/glm", "Protocol .http.* disabled"),
        ("{server}/absent", "not found"),
    ],
)
def test_neither_a_question_nor_another_protocol(url: str, message: str, clone: Clone) -> None:
    sets("core.askPass", "{run}", "credential.helper", "!{run}")(clone)
    clone.declares(url.format(server=clone.remote.server.url))
    before = trees.state(clone.patient)
    with pytest.raises(StepFailed, match=f"({message}).*everything was restored"):
        clone.apply(SSH_ASKPASS=str(clone.run), GIT_ASKPASS=str(clone.run), DISPLAY=":0")
    assert not clone.canary.exists()
    assert trees.differences(before, trees.state(clone.patient)) == {}


@pytest.mark.parametrize("protocol", ["ext::{run} ", "file://", "ssh://git@localhost/", "http://"])
def test_the_users_own_settings_do_not_add_a_protocol(protocol: str, clone: Clone) -> None:
    name = protocol.format(run=clone.run)
    clone.user_sets(f"url.{name}.insteadOf", "https://")
    clone.user_sets("protocol.allow", "always")
    clone.user_sets("core.sshCommand", str(clone.run))
    with pytest.raises(StepFailed, match=r"transport '.*' not allowed"):
        clone.apply()
    assert not clone.canary.exists()


def test_the_users_own_hooks_are_off_and_filters_apply_but_for_large_files(clone: Clone) -> None:
    hooks(clone.home / "theirs", clone)
    clone.user_sets("core.hooksPath", str(clone.home / "theirs"))
    clone.user_sets("core.fsmonitor", str(clone.run))
    clone.user_sets("filter.own.smudge", 'cat; echo "skip=$GIT_LFS_SKIP_SMUDGE"')
    clone.apply()
    assert (clone.folder / "glm.hpp").read_text() == "// glm\nskip=1\n"
    assert not clone.canary.exists()


def test_settings_in_the_gitmodules_are_not_obeyed(clone: Clone) -> None:
    text = gitmodules(f"{clone.remote.server.url}/glm") + f"\tupdate = !{clone.run}\n\tbranch = x\n"
    (clone.project / ".gitmodules").write_text(f"{text}[core]\n\tfsmonitor = {clone.run}\n")
    clone.apply()
    assert clone.fetched()
    assert not clone.canary.exists()
    assert PATH in git(clone.project, "ls-files")


def test_a_systems_own_interpreter_owns_no_programs(clone: Clone) -> None:
    context = clone.context()
    place = needs.path("git")
    prefix = str(Path(place).parent.parent)
    for kind, found in (("system", place), ("other", None)):
        python = context.facts.python
        assert python is not None
        python = replace(python, prefix=prefix, kind=kind)
        facts = replace(context.facts, python=python)
        given = replace(context, facts=facts, environ={"PATH": str(Path(place).parent)})
        if found:
            assert program(given) == found
        else:
            with pytest.raises(Refused, match="belongs to the environment or the project"):
                program(given)
