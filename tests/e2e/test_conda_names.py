"""Names out of conda's metadata never reach pip: another distribution may bear them on the index."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path

import pytest
import venvs

CANARIES = ("magma-cuda126", "libstdcxx", "libgcc", "mkl")
WANTED = "wanted-by-pip"


def wheel(folder: Path, name: str, version: str = "13.0", requires: str = "") -> None:
    """A wheel whose import would run somebody's code."""
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    tags = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {f"{module}.py": "taken = True\n", f"{info}/METADATA": metadata, f"{info}/WHEEL": tags}
    rows = [f"{path},{_hash(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,\n"])
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


def _hash(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def package(venv: venvs.Venv, name: str, version: str = "13.0", **more: object) -> None:
    """A package as conda records it."""
    folder = venv.path / "conda-meta"
    folder.mkdir(exist_ok=True)
    data = {"build": "h1_0", "depends": [], "files": [], "name": name, "version": version, **more}
    (folder / f"{name}-{version}-h1_0.json").write_text(json.dumps(data))


@pytest.fixture
def index(tmp_path: Path) -> dict[str, str]:
    """An index in which somebody has registered conda's names, as pip's variables."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in (*CANARIES, "numpy", WANTED):
        wheel(folder, name)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


@pytest.fixture
def conda(empty: venvs.Venv, tmp_path: Path) -> venvs.Venv:
    """A conda environment in which all that conda's metadata names is missing or broken."""
    package(empty, "pytorch", "2.6.0", depends=["magma-cuda126 >=2.6", "mkl", "libstdcxx >=13"])
    package(empty, "libgcc", files=["lib/libgcc_s.so.1"])  # the file is gone
    package(empty, "numpy", files=["lib/numpy.so"])
    return empty


def installed(venv: venvs.Venv) -> set[str]:
    return {path.name.partition("-")[0] for path in venv.site.glob("*.dist-info")}


def test_no_name_of_condas_is_installed(conda: venvs.Venv, index: dict[str, str]) -> None:
    for options in ((), ("--unsafe",)):
        done = conda.gpufix("fix", "--python", str(conda.python), "--apply", *options, env=index)
        assert "Traceback" not in done.stderr, done.stderr
        assert installed(conda) == set(), done.stdout
        assert list(conda.home.rglob("install.log")) == []  # nor was one installed and taken back


def test_no_line_of_the_report_gives_one_to_pip(conda: venvs.Venv) -> None:
    report = conda.doctor()
    commands = [fix["command"] or "" for finding in report["findings"] for fix in finding["fixes"]]
    assert any("conda install" in line for line in commands)  # for the file that is gone
    assert not any(" pip " in line for line in commands), commands


def test_what_a_package_of_pips_requires_is_installed(
    conda: venvs.Venv, index: dict[str, str], tmp_path: Path
) -> None:
    wheel(tmp_path, "asks", requires=f"{WANTED}>=13")
    conda.pip("install", "--no-deps", "--no-index", str(tmp_path / "asks-13.0-py3-none-any.whl"))
    done = conda.gpufix("fix", "--python", str(conda.python), "--apply", env=index)
    assert installed(conda) == {"asks", "wanted_by_pip"}, done.stdout
