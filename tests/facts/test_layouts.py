"""Environments laid out in many ways: the doctor sees what the real import takes."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import layout_package
import pytest
from layouts import LAYOUTS, Laid, Place

from gpufix.diagnosis.diagnose import Request, examine
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import libraries
from gpufix.facts.packages import distributions
from gpufix.facts.python import interpreter
from gpufix.facts.queries import Queries
from gpufix.model import Facts, Host


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layout_package.built(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def place(tmp_path: Path, venv: Path, package: Path) -> Place:
    shutil.copytree(venv, tmp_path / "venv", symlinks=True)
    shutil.copytree(package, tmp_path / "store", copy_function=shutil.copy2)
    return Place(tmp_path, tmp_path / "venv", tmp_path / "store")


def imports(laid: Laid) -> bool:
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **laid.environ}
    command = [laid.python, "-B", "-c", "import demo"]
    done = subprocess.run(command, env=environ, cwd="/", capture_output=True, check=False)
    return done.returncode == 0


def looked_at(ctx: CollectContext, laid: Laid) -> Facts:
    ctx = replace(ctx, environ={**ctx.environ, **laid.environ}, gaps=[])
    python = interpreter.collect(ctx, str(laid.python))
    dists, shared = distributions.collect(ctx, python)
    return Facts(
        gpufix_version="0",
        host=Host(os="Linux", kernel="6", machine="x86_64"),
        python=python,
        distributions=[dist for dist in dists if dist.name == "demo"],
        shared_files=shared,
        binaries=libraries.collect(ctx, python, dists, None),
        gaps=ctx.gaps,
    )


def codes(facts: Facts) -> list[str]:
    return [found.code for found in examine(facts, Request(), Queries.of(facts)).findings]


@pytest.mark.some(8)
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout(ctx: CollectContext, place: Place, name: str) -> None:
    laid = LAYOUTS[name](place)
    assert imports(laid)
    healthy = looked_at(ctx, laid)
    assert (healthy.binaries.scanned, healthy.gaps, codes(healthy)) == (laid.libraries, [], [])
    assert healthy.binaries.modules == ({"demo": 1} if laid.owned else {})

    laid.dep.unlink()
    assert not imports(laid)
    broken = looked_at(ctx, laid)
    (module,) = broken.binaries.libraries
    assert [(p.kind, p.name) for p in module.problems] == [("missing-library", "libdep.so")]
    assert module.path.endswith(f"/demo/_m{layout_package.SUFFIX}")
    assert codes(broken) == ["WHL503" if laid.recorded else "SYM402"]
