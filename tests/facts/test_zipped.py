"""Zip files on sys.path: their metadata is read, and what is compiled in them is a gap."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from fake_site import Site

from gpufix.facts.context import CollectContext
from gpufix.facts.packages import distributions
from gpufix.facts.python import interpreter
from gpufix.model import Distribution

INFO = "Metadata-Version: 1.0\nName: Old.Thing\nVersion: 1.2\n"
REQUIRES = "six\n\n[fast:python_version>'3']\nnumpy\n"


def archive(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in files.items():
            target.writestr(name, text)
    return path


def collect(ctx: CollectContext, site: Site, *sys_path: object) -> list[Distribution]:
    found, _ = distributions.collect(ctx, site.python(sys_path=[*map(str, sys_path)]))
    return found


def gaps(ctx: CollectContext) -> list[tuple[str, str]]:
    return [(gap.section, gap.reason.partition(":")[0]) for gap in ctx.gaps]


def test_an_egg(ctx: CollectContext, site: Site) -> None:
    files = {"EGG-INFO/PKG-INFO": INFO, "EGG-INFO/requires.txt": REQUIRES, "old.py": ""}
    egg = archive(site.folder / "Old.Thing-1.2-py3.11.egg", files)
    (found,) = collect(ctx, site, site.folder, egg)
    assert (found.name, found.version, found.source) == ("old-thing", "1.2", "egg")
    assert (found.location, found.metadata) == (str(egg), f"{egg}/EGG-INFO")
    assert found.requires == ["six", "numpy ; (python_version>'3') and extra == \"fast\""]
    assert ctx.gaps == []


def test_a_wheel_and_a_folder_in_a_zip(ctx: CollectContext, tmp_path: Path, site: Site) -> None:
    wheel = archive(tmp_path / "a.whl", {"a-1.dist-info/METADATA": INFO, "x/b.dist-info/M": ""})
    (found,) = collect(ctx, site, f"{wheel}/inner/folder", wheel)
    assert (found.name, found.metadata) == ("old-thing", f"{wheel}/a-1.dist-info")
    assert ctx.gaps == []


def test_compiled_libraries_in_it_are_a_gap(ctx: CollectContext, site: Site) -> None:
    names = ("old/_a.cpython-311-x86_64-linux-gnu.so", "old/lib/libb.so.1", "old/note.so.txt")
    egg = archive(site.folder / "a.egg", {"EGG-INFO/PKG-INFO": INFO, **dict.fromkeys(names, "x")})
    assert [dist.name for dist in collect(ctx, site, egg)] == ["old-thing"]
    (gap,) = ctx.gaps
    assert (gap.section, gap.subject) == ("binaries", str(egg))
    assert gap.reason == f"compiled libraries in a zip file are not looked at: 2, as {names[0]}"


@pytest.mark.parametrize(
    ("info", "expected"),
    [("nonsense", [("old", "1.2")]), (INFO + "x" * (3 << 20), [("old", "1.2")])],
    ids=["garbage", "a bomb"],
)
def test_metadata_that_cannot_be_read(
    ctx: CollectContext, site: Site, info: str, expected: list[tuple[str, str]]
) -> None:
    egg = archive(site.folder / "old-1.2-py3.11.egg", {"EGG-INFO/PKG-INFO": info})
    assert [(dist.name, dist.version) for dist in collect(ctx, site, egg)] == expected
    assert gaps(ctx) == [("distributions", "cannot be read")]


def test_what_is_no_zip_is_a_gap(ctx: CollectContext, site: Site) -> None:
    (site.folder / "a.egg").write_text("no zip")
    assert collect(ctx, site, site.folder / "a.egg", site.folder / "python311.zip") == []
    assert gaps(ctx) == [("distributions", "cannot be read")]


def test_easy_install_puts_it_on_the_path(ctx: CollectContext, venv: Path, tmp_path: Path) -> None:
    """As Python itself sees it."""
    own = Path(shutil.copytree(venv, tmp_path / "own", symlinks=True))
    site = next(own.glob("lib/python3*/site-packages"))
    files = {"EGG-INFO/PKG-INFO": INFO, "old.py": "", "EGG-INFO/zip-safe": "\n"}
    egg = archive(site / "Old.Thing-1.2-py3.egg", files)
    (site / "easy-install.pth").write_text(f"./{egg.name}\n")
    code = "import old; from importlib.metadata import version; print(version('old.thing'))"
    command = [str(own / "bin/python"), "-c", code]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    python = interpreter.collect(ctx, str(own))
    (found,), _ = distributions.collect(ctx, python)
    assert found.version == said.strip() == "1.2"
