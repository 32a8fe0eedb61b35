"""What is uploaded: built, checked, measured part by part, installed and tried."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 3_350_000  # bytes of the wheel
LIMITS = {  # of its parts, compressed
    "knowledge": 1_400_000,
    "source": 320_000,
    "checks": 220_000,
    "kernels": 150_000,
    "fallbacks": 125_000,
    "report": 70_000,
    "cli": 70_000,
}
NEEDED = (
    "gpufix/__init__.pyi", "gpufix/api.py", "gpufix/py.typed", "gpufix/mcp_server.py",
    "gpufix/report/html/style.css", "gpufix/report/html/sort.js", "gpufix/facts/python/probe.py",
)  # fmt: skip


def run(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_package_stays_small() -> None:
    """The wheel's size without building it: its files packed, and a line of RECORD for each."""
    packed, files = io.BytesIO(), 0
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((ROOT / "src" / "gpufix").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(ROOT / "src"))
                files += 1
    assert len(packed.getvalue()) + 64 * files <= LIMIT


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT))
    return out


@pytest.mark.slow
@pytest.mark.needs("build")
def test_the_wheel_holds_what_it_should(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert wheel.stat().st_size <= LIMIT
    sizes: Counter[str] = Counter()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for info in archive.infolist():
            sizes[info.filename.removeprefix("gpufix/").partition("/")[0]] += info.compress_size
        (metadata,) = (n for n in names if n.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    assert {part: sizes[part] for part in LIMITS if sizes[part] > LIMITS[part]} == {}
    assert set(NEEDED) <= set(names)
    assert any(name.endswith("share/man/man1/gpufix.1") for name in names)
    assert sum("/licenses/" in name for name in names) == 2  # LICENSE and NOTICE
    assert not any(name.startswith("tests/") or name.endswith(".pyc") for name in names)
    assert "License-Expression: Apache-2.0" in text
    assert "![" not in text, "a package page does not show pictures of the repository"


@pytest.mark.slow
@pytest.mark.needs("build")
def test_the_sdist_builds_and_the_package_page_renders(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "NOTICE", "CHANGELOG.md", "docs/man/gpufix.1"} <= names
    run(sys.executable, "-m", "twine", "check", "--strict", *map(str, built.iterdir()))


@pytest.mark.slow
@pytest.mark.needs("build", "package index")
def test_the_wheel_is_installed_and_tried(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    python = str(tmp_path / "venv" / "bin" / "python")
    run(python, "-m", "pip", "install", "-q", str(wheel))
    shown = run(str(tmp_path / "venv" / "bin" / "gpufix"), cwd=tmp_path)
    assert "gpufix doctor" in shown
    code = f"import gpufix; print(gpufix.diagnose({str(tmp_path / 'venv')!r}).verdict)"
    assert run(python, "-c", code, cwd=tmp_path).strip() == "clean"
