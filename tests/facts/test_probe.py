"""probe.py on every interpreter at hand, and what it must not do."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gpufix.facts.python import probe

PROBE = Path(probe.__file__)
INTERPRETERS = [
    path
    for folder in sorted((Path.home() / ".pyenv/versions").glob("3.*"))
    if tuple(map(int, folder.name.split(".")[:2])) >= (3, 7)
    and (path := folder / "bin/python").exists()
] or [Path(sys.executable)]


def ask(interpreter: Path) -> dict[str, object]:
    command = [str(interpreter), "-I", "-S", "-B", str(PROBE)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def test_it_parses_as_python_3_7() -> None:
    ast.parse(PROBE.read_text(), feature_version=(3, 7))


@pytest.mark.parametrize("interpreter", INTERPRETERS, ids=lambda path: path.parts[-3])
def test_it_says_what_the_interpreter_itself_says(interpreter: Path) -> None:
    said = ask(interpreter)
    code = (
        "import sys, json, site, sysconfig; print(json.dumps([sys.version.split()[0], sys.prefix,"
        " site.getsitepackages(), sysconfig.get_path('include'),"
        " sysconfig.get_config_var('EXT_SUFFIX')]))"
    )
    truth = json.loads(subprocess.run([interpreter, "-c", code], capture_output=True).stdout)
    suffixes = said["extension_suffixes"]
    assert isinstance(suffixes, list)
    mine = [said[key] for key in ("version", "prefix", "site_packages", "include")]
    assert [*mine, suffixes[0]] == truth


def test_a_venv_is_told_from_its_base(venv: Path) -> None:
    said = ask(venv / "bin/python")
    assert said["prefix"] == str(venv)
    assert said["base_prefix"] == sys.base_prefix
    assert isinstance(said["venv"], dict) and "home" in said["venv"]


@pytest.mark.parametrize(
    "value", [None, True, 7, 'é\n"\\\x1b\U0001f600', ["a", None], {"k": ["v"]}, "\udcff"]
)
def test_its_json_is_json(value: object) -> None:
    assert json.loads(probe.dumps(value)) == value


def test_it_refuses_what_json_has_no_word_for() -> None:
    with pytest.raises(TypeError):
        probe.dumps(1.5)


@pytest.mark.parametrize("ours", [True, False])
def test_what_wrappers_of_nix_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    """Only the sitecustomize of Nix's Python obeys these variables."""
    monkeypatch.setenv("NIX_PYTHONPATH", "/env/lib/python3.11/site-packages:/more")
    monkeypatch.setenv("NIX_PYTHONPREFIX", "/env")
    if ours:
        (tmp_path / "sitecustomize.py").touch()
    told = ["/env/lib/python3.11/site-packages", "/more"], "/env"
    assert probe.told_by_wrapper([str(tmp_path)]) == (told if ours else ([], None))


def test_a_program_that_starts_another_is_told_from_it(venv: Path) -> None:
    assert ask(venv / "bin/python")["program"] == str(Path(sys.executable).resolve())
