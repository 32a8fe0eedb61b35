"""Repairs of an environment that a tool manages: the command that records them in the project."""

from __future__ import annotations

from dataclasses import replace

import builders as b
import pytest

from gpufix.fixes.project_tool import keeping, tool_of
from gpufix.model import Facts, Install, Plan, Project

STEP = Install(install=["torchvision==0.28.0"])


def of(lock: str, prefix: str = "/p/.venv", chosen: str | None = None) -> Facts:
    python = replace(b.python(), prefix=prefix, chosen=chosen)
    return b.facts(
        python=python,
        project=Project(root="/p", locks=[lock] if lock else []),
        distributions=[b.dist("torchvision", "0.29.1")],
    )


def plan(step: Install) -> Plan:
    return Plan(fix="f", codes=["WHL505"], title="t", safety="unsafe", steps=[step])


@pytest.mark.parametrize(
    ("facts", "tool"),
    [
        (of(""), None),
        (of("uv.lock", "/elsewhere"), None),
        (of("uv.lock"), "uv"),
        (of("poetry.lock", "/cache/p-py3.11", "the project's poetry environment"), "poetry"),
    ],
)
def test_whose_it_is(facts: Facts, tool: str | None) -> None:
    assert tool_of(facts) == tool


@pytest.mark.parametrize(
    ("lock", "step", "line"),
    [
        ("uv.lock", STEP, "uv add --directory /p torchvision==0.28.0"),
        ("pdm.lock", STEP, "pdm add -p /p torchvision==0.28.0"),
        ("poetry.lock", STEP, "poetry --directory /p add torchvision==0.28.0"),
        ("uv.lock", Install(install=["torchvision==0.29.1"], reinstall=True), None),
        ("uv.lock", Install(uninstall=["torchvision"]), None),
        ("", STEP, None),
    ],
)
def test_how_it_is_kept(lock: str, step: Install, line: str | None) -> None:
    assert keeping(plan(step), of(lock)) == line


def test_an_index_of_torch_is_named() -> None:
    kept = keeping(plan(Install(install=["torch==2.13.0+cu130"], index="cu130")), of("uv.lock"))
    assert kept is not None
    assert "--index https://download.pytorch.org/whl/cu130" in kept
