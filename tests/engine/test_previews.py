"""What is shown before anything is done, and what GITHUB_ENV gets."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import trees
from trees import Patient

from gpufix.engine.installer import Installer, choose, environment, index
from gpufix.engine.installer_settings import refuse_elsewhere
from gpufix.engine.run import github_env
from gpufix.engine.run.preview import preview
from gpufix.engine.run_context import Indexes, Refused, RunContext
from gpufix.model import (
    Build,
    Distribution,
    Install,
    Remove,
    SetVariables,
    Step,
    Tool,
    WriteFile,
)


def shown(patient: Patient, step: object, indexes: Indexes = Indexes()) -> object:
    return preview(step, RunContext(patient.facts(), environ={}, indexes=indexes))  # type: ignore[arg-type]


def test_previews_write_nothing(patient: Patient) -> None:
    before = trees.state(patient)
    for step in (
        WriteFile(path=str(patient.project / "setup.py"), content="x"),
        Remove(path=str(patient.cache)),
        SetVariables(variables={"A": None}),
        Install(install=["a"], uninstall=["b"]),
    ):
        shown(patient, step)
    assert trees.differences(before, trees.state(patient)) == {}
    assert not patient.state.exists()


@pytest.mark.parametrize(
    ("step", "whose"),
    [
        (WriteFile(path="/p/setup.py", content="x"), []),
        (Remove(path="/p"), []),
        (Install(uninstall=["a"]), ["the environment"]),
        (Install(install=["a==1"]), ["the environment", "the packages"]),
        (Build(path="/p"), ["the environment", "the project"]),
    ],
)
def test_whose_code_is_run_is_said(step: Step, whose: list[str], patient: Patient) -> None:
    found = preview(step, RunContext(patient.facts(), environ={}))
    assert [line.partition(":")[0] for line in found.runs] == whose


@pytest.mark.needs("patch")
def test_a_diff_applies_with_patch(patient: Patient) -> None:
    setup = patient.project / "setup.py"
    content = "import os\nsetup()\nlast line without its end"
    found = preview(WriteFile(path=str(setup), content=content), RunContext(patient.facts(), {}))
    subprocess.run(
        ["patch", "--quiet", str(setup)], input=found.diff, text=True, check=True, cwd="/"
    )
    assert setup.read_text() == content


@pytest.mark.parametrize(
    ("step", "resolved", "downloads"),
    [
        (Install(install=["a==1"], reinstall=True), True, ["a==1"]),
        (Install(uninstall=["a"]), True, []),
        (Install(install=["a<1"]), False, []),
        (Install(install=["a==1"], dependencies=True), False, []),
    ],
)
def test_what_knowledge_cannot_settle_is_not_resolved(
    step: Install, resolved: bool, downloads: list[str], patient: Patient
) -> None:
    found = preview(step, RunContext(patient.facts(), environ={}))
    assert (found.resolved, found.downloads) == (resolved, downloads)
    asked = preview(step, RunContext(patient.facts(), environ={}), lambda s, c: ["a==1", "b==2"])
    assert asked.resolved


@pytest.mark.parametrize(
    ("given", "environ", "url"),
    [
        (None, {}, "https://download.pytorch.org/whl/cu128"),
        ("https://mirror/simple", {}, "https://mirror/simple"),
        (None, {"PIP_INDEX_URL": "https://mirror/simple"}, None),
        (None, {"UV_DEFAULT_INDEX": "https://mirror/simple"}, None),
        (None, {"PIP_NO_INDEX": "1"}, None),
        (None, {"PIP_EXTRA_INDEX_URL": "https://x"}, "https://download.pytorch.org/whl/cu128"),
    ],
)
def test_the_users_index_outranks_torchs(
    given: str | None, environ: dict[str, str], url: str | None
) -> None:
    step = Install(install=["torch==2.9.0"], index="cu128")
    assert index(step, Indexes(given), environ) == url


@pytest.mark.parametrize(
    ("kind", "pip", "uv", "start"),
    [
        ("uv", True, True, ("/usr/bin/uv", "pip")),
        ("uv", True, False, ("{python}", "-m", "pip")),
        ("venv", True, True, ("{python}", "-m", "pip")),
        ("venv", False, True, ("/usr/bin/uv", "pip")),
        ("venv", False, False, None),
    ],
)
def test_the_patients_own_installer(
    kind: str, pip: bool, uv: bool, start: tuple[str, ...] | None, patient: Patient
) -> None:
    facts = patient.facts()
    assert facts.python is not None
    dist = Distribution(name="pip", version="25.0", location=str(patient.site))
    facts = replace(
        facts,
        python=replace(facts.python, kind=kind),
        distributions=[dist] if pip else [],
        tools=[Tool(name="uv", path="/usr/bin/uv")] if uv else [],
    )
    chosen = choose(facts)
    if start is None:
        assert chosen.prefix[1:4] == ("-m", "pip", "--python")
    else:
        assert chosen.prefix == tuple(p.format(python=facts.python.executable) for p in start)
    command = Installer("uv", ("uv", "pip"), ("--python", "/p")).command("install", "a")
    assert command == ["uv", "pip", "install", "--python", "/p", "a"]


def test_variables_that_redirect_an_installer_are_dropped() -> None:
    given = {
        "PIP_TARGET": "/x",
        "PIP_USER": "1",
        "PYTHONPATH": "/x",
        "PIP_INDEX_URL": "https://mirror",
        "HTTPS_PROXY": "p",
        "PIP_FIND_LINKS": "/a /b",
    }
    for kind in ("pip", "uv"):
        kept = environment(given, kind)
        assert not {"PIP_TARGET", "PIP_USER", "PYTHONPATH"} & kept.keys()
        assert kept["HTTPS_PROXY"] == "p"
    assert environment(given, "uv")["UV_INDEX_URL"] == "https://mirror"
    assert environment(given, "uv")["UV_FIND_LINKS"] == "/a,/b"


@pytest.mark.parametrize("value", ["1", "two\nlines", "EOF\nEVIL=1\nEOF", "gpufix_\n", "é", ""])
def test_no_value_ends_its_block_early(value: str, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("OLD=1\n")
    notes = github_env.append([SetVariables(variables={"A": value})], {"GITHUB_ENV": str(file)})
    old, head, *body = file.read_text().split("\n")
    name, _, delimiter = head.partition("<<")
    assert (old, name) == ("OLD=1", "A")
    assert body.count(delimiter) == 1
    assert "\n".join(body[: body.index(delimiter)]) == value
    assert body[body.index(delimiter) + 1 :] == [""]
    assert notes == ["appended to $GITHUB_ENV: A"]


def test_unset_becomes_empty_and_is_said(tmp_path: Path) -> None:
    environ = {"GITHUB_ENV": str(tmp_path / "env")}
    notes = github_env.append([SetVariables(variables={"A": None, "GITHUB_X": "1"})], environ)
    assert "cannot unset: A" in notes[1]
    assert "GITHUB_X" not in (tmp_path / "env").read_text()


@pytest.mark.parametrize("environ", [{}, {"GITHUB_ENV": "relative"}, {"GITHUB_ENV": ""}])
def test_without_the_file_nothing_is_written(environ: dict[str, str]) -> None:
    assert github_env.append([SetVariables(variables={"A": "1"})], environ) == []


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME", "UV_CONFIG_FILE"])
def test_a_file_that_sends_uv_elsewhere_is_named(variable: str, tmp_path: Path) -> None:
    below = {"HOME": ".config/uv/uv.toml", "XDG_CONFIG_HOME": "uv/uv.toml", "UV_CONFIG_FILE": ""}
    conf = tmp_path / (below[variable] or "mine.toml")
    conf.parent.mkdir(parents=True, exist_ok=True)
    environ = {variable: str(conf if variable == "UV_CONFIG_FILE" else tmp_path)}
    refuse_elsewhere(environ)
    for harmless in ('[pip]\nindex-url = "https://example.org/simple"\n', "pip = 1\n", "[pip\n"):
        conf.write_text(harmless)
        refuse_elsewhere(environ)
    conf.write_text('[pip]\ntarget = "/elsewhere"\n')
    with pytest.raises(Refused, match=r"sets pip\.target"):
        refuse_elsewhere(environ)
    refuse_elsewhere({**environ, "UV_NO_CONFIG": "1"})
