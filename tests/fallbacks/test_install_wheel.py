"""The wheel of a fallback: its version, its bytes, and that installers take it."""

from __future__ import annotations

import ast
import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.utils import parse_wheel_filename

from gpufix.fallbacks import catalogue, pack

FILES = {"mod.py": b"VALUE = 1\n", "pkg/__init__.py": b"", "pkg/odd, name.py": b"X = 2\n"}


@pytest.mark.parametrize(
    ("known", "required", "expected"),
    [
        (["1.0.0"], [], "1.0.0+gpufix"),
        (["1.0.0"], ["==1.0.0", ">=1.0,<2"], "1.0.0+gpufix"),
        (["0.0.0", "1.0.0"], [">=1.0"], "1.0.0+gpufix"),
        (["0.0.29.post1+cu124"], ["==0.0.29.post1"], "0.0.29.post1+gpufix"),
        (["1.0.0"], ["==2.3.*"], "2.3+gpufix"),
        (["1.0.0"], ["~=1.4"], "1.4+gpufix"),
        (["1.0.0+gpufix"], [], "1.0.0+gpufix"),
        (["1.0.0.dev3"], [], "1.0.0.dev3+gpufix"),
        (["not a version", "1.2"], [], "1.2+gpufix"),
        (["1.0+cu121"], ["==1.0+cu121"], None),
        (["1.0"], ["<1", ">2"], None),
        ([], [], None),
    ],
)
def test_version(known: list[str], required: list[str], expected: str | None) -> None:
    specifiers = [SpecifierSet(text) for text in required]
    assert pack.choose(known, specifiers) == expected
    assert expected is None or catalogue.is_ours(expected)


@pytest.mark.parametrize("text", ["1.0", "1.0+cu121", "1.0+gpufixed", "gpufix", ""])
def test_versions_of_others(text: str) -> None:
    assert not catalogue.is_ours(text)


def made(**changes: object) -> pack.Wheel:
    given = {"distribution": "Some.Name", "version": "1.0+gpufix", "files": FILES, "summary": "s"}
    return pack.build(**(given | changes))  # type: ignore[arg-type]


def test_the_same_files_give_the_same_bytes() -> None:
    turned = dict(reversed(FILES.items()))
    assert made() == made(files=turned)
    assert made().data != made(files=FILES | {"mod.py": b"VALUE = 2\n"}).data


def test_name_and_tags() -> None:
    plain, machine = made(), made(platform="linux_x86_64")
    name, number, _, tags = parse_wheel_filename(plain.name)
    assert (name, str(number), [str(t) for t in tags]) == (
        "some-name",
        "1.0+gpufix",
        ["py3-none-any"],
    )
    assert [str(t) for t in parse_wheel_filename(machine.name)[3]] == ["py3-none-linux_x86_64"]
    assert b"Root-Is-Purelib: false" in content(machine)["some_name-1.0+gpufix.dist-info/WHEEL"]


def content(one: pack.Wheel) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(one.data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z, \"]{1,8})?\.py", fullmatch=True), st.binary())
)
def test_record_lists_every_file_with_its_hash(files: dict[str, bytes]) -> None:
    held = content(made(files=files))
    info = "some_name-1.0+gpufix.dist-info"
    rows = {row[0]: row[1:] for row in csv.reader(held[f"{info}/RECORD"].decode().splitlines())}
    assert rows.keys() == held.keys()
    assert rows.pop(f"{info}/RECORD") == ["", ""]
    for path, (digest, size) in rows.items():
        raw = hashlib.sha256(held[path]).digest()
        assert digest == "sha256=" + base64.urlsafe_b64encode(raw).decode().rstrip("=")
        assert int(size) == len(held[path])
    assert files.items() <= held.items()


def test_metadata() -> None:
    held = content(made(requires=["torch>=2.0"], description="first\nsecond"))
    fields = message_from_bytes(held["some_name-1.0+gpufix.dist-info/METADATA"])
    assert fields["Name"] == "Some.Name"
    assert fields.get_all("Requires-Dist") == ["torch>=2.0"]
    assert fields.get_payload() == "first\nsecond\n"
    assert held["some_name-1.0+gpufix.dist-info/top_level.txt"] == b"mod\npkg\n"


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


def test_pip_installs_and_removes_it(tmp_path: Path) -> None:
    one = made()
    (tmp_path / one.name).write_bytes(one.data)
    target = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(target)], check=True)
    python = target / "bin" / "python"
    before = files(target)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def pip(*arguments: str) -> str:
        command = [sys.executable, "-m", "pip", "--python", str(python), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout

    pip("install", "--no-index", "--find-links", str(tmp_path), "some-name==1.0")
    assert pip("freeze", "--all").split() == ["Some.Name==1.0+gpufix"]
    assert "No broken requirements" in pip("check")
    code = "import mod; print(mod.VALUE)"
    done = subprocess.run([python, "-B", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
    pip("uninstall", "-y", "some-name")
    assert files(target) == before


NAMES = [fallback.name for fallback in catalogue.every()]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_installed_needs_nothing_of_ours(name: str) -> None:
    fallback, files = catalogue.get(name), pack.tree(name)
    tops = {path.partition("/")[0].removesuffix(".py") for path in files}
    assert tops <= set(fallback.imports)
    assert f"{fallback.imports[0]}/__init__.py" in files or f"{fallback.imports[0]}.py" in files
    for path, data in files.items():
        if path.endswith((".cpp", ".cu", ".cuh", ".h")):
            continue
        assert path.endswith(".py"), path
        module = ast.parse(data, path, feature_version=(3, 8))
        imported = [n.module or "" for n in ast.walk(module) if isinstance(n, ast.ImportFrom)]
        imported += [a.name for n in ast.walk(module) if isinstance(n, ast.Import) for a in n.names]
        assert not [m for m in imported if m.partition(".")[0] == "gpufix"], path


@pytest.mark.parametrize("name", NAMES)
def test_every_spelling_finds_it(name: str) -> None:
    fallback = catalogue.get(name)
    for text in (*fallback.replaces, *fallback.imports, fallback.distribution.upper(), name):
        assert catalogue.get(text) == fallback
    assert pack.choose([fallback.version], []) is not None


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(catalogue.UnknownFallback, match=f"{NAMES[0]}"):
        catalogue.get("no-such-extension")


@pytest.mark.parametrize(
    "change", [{"verison": "1"}, {"version": None}, {"build": [{"source": "x"}]}]
)
def test_a_mistyped_about_is_an_error(change: dict[str, object]) -> None:
    about = {"distribution": "a", "version": "1", "import": ["a"], "summary": "s"} | change
    about = {k: v for k, v in about.items() if v is not None}
    with pytest.raises(catalogue.AboutError):
        catalogue.parse(Path("a"), about)
