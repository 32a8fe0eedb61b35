"""What is installed: pip's and setuptools' forms, editable installs, duplicates, broken metadata."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distributions as installed
from pathlib import Path

import pytest
from fake_site import Site

import needs
from gpufix.facts.context import CollectContext
from gpufix.facts.packages import distributions
from gpufix.facts.python import interpreter
from gpufix.model import Distribution
from gpufix.text.names import normalise


def collect(ctx: CollectContext, site: Site, **update: object) -> list[Distribution]:
    return distributions.collect(ctx, site.python(**update))[0]


def test_no_interpreter_no_distributions(ctx: CollectContext) -> None:
    assert distributions.collect(ctx, None) == ([], [])


def test_an_empty_site_folder(ctx: CollectContext, site: Site) -> None:
    assert distributions.collect(ctx, site.python()) == ([], [])
    assert ctx.gaps == []


def test_the_environment_that_runs_the_tests(ctx: CollectContext) -> None:
    """Everything that Python itself sees, with nothing missing that pip installed."""
    patient = interpreter.collect(ctx, sys.executable)
    assert patient is not None
    found, _ = distributions.collect(ctx, patient)
    truth = {(normalise(d.metadata["Name"]), d.version) for d in installed()}
    assert {(dist.name, dist.version) for dist in found} == truth
    assert [d.name for d in found if d.record and d.record.missing_count] == []
    assert ctx.gaps == []


def test_fields(ctx: CollectContext, site: Site) -> None:
    metadata = b"Name: My.Pkg\nVersion: 2.0\nRequires-Dist: a>1\nRequires-Python: >=3.8\n\n"
    notes = {
        "INSTALLER": b"uv",
        "REQUESTED": b"",
        "WHEEL": b"Wheel-Version: 1.0\nTag: cp311-cp311-linux_x86_64\nTag: py3-none-any\n",
        "direct_url.json": json.dumps(
            {"url": "https://me:secret@host.example/a.whl?token=s#x", "archive_info": {}}
        ).encode(),
    }
    site.install("my-pkg", "2.0", metadata=metadata, notes=notes)
    (dist,) = collect(ctx, site)
    assert (dist.name, dist.version, dist.installer, dist.requested) == (
        "my-pkg",
        "2.0",
        "uv",
        True,
    )
    assert dist.direct_url == "https://host.example/a.whl"
    assert dist.tags == ["cp311-cp311-linux_x86_64", "py3-none-any"]
    assert (dist.requires, dist.requires_python) == (["a>1"], ">=3.8")
    assert dist.editable is None
    assert ctx.gaps == []


def test_editable_and_the_egg_info_it_leaves(
    ctx: CollectContext, site: Site, tmp_path: Path
) -> None:
    project = tmp_path / "my project"
    (project / "src/pkg.egg-info").mkdir(parents=True)
    (project / "src/pkg.egg-info/PKG-INFO").write_text("Name: pkg\nVersion: 0.9\n")
    url = json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}}).encode()
    site.install("pkg", notes={"direct_url.json": url})
    (dist,) = collect(ctx, site, site_dirs=[str(site.folder), str(project / "src")])
    assert (dist.version, dist.editable) == ("1.0", str(project))


def test_setup_py_develop(ctx: CollectContext, site: Site, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "pkg.egg-info").mkdir(parents=True)
    (project / "pkg.egg-info/PKG-INFO").write_text("Name: pkg\nVersion: 1\n")
    (project / "pkg.egg-info/requires.txt").write_text(
        "a>1\n\n[:python_version<'3']\nb\n\n[x]\nc\n\n[y:sys_platform=='z']\nd\n"
    )
    (site.folder / "pkg.egg-link").write_text(f"{project}\n.\n")
    (dist,) = collect(ctx, site, site_dirs=[str(site.folder), str(project)])
    assert (dist.name, dist.source, dist.editable) == ("pkg", "egg", str(project))
    assert dist.requires == [
        "a>1",
        "b ; (python_version<'3')",
        'c ; extra == "x"',
        "d ; (sys_platform=='z') and extra == \"y\"",
    ]


def test_egg_info_as_a_file_and_eggs(ctx: CollectContext, site: Site) -> None:
    (site.folder / "old-1.2-py3.11.egg-info").write_text("Name: old\nVersion: 1.2\n")
    egg = site.folder / "zed-3.0-py3.11.egg"
    (egg / "EGG-INFO").mkdir(parents=True)
    (egg / "EGG-INFO/PKG-INFO").write_text("Name: zed\nVersion: 3.0\n")
    found = collect(ctx, site, site_dirs=[str(site.folder), str(egg)])
    assert [(dist.name, dist.version) for dist in found] == [("old", "1.2"), ("zed", "3.0")]


def test_duplicates_stay_and_leftovers_do_not(ctx: CollectContext, site: Site) -> None:
    site.install("torch", "2.1.0")
    site.install("torch", "2.2.0")
    (site.folder / "~orch-2.0.0.dist-info").mkdir()
    (site.folder / "torch-1.0.egg-info").write_text("Name: torch\nVersion: 1.0\n")
    found = collect(ctx, site)
    assert sorted(dist.version for dist in found) == ["1.0", "2.1.0", "2.2.0"]
    assert found[-1].source == "egg"


def test_the_packagers_of_an_operating_system_keep_their_own_records(
    ctx: CollectContext, site: Site
) -> None:
    site.install("pkg", rows="scripts/gone,,\n", notes={"INSTALLER": b"debian\n"})
    (dist,) = collect(ctx, site)
    assert dist.record is None


def test_pip_install_target_records_scripts_that_lie_elsewhere(
    ctx: CollectContext, site: Site, tmp_path: Path
) -> None:
    target = Site(tmp_path, tmp_path / "vendor")
    target.folder.mkdir()
    target.install("pkg", rows="../../bin/tool,,\n")
    (dist,) = collect(ctx, target, site_dirs=[str(target.folder)])
    assert dist.record is not None and dist.record.missing == []
    assert ctx.gaps == []


BROKEN = {
    "no METADATA": lambda info: (info / "METADATA").unlink(),
    "empty METADATA": lambda info: (info / "METADATA").write_bytes(b""),
    "garbage": lambda info: (info / "METADATA").write_bytes(bytes(range(256)) * 9),
    "a folder": lambda info: ((info / "METADATA").unlink(), (info / "METADATA").mkdir()),
    "a loop": lambda info: (
        (info / "METADATA").unlink(),
        (info / "METADATA").symlink_to("METADATA"),
    ),
    "url": lambda info: (info / "direct_url.json").write_text("[" * 100_000),
    "url list": lambda info: (info / "direct_url.json").write_text("[]"),
    "url number": lambda info: (info / "direct_url.json").write_text('{"url": 1}'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_metadata_is_a_gap_and_the_folder_speaks(
    ctx: CollectContext, site: Site, name: str
) -> None:
    BROKEN[name](site.install("my-pkg", "1.5"))
    site.install("healthy")
    found = collect(ctx, site)
    assert [(dist.name, dist.version) for dist in found] == [("healthy", "1.0"), ("my-pkg", "1.5")]
    assert len(ctx.gaps) == 1 and "my_pkg-1.5.dist-info" in ctx.gaps[0].subject


@pytest.mark.parametrize("name", ["nonsense.dist-info", "\x1b[31m-1.dist-info", "-.dist-info"])
def test_what_nothing_names_is_a_gap_alone(ctx: CollectContext, site: Site, name: str) -> None:
    (site.folder / name).mkdir()
    (site.folder / "file-1.0.dist-info").write_text("")
    assert [dist.name for dist in collect(ctx, site)] == ["file"]
    assert len(ctx.gaps) == 2


def test_a_site_folder_that_is_gone_is_a_gap(ctx: CollectContext, site: Site) -> None:
    assert collect(ctx, site, site_dirs=[str(site.prefix / "gone")]) == []
    assert len(ctx.gaps) == 1


SETUP = """\
from setuptools import setup
setup(name="made", version="1.0", packages=["made"], scripts=["tool"],
      entry_points={"console_scripts": ["made=made:main"]})
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with scripts and an entry point, built by setuptools."""
    needs.require("setuptools", "wheel")
    project = tmp_path_factory.mktemp("made")
    (project / "made").mkdir()
    (project / "made/__init__.py").write_text("def main(): pass\n")
    (project / "tool").write_text("#!/usr/bin/env python\n")
    (project / "setup.py").write_text(SETUP)
    command = [sys.executable, "setup.py", "-q", "bdist_wheel"]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    return next(project.glob("dist/*.whl"))


def test_a_real_installation_is_silent(ctx: CollectContext, wheel: Path, tmp_path: Path) -> None:
    """pip rewrites script headers, and compiles: RECORD must still hold, even when hashed whole."""
    folder = tmp_path / "venv"
    make = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(make, check=True, capture_output=True)
    install = ["-m", "pip", "--python", str(folder), "install", "-q", "--no-index", str(wheel)]
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    ctx.deep = True
    patient = interpreter.collect(ctx, str(folder))
    (dist,), shared = distributions.collect(ctx, patient)
    assert (dist.name, dist.installer, dist.requested, shared) == ("made", "pip", True, [])
    assert dist.record is not None and dist.record.files > 8
    assert (dist.record.missing, dist.record.altered, ctx.gaps) == ([], [], [])
    (folder / "bin/tool").write_text("#!/bin/sh\n")
    (dist,), _ = distributions.collect(ctx, patient)
    assert dist.record is not None and dist.record.altered == ["../../../bin/tool"]


@pytest.mark.slow
def test_a_hundred_thousand_files(ctx: CollectContext, site: Site) -> None:
    files = {f"pkg/{i % 500}/{i}.py": b"" for i in range(50_000)}
    site.install("pkg", files=files)
    for i in range(50_000):
        (site.folder / f"loose{i}").touch()
    (dist,) = collect(ctx, site)
    assert dist.record is not None and dist.record.files == 50_003
    assert dist.record.missing_count == dist.record.altered_count == 0
