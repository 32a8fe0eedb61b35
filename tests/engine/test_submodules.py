"""A submodule is left as git leaves it, goes where it belongs or nowhere, and can be undone."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import faults
import pytest
import trees
from git_clone import NAME, PATH, Clone, git

from gpufix.engine.journal import runs, undo_run
from gpufix.engine.run.preview import preview
from gpufix.engine.run_context import NothingToUndo, Refused
from gpufix.engine.steps import submodules
from gpufix.model import InitSubmodules

pytestmark = pytest.mark.needs("git", "openssl")


def told(clone: Clone) -> dict[str, str]:
    """What git says and notes of the project and its submodule."""
    modules = clone.project / ".git/modules" / NAME
    return {
        "status": git(clone.project, "status", "--porcelain"),
        "submodules": git(clone.project, "submodule", "status"),
        "settings": (clone.project / ".git/config").read_text(),
        "its settings": (modules / "config").read_text(),
        "its branches": git(clone.folder, "for-each-ref"),
        "its way back": (clone.folder / ".git").read_text(),
        "its history": git(clone.folder, "log", "--format=%H"),
        "its files": str(sorted(path.name for path in clone.folder.iterdir())),
        "its own": str(sorted(path.name for path in modules.iterdir())),
    }


@pytest.mark.parametrize("shallow", [False, True])
def test_it_is_left_as_git_leaves_it_and_undone(shallow: bool, clone: Clone) -> None:
    if shallow:
        with (clone.project / ".gitmodules").open("a") as file:
            file.write("\tshallow = true\n")
    before = trees.state(clone.patient)
    folder = clone.apply()
    ours = told(clone)
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(clone.patient)) == {}
    git(clone.project, "submodule", "update", "--init", home=clone.home)
    assert ours == told(clone)
    assert ours["submodules"].startswith(f" {clone.remote.commit} {PATH} (")


def second(clone: Clone) -> InitSubmodules:
    """Another submodule, two folders deeper, with the same content."""
    link = f"160000,{clone.remote.commit},a/b/c"
    git(clone.project, "update-index", "--add", "--cacheinfo", link)
    with (clone.project / ".gitmodules").open("a") as file:
        file.write(f'[submodule "a"]\n\tpath = a/b/c\n\turl = {clone.remote.server.url}/glm\n')
    return InitSubmodules(root=str(clone.project), paths=[PATH, "a/b/c"])


def test_two_of_them_and_folders_that_are_not_there(clone: Clone) -> None:
    step = second(clone)
    clone.folder.rmdir()
    clone.folder.parent.rmdir()
    before = trees.state(clone.patient)
    folder = clone.apply(step)
    assert clone.fetched()
    assert (clone.project / "a/b/c/glm.hpp").is_file()
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(clone.patient)) == {}


def undo_all(clone: Clone) -> None:
    try:
        assert undo_run.undo(runs.find(clone.patient.state, None)).problems == ()
    except NothingToUndo:
        return


def test_a_run_that_is_killed_is_undone(clone: Clone) -> None:
    before = trees.state(clone.patient)
    total = faults.run(clone.apply)
    assert total is not None
    undo_all(clone)
    # How much there is to be synced differs a little from run to run.
    for fatal in range(1, total - 20, total // 8):
        assert faults.run(clone.apply, fatal) is None
        undo_all(clone)
        assert trees.differences(before, trees.state(clone.patient)) == {}, f"killed at {fatal}"


@pytest.mark.some(3)
@pytest.mark.parametrize(
    ("declared", "settings"),
    [
        ("../glm", {}),
        ("./../glm/", {}),
        ("../glm", {"remote.other.url": "http://x/y"}),
        ("../glm", {"remote.a.url": "{server}/super", "branch.main.remote": "a"}),
        ("http://example.org/glm", {f"submodule.{NAME}.url": "{server}/glm"}),
        ("ext::sh -c id", {f"submodule.{NAME}.url": "../glm", f"submodule.{NAME}.active": "false"}),
    ],
)
def test_addresses_are_those_that_git_would_use(
    declared: str, settings: dict[str, str], clone: Clone
) -> None:
    server = clone.remote.server.url
    clone.declares(declared.format(server=server))
    for key, value in settings.items():
        clone.sets(key, value.format(server=server))
    clone.apply()
    assert clone.fetched()
    noted = git(clone.project, "config", f"submodule.{NAME}.url").strip()
    assert noted == settings.get(f"submodule.{NAME}.url", f"{server}/glm").format(server=server)
    assert git(clone.project, "submodule", "status").startswith(f" {clone.remote.commit} {PATH}")


def check(clone: Clone, path: str = PATH) -> None:
    step = InitSubmodules(root=str(clone.project), paths=[path])
    submodules.check(step, clone.context())


@pytest.mark.some(4)
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://a/b", "not an https address"),
        ("git://a/b", "not an https address"),
        ("file:///x", "not an https address"),
        ("/x", "not an https address"),
        ("ext::sh -c id", "not an https address"),
        ("-u./run", "not an https address"),
        ("https://a/b%0ac", "not an https address"),
        ("https://user:secret@a/b", "'https://…@a/b' is not an https address"),
        ("git@-oProxyCommand=run:a/b", "not an https address"),
        ("../../../../x", "leads above"),
    ],
)
def test_other_addresses_are_refused(url: str, message: str, clone: Clone) -> None:
    check(clone)
    clone.declares(url)
    with pytest.raises(Refused, match=message):
        check(clone)


def test_a_relative_address_needs_an_https_one_to_start_from(clone: Clone) -> None:
    clone.declares("../glm")
    git(clone.project, "remote", "set-url", "origin", "/srv/super")
    with pytest.raises(Refused, match="'/srv/super' is not an https address"):
        check(clone)


@pytest.mark.some(4)
@pytest.mark.parametrize("name", ["../x", "a/../../x", "a//b", "/x", "a/", ".", "-x", "a\\\\b", ""])
def test_names_that_lead_elsewhere_are_refused(name: str, clone: Clone) -> None:
    clone.declares("https://example.org/glm", name)
    with pytest.raises(Refused, match="not the name of a submodule"):
        check(clone)


@pytest.mark.parametrize("path", ["../outside", "/etc", "--all", "third_party", "absent"])
def test_paths_that_git_does_not_record_are_refused(path: str, clone: Clone) -> None:
    with pytest.raises(Refused, match="records no submodule"):
        check(clone, path)


@pytest.mark.parametrize("path", [".git/hooks/abcd", "a/b/.GIT/hooks1"])
def test_a_path_into_git_is_refused(path: str, clone: Clone) -> None:
    """An index that somebody has written who means ill: git itself records no such path."""
    for name in (".git/index", ".gitmodules"):
        file = clone.project / name
        file.write_bytes(file.read_bytes().replace(PATH.encode(), path.encode()))
    with pytest.raises(Refused, match=r"leads into \.git"):
        check(clone, path)


def linked(below: str) -> Callable[[Clone], object]:
    """What is there lies elsewhere, and a link leads to it."""

    def arm(clone: Clone) -> None:
        place, away = clone.project / below, clone.patient.root / "away"
        if place.exists():
            shutil.move(place, away)
        else:
            away.mkdir()
        place.symlink_to(away)

    return arm


def unmerged(clone: Clone) -> None:
    index = clone.project / ".git/index"
    data = index.read_bytes()
    at = data.index(PATH.encode()) - 2
    index.write_bytes(data[:at] + bytes([data[at] | 0x20]) + data[at + 1 :])


def written(below: str) -> Callable[[Clone], object]:
    def arm(clone: Clone) -> None:
        place = clone.project / below
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("x\n")

    return arm


@pytest.mark.some(6)
@pytest.mark.parametrize(
    ("arm", "message"),
    [
        (written(f"{PATH}/.git"), "not an empty folder"),
        (linked(PATH), "is a link"),
        (linked("third_party"), "is a link"),
        (linked(".git/modules"), "is a link"),
        (linked(".git/config"), "is a link"),
        (linked(".git/index"), "is a link"),
        (linked(".gitmodules"), "is a link"),
        (linked(".git"), "no .git folder of its own"),
        (written(".git/commondir"), "no .git folder of its own"),
        (written(".git/gpufix-stage/x"), "there already"),
        (written(f".git/modules/{NAME}/HEAD"), "there already"),
        (lambda c: (c.declares("https://a/b", "x/y"), written(".git/modules/x/HEAD")(c)), "within"),
        (unmerged, "unmerged"),
        (
            lambda c: c.sets("extensions.objectFormat", "sha256"),
            r"extensions\.objectformat = sha256",
        ),
        (lambda c: c.sets("extensions.unheardOf", "x"), r"extensions\.unheardof"),
        (lambda c: (c.project / ".gitmodules").write_text(""), "does not declare"),
        (lambda c: (c.project / ".gitmodules").unlink(), "cannot be read"),
        (lambda c: (c.project / ".gitmodules").write_text("\n" * (2 << 20)), "larger than 1 MiB"),
    ],
)
def test_places_that_are_taken_or_lead_elsewhere_are_refused(
    arm: Callable[[Clone], object], message: str, clone: Clone
) -> None:
    clone.sets("extensions.preciousObjects", "true")
    clone.sets("extensions.objectFormat", "sha1")
    check(clone)
    arm(clone)
    with pytest.raises(Refused, match=message):
        check(clone)


def test_the_preview_says_what_runs_and_writes_nothing(clone: Clone) -> None:
    before = trees.state(clone.patient)
    shown = preview(clone.step, clone.context())
    assert trees.differences(before, trees.state(clone.patient)) == {}
    assert not clone.patient.state.exists()
    assert shown.title == f"initialise {PATH}: made in a fresh repository, then moved"
    assert shown.downloads == [f"{clone.remote.server.url}/glm at {clone.remote.commit}"]
    (fetching,) = [c for c in shown.commands if "submodule update" in c]
    assert "-c core.hooksPath=/dev/null" in fetching
    assert fetching.endswith("submodule update --init --checkout .")
    assert shown.touches[-1] == str(clone.project / ".git/config")
    clone.declares("http://a/b")
    assert preview(clone.step, clone.context()).commands == []
