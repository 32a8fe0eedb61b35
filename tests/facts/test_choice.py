"""Which environment is the patient when none is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gpufix.facts.context import CollectContext
from gpufix.facts.python import choice
from gpufix.facts.python.choice import chosen

VENV, CONDA = "pyvenv.cfg", "conda-meta/history"
PROJECT, PIPFILES = "/srv/work/proj", "/srv/work/pip"


@dataclass(frozen=True)
class Scene:
    """Files below the home folder, and what is set; `project` and `cwd` are folders there."""

    files: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    project: str | None = "p"
    cwd: str = "here"

    def chosen(self, ctx: CollectContext) -> str | None:
        """The choice, relative to the home folder."""
        for name in (*self.files, "here/x", "p/x"):
            path = ctx.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        env = {k: v.replace("~", str(ctx.home)) for k, v in self.env.items()}
        there = replace(ctx, environ=env, cwd=ctx.home / self.cwd)
        found = chosen(there, ctx.home / self.project if self.project else None)
        return found.removeprefix(f"{ctx.home}/") if found else None


NOTHING = {
    "nothing at all": Scene(),
    "a folder of that name that is no environment": Scene(("p/.venv/bin/python", "p/venv/main.py")),
    "one below the project": Scene((f"p/sub/.venv/{VENV}",)),
    "one above it": Scene((f".venv/{VENV}",)),
    "a lock file above it, and no environment there": Scene(("uv.lock",)),
    "an active one that is set to nothing": Scene(env={"VIRTUAL_ENV": "", "CONDA_PREFIX": ""}),
    "uv's, and it is not there": Scene(env={"UV_PROJECT_ENVIRONMENT": "~/env"}),
    "another environment of pixi": Scene((f"p/.pixi/envs/test/{CONDA}",)),
}
FOUND = {
    "active": (Scene((f"p/.venv/{VENV}",), {"VIRTUAL_ENV": "~/a", "CONDA_PREFIX": "~/c"}), "a"),
    "active, conda": (Scene((f"p/.venv/{VENV}",), {"CONDA_PREFIX": "~/c"}), "c"),
    "the project's": (Scene((f"p/.venv/{VENV}", f"here/.venv/{VENV}")), "p/.venv"),
    "the current folder's": (Scene((f"here/.venv/{VENV}",)), "here/.venv"),
    "without a project": (Scene((f"here/.venv/{VENV}",), project=None), "here/.venv"),
    "venv": (Scene((f"p/venv/{VENV}",)), "p/venv"),
    "env": (Scene((f"p/env/{VENV}",)), "p/env"),
    "a folder of the user's that is conda's": (Scene((f"p/env/{CONDA}",)), "p/env"),
    "uv's, elsewhere": (
        Scene((f"p/.venv/{VENV}", f"e/{VENV}"), {"UV_PROJECT_ENVIRONMENT": "~/e"}),
        "e",
    ),
    "uv's, in the project": (
        Scene((f"p/.venv/{VENV}", f"p/e/{VENV}"), {"UV_PROJECT_ENVIRONMENT": "e"}),
        "p/e",
    ),
    "uv's, of the workspace": (Scene((f"w/.venv/{VENV}", "w/uv.lock"), project="w/m/a"), "w/.venv"),
    "pixi's": (Scene((f"p/.pixi/envs/default/{CONDA}",)), "p/.pixi/envs/default"),
}


@pytest.mark.parametrize("case", NOTHING)
def test_there_is_none(case: str, ctx: CollectContext) -> None:
    assert NOTHING[case].chosen(ctx) is None


@pytest.mark.parametrize("case", FOUND)
def test_it_is(case: str, ctx: CollectContext) -> None:
    scene, expected = FOUND[case]
    assert scene.chosen(ctx) == expected


# How poetry 2.5, hatch 1.18, pdm 2.29 and pipenv 2026.10 name what they make for a project of that path.
KEPT = {
    "poetry": (".cache/pypoetry/virtualenvs/my-proj-bNyPvxhb-py3.11", PROJECT, {}),
    "poetry, another cache": (
        "c/virtualenvs/my-proj-bNyPvxhb-py3.11",
        PROJECT,
        {"POETRY_CACHE_DIR": "c"},
    ),
    "poetry, another folder": (
        "v/my-proj-bNyPvxhb-py3.11",
        PROJECT,
        {"POETRY_VIRTUALENVS_PATH": "v"},
    ),
    "hatch": (".local/share/hatch/env/virtual/my-proj/bNyPvxhb/my-proj", PROJECT, {}),
    "pdm": (".local/share/pdm/venvs/proj-Rwp1AvGZ-3.11", PROJECT, {}),
    "pipenv": (".local/share/virtualenvs/pip-d5drqJ2X", PIPFILES, {}),
    "pipenv, virtualenvwrapper's folder": ("w/pip-d5drqJ2X", PIPFILES, {"WORKON_HOME": "w"}),
}


def kept(ctx: CollectContext, case: str, *more: str) -> str | None:
    path, project, env = KEPT[case]
    for name in (path, *more):
        (ctx.home / name).mkdir(parents=True)
        (ctx.home / name / VENV).touch()
    there = replace(ctx, environ={k: str(ctx.home / v) for k, v in env.items()})
    return chosen(there, Path(project))


@pytest.mark.parametrize("case", KEPT)
def test_a_tool_keeps_it_elsewhere(case: str, ctx: CollectContext) -> None:
    assert kept(ctx, case) == str(ctx.home / KEPT[case][0])


def test_of_two_pythons_none_is_guessed(ctx: CollectContext) -> None:
    assert kept(ctx, "poetry", ".cache/pypoetry/virtualenvs/my-proj-bNyPvxhb-py3.12") is None


def test_of_hatch_it_is_the_default_one(ctx: CollectContext) -> None:
    other = ".local/share/hatch/env/virtual/my-proj/bNyPvxhb/docs"
    assert kept(ctx, "hatch", other) == str(ctx.home / KEPT["hatch"][0])


def test_a_cache_that_is_closed_to_us_holds_nothing(ctx: CollectContext) -> None:
    (ctx.home / ".cache").symlink_to("/proc/1/root/nowhere")
    assert chosen(replace(ctx, environ={}), Path(PROJECT)) is None


@pytest.mark.parametrize(
    ("left", "own"),
    [
        ("pipx_metadata.json", True),
        ("uv-receipt.toml", True),
        (".install_state_v2", True),  # pre-commit's, which sets VIRTUAL_ENV for its hooks
        ("pyvenv.cfg", False),
    ],
)
def test_a_tools_environment_that_runs_gpufix_is_no_patient(
    left: str, own: bool, ctx: CollectContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ctx.home / "tool"
    folder.mkdir()
    (folder / left).touch()
    there = replace(ctx, environ={"VIRTUAL_ENV": str(folder)})
    assert chosen(there, None) == str(folder)  # another's: somebody activated it
    monkeypatch.setattr(choice.sys, "prefix", str(folder))
    assert chosen(there, None) == (None if own else str(folder))
