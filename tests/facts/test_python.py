"""Which interpreter is the patient, what its sys.path is, and what is no Python at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gpufix.facts.context import CollectContext
from gpufix.facts.python import interpreter
from gpufix.facts.python.interpreter import NoInterpreter, collect

BOMB = "import pathlib; pathlib.Path(r'{}').write_text('ran')\n"


@pytest.fixture
def own_venv(venv: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(venv, tmp_path / "own", symlinks=True))


def site_of(folder: Path) -> Path:
    return next(folder.glob("lib/python3*/site-packages"))


def test_a_plain_venv(ctx: CollectContext, venv: Path) -> None:
    found = collect(ctx, str(venv))
    assert found is not None
    assert found.kind == "venv"
    assert found.executable == str(venv / "bin/python")
    assert found.site_dirs == [str(site_of(venv))]
    assert found.tag == f"cp3{sys.version_info[1]}"
    assert found.soabi is not None and found.soabi.startswith("cpython-3")
    assert (found.user_site, found.externally_managed, found.pth_files) == (None, None, [])
    assert ctx.gaps == []


@pytest.mark.parametrize("system_site", ["true", "false"])
@pytest.mark.parametrize("user_site", [True, False])
def test_sys_path_is_what_python_would_have(
    ctx: CollectContext, own_venv: Path, system_site: str, user_site: bool
) -> None:
    config = own_venv / "pyvenv.cfg"
    text = config.read_text()
    config.write_text(text.replace("packages = false", f"packages = {system_site}"))
    site, added = site_of(own_venv), own_venv / "added"
    added.mkdir()
    (site / "a.pth").write_text(f"# comment\n\n{added}\n{own_venv}/absent\n../..\n")
    if user_site:
        (ctx.home / f".local/lib/python3.{sys.version_info[1]}/site-packages").mkdir(parents=True)
    found = collect(ctx, str(own_venv))
    assert found is not None
    command = [str(own_venv / "bin/python"), "-c", "import sys, json; print(json.dumps(sys.path))"]
    environ = {"HOME": str(ctx.home), "PATH": "/usr/bin:/bin"}
    truth = subprocess.run(command, env=environ, check=True, capture_output=True, cwd="/").stdout
    assert found.sys_path == [path for path in json.loads(truth) if path]
    assert bool(found.user_site) == (user_site and system_site == "true")


def test_nothing_of_the_patient_runs(ctx: CollectContext, own_venv: Path) -> None:
    site, witness = site_of(own_venv), own_venv / "witness"
    for name in ("a.pth", "sitecustomize.py", "usercustomize.py", "json.py"):
        (site / name).write_text(BOMB.format(witness))
    found = collect(ctx, str(own_venv))
    assert found is not None
    assert [(pth.path, pth.runs_code) for pth in found.pth_files] == [(str(site / "a.pth"), True)]
    assert not witness.exists()
    subprocess.run([own_venv / "bin/python", "-c", ""], check=True)
    assert witness.exists()  # the trap works


def test_an_unreadable_pth_is_a_gap(ctx: CollectContext, own_venv: Path) -> None:
    (site_of(own_venv) / "folder.pth").mkdir()
    assert collect(ctx, str(own_venv)) is not None
    assert [gap.section for gap in ctx.gaps] == ["python"]


def test_pythonpath_comes_first(ctx: CollectContext, venv: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "thing-1.dist-info").mkdir(parents=True)
    ctx = replace(ctx, environ={**ctx.environ, "PYTHONPATH": f"{outside}:{tmp_path}/empty"})
    found = collect(ctx, str(venv))
    assert found is not None
    assert found.sys_path[0] == str(outside)
    assert found.site_dirs == [str(outside), str(site_of(venv))]


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_the_active_environment_is_the_default(
    ctx: CollectContext, venv: Path, variable: str
) -> None:
    found = collect(replace(ctx, environ={**ctx.environ, variable: str(venv)}), None)
    assert found is not None and found.prefix == str(venv)


def test_without_one_it_is_the_projects(ctx: CollectContext, venv: Path, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(venv)
    found = collect(ctx, None, tmp_path)
    assert found is not None and found.prefix == str(tmp_path / ".venv")


def test_without_any_there_is_no_patient(ctx: CollectContext, tmp_path: Path) -> None:
    assert collect(ctx, None, tmp_path) is None
    assert ctx.gaps == []


@pytest.mark.parametrize("given", ["", " ", "\t"])
def test_a_blank_name_names_nothing(ctx: CollectContext, given: str) -> None:
    with pytest.raises(NoInterpreter, match="path is needed"):
        collect(ctx, given)


def test_a_hidden_folder_that_is_not_there_is_no_command(
    ctx: CollectContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoInterpreter, match=r"^\.venv is not a usable Python: no such file$"):
        collect(ctx, ".venv")


def test_a_stale_default_is_a_gap(ctx: CollectContext, tmp_path: Path) -> None:
    ctx = replace(ctx, environ={**ctx.environ, "VIRTUAL_ENV": str(tmp_path / "gone")})
    assert collect(ctx, None) is None
    assert [(gap.section, gap.reason) for gap in ctx.gaps] == [("python", "no such file")]


def test_a_command_name_is_looked_up_on_path(ctx: CollectContext, venv: Path) -> None:
    ctx = replace(ctx, environ={"PATH": str(venv / "bin")})
    found = collect(ctx, "python3")
    assert found is not None and found.prefix == str(venv)


@pytest.mark.parametrize(
    ("line", "kind"), [("uv = 0.5.1\n", "uv"), ("virtualenv = 20.1\n", "venv")]
)
def test_kinds_of_venv(ctx: CollectContext, own_venv: Path, line: str, kind: str) -> None:
    with (own_venv / "pyvenv.cfg").open("a") as file:
        file.write(line)
    found = collect(ctx, str(own_venv))
    assert found is not None and found.kind == kind


SCRIPTS = [
    ("exit 3", "exits with 3"),
    ("echo no such option >&2; exit 1", "no such option"),
    ("echo hello", "does not answer as a Python does"),
    ("echo '{}'", "does not answer"),
    ("echo '[1]'", "does not answer"),
    ("echo '{\"extension_suffixes\": []}'", "makes no sense"),
    ("[ $1 = -V ] && echo Python 3.6.15 || exit 1", "it is Python 3.6.15; gpufix examines 3.7"),
    ("[ $1 = -V ] && echo Python 2.7.18 >&2 || exit 2", "it is Python 2.7.18;"),
    ("[ $1 = -V ] && echo Python 3.12.1 || exit 1", "it exits with 1"),
    ("yes", "printed more than"),
    ("exec sleep 60", "it did not end within 0.5 s"),
    ("sleep 60 & exit 0", "does not answer"),
]


@pytest.mark.parametrize(("script", "why"), SCRIPTS)
def test_programs_that_are_no_python(
    ctx: CollectContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    monkeypatch.setattr(interpreter, "_TIMEOUT", 0.5)
    fake = tmp_path / "fake"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    with pytest.raises(NoInterpreter) as caught:
        collect(ctx, str(fake))
    assert why in caught.value.why


def test_paths_that_are_no_python(ctx: CollectContext, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "binary").write_bytes(b"\x7fELF\x00")
    (tmp_path / "binary").chmod(0o755)
    for name in ("plain", "link", "loop", "absent", "binary", "", "a\0b", "no-such-command-x"):
        given = str(tmp_path / name) if name and "\0" not in name else name
        with pytest.raises(NoInterpreter):
            collect(ctx, given)
    with pytest.raises(NoInterpreter, match="without bin/python"):
        collect(ctx, str(ctx.home))


def test_a_venv_whose_base_is_gone(ctx: CollectContext, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to("/nowhere/python3.9")
    with pytest.raises(NoInterpreter, match=r"a link to /nowhere/python3\.9, which is gone"):
        collect(ctx, str(tmp_path))


@pytest.mark.needs("an externally managed Python")
def test_externally_managed_marker(ctx: CollectContext) -> None:
    system = Path("/usr/bin/python3")
    markers = list(Path("/usr/lib").glob("python3.*/EXTERNALLY-MANAGED"))
    found = collect(ctx, str(system))
    assert found is not None
    assert found.kind == "system"
    assert found.externally_managed in map(str, markers)
