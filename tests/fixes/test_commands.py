"""Steps as the commands that a person would type into a shell."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.fixes.commands import commands, summary
from gpufix.model import (
    Advise,
    Build,
    Facts,
    InitSubmodules,
    Install,
    InstallFallback,
    Plan,
    Remove,
    SetVariables,
    Step,
    WriteFile,
)

PIP = "/env/bin/python -m pip"
UV = b.facts(python=b.python(kind="uv"))


@pytest.mark.parametrize(
    ("step", "lines"),
    [
        (Advise(text="reboot"), []),
        (Advise(text="update", command="apt install nvidia-driver"), ["apt install nvidia-driver"]),
        (WriteFile(path="/p/setup.py", content=""), []),
        (Remove(path="/p/my build"), ["rm -r '/p/my build'"]),
        (SetVariables(variables={"A": "1 2", "B": None}), ["export A='1 2'", "unset B"]),
        (
            InitSubmodules(root="/p", paths=["glm", "a b"]),
            ["git -C /p submodule update --init -- glm 'a b'"],
        ),
        (
            InstallFallback(name="simple_knn", distribution="simple-knn", version="1+gpufix"),
            ["gpufix fix --apply --fallback simple_knn"],
        ),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_steps_that_need_no_installer(step: Step, lines: list[str]) -> None:
    assert list(commands(step, b.facts())) == lines


@pytest.mark.parametrize(
    ("step", "lines"),
    [
        (Install(), []),
        (Install(install=["a==1"]), [f"{PIP} install --no-deps a==1"]),
        (Install(install=["a<2"], dependencies=True), [f"{PIP} install 'a<2'"]),
        (
            Install(install=["a==1"], reinstall=True),
            [f"{PIP} install --force-reinstall --no-deps a==1"],
        ),
        (
            Install(install=["torch==2.9.0"], dependencies=True, index="cu128"),
            [f"{PIP} install --index-url https://download.pytorch.org/whl/cu128 torch==2.9.0"],
        ),
        (Install(uninstall=["a", "b"]), [f"{PIP} uninstall -y a b"]),
        (
            Install(uninstall=["a"], install=["a==1"]),
            [f"{PIP} uninstall -y a", f"{PIP} install --no-deps a==1"],
        ),
        (
            Build(path="/p", environment={"B": "1", "A": "8.9 9.0"}),
            [
                f"A='8.9 9.0' B=1 {PIP} install --no-build-isolation --no-deps --force-reinstall /p",
            ],
        ),
        (
            Build(path="/p", editable=True),
            [f"{PIP} install --no-build-isolation --no-deps --force-reinstall -e /p"],
        ),
    ],
)
def test_installations_by_pip(step: Step, lines: list[str]) -> None:
    assert list(commands(step, b.facts())) == lines


@pytest.mark.parametrize(
    ("facts", "lines"),
    [
        (b.facts(), [f"{PIP} uninstall -y a", f"{PIP} install --no-deps b"]),
        (
            b.facts(python=None),
            ["python -m pip uninstall -y a", "python -m pip install --no-deps b"],
        ),
        (  # uv has pip's commands, asks nothing, and is told the interpreter by an option
            UV,
            [
                "uv pip uninstall --python /env/bin/python a",
                "uv pip install --python /env/bin/python --no-deps b",
            ],
        ),
    ],
    ids=["venv", "no Python", "uv"],
)
def test_the_installer_is_the_patients_own(facts: Facts, lines: list[str]) -> None:
    assert list(commands(Install(uninstall=["a"], install=["b"]), facts)) == lines


@pytest.mark.parametrize(
    ("steps", "fallback", "command"),
    [
        ([], None, None),
        ([Advise(text="reboot")], None, None),
        ([Remove(path="/a"), Remove(path="/b")], None, "rm -r /a\nrm -r /b"),
        ([Remove(path="/a")], "xformers", "gpufix fix --apply --fallback xformers"),
    ],
)
def test_a_plan_in_short(steps: list[Step], fallback: str | None, command: str | None) -> None:
    plan = Plan(fix="f", codes=["WHL503"], title="t", safety="safe", steps=steps, fallback=fallback)
    assert summary(plan, b.facts()).command == command
