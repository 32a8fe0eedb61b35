"""`gpufix undo` where the environment or the project is gone, or was moved."""

from __future__ import annotations

import shutil

import pytest
from undo_scene import Scene
from venvs import snapshot

GONE = "which is no longer there"


@pytest.mark.parametrize("cut_off", [False, True])
def test_an_environment_that_is_gone(cut_off: bool, scene: Scene) -> None:
    name = scene.run(scene.a, cut_off=cut_off)
    scene.a.path.rename(scene.folder / "moved")
    before = snapshot(scene.folder / "moved", scene.b.path)
    stale = {"VIRTUAL_ENV": str(scene.a.path)}
    for arguments, env in (([], stale), (["--python", str(scene.a.python)], {}), ([name], {})):
        done = scene.gpufix("undo", *arguments, **env)
        assert done.returncode == 2
        assert f"run {name} changed the environment {scene.a.path}, {GONE}" in done.stderr
        assert f"gpufix undo --forget {name}" in done.stderr
    assert "(no longer there)" in scene.gpufix("undo", "--list").stdout
    moved = scene.undo(VIRTUAL_ENV=str(scene.folder / "moved"))
    assert (moved["state"], moved["runs"][0]["environment"]) == ("elsewhere", "gone")
    assert snapshot(scene.folder / "moved", scene.b.path) == before
    assert not scene.a.path.exists()
    assert scene.gpufix("undo", "--forget", name).returncode == 0
    assert scene.undo(**stale)["state"] == "nothing"


def test_a_link_in_the_place_of_the_environment(scene: Scene) -> None:
    name = scene.run(scene.a)
    moved = scene.folder / "moved"
    scene.a.path.rename(moved)
    scene.a.path.symlink_to(moved)
    before = snapshot(moved)
    for env in ({"VIRTUAL_ENV": str(moved)}, {"VIRTUAL_ENV": str(scene.a.path)}):
        done = scene.gpufix("undo", **env)
        assert done.returncode == 2
        assert f"where there now is a link to {moved}" in done.stderr
    assert snapshot(moved) == before
    scene.a.path.unlink()
    moved.rename(scene.a.path)
    assert scene.undo(name)["state"] == "undone"


def test_a_folder_above_that_was_moved_and_left_a_link(scene: Scene) -> None:
    """The way leads to the same environment: it is put back there."""
    name = scene.run(scene.a)
    home = scene.folder.with_name(f"{scene.folder.name}-moved")
    state = home / "state"
    scene.folder.rename(home)
    scene.folder.symlink_to(home)
    try:
        env = {"XDG_STATE_HOME": str(state), "VIRTUAL_ENV": str(home / "a")}
        undone = scene.undo(cwd=home, **env)
        assert (undone["id"], undone["state"]) == (name, "undone")
        assert not list((home / "a").rglob("mended*.py"))
    finally:
        scene.folder.unlink()
        home.rename(scene.folder)


def test_the_environment_is_gone_and_the_project_is_not(scene: Scene) -> None:
    file = scene.project / "mended.py"
    name = scene.run(scene.a, file=file)
    shutil.rmtree(scene.a.path)
    undone = scene.undo(name)
    assert (undone["state"], undone["environment"]) == ("undone", "gone")
    assert not file.exists()
    other = scene.run(scene.b, file=file)
    shutil.rmtree(scene.project)
    done = scene.gpufix("undo", other)
    assert done.returncode == 2
    assert f"changed the project {scene.project}, {GONE}" in done.stderr
    assert not scene.project.exists()
