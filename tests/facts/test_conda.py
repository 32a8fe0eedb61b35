"""Conda's packages beside pip's: each once, and replaced ones told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_site import Site

from gpufix.facts import distributions, python
from gpufix.facts.context import Context
from gpufix.model import Distribution


def package(prefix: Path, name: str, version: str, **more: object) -> Path:
    """A conda-meta file with the fields that conda writes."""
    folder = prefix / "conda-meta"
    folder.mkdir(exist_ok=True)
    data = {
        "build": "py311_0",
        "channel": "https://me:secret@conda.example/t/tk-secret/forge/linux-64",
        "depends": ["python >=3.11,<3.12.0a0"],
        "files": [f"lib/{name}.so"],
        "name": name,
        "version": version,
        **more,
    }
    path = folder / f"{name}-{version}-py311_0.json"
    path.write_text(json.dumps(data))
    for file in data["files"]:
        (prefix / file).parent.mkdir(parents=True, exist_ok=True)
        (prefix / file).touch()
    return path


def collect(ctx: Context, site: Site) -> list[Distribution]:
    return distributions.collect(ctx, site.python(kind="conda"))[0]


def test_a_package_without_python(ctx: Context, site: Site) -> None:
    path = package(site.prefix, "libgcc", "13.2.0", requested_spec="libgcc=13")
    (dist,) = collect(ctx, site)
    assert (dist.name, dist.version, dist.source, dist.build) == (
        "libgcc",
        "13.2.0",
        "conda",
        "py311_0",
    )
    assert (dist.location, dist.metadata, dist.requested) == (str(site.prefix), str(path), True)
    assert dist.channel == "https://conda.example/forge/linux-64"
    assert dist.record is not None and (dist.record.files, dist.record.missing) == (1, [])
    assert ctx.gaps == []


def test_its_python_distribution_is_the_same_thing(ctx: Context, site: Site) -> None:
    package(site.prefix, "numpy", "1.26.4")
    # conda-build rewrites files after RECORD: it must not be believed
    site.install("numpy", "1.26.4", notes={"INSTALLER": b"conda\n"}, rows="numpy/gone,,\n")
    (dist,) = collect(ctx, site)
    assert (dist.source, dist.build, dist.name) == ("conda", "py311_0", "numpy")
    assert dist.record is not None and dist.record.missing_count == 0
    assert dist.metadata is not None and dist.metadata.endswith(".dist-info")


def test_what_pip_put_over_it_is_a_second_copy(ctx: Context, site: Site) -> None:
    package(site.prefix, "numpy", "1.26.4")
    (site.prefix / "lib/numpy.so").unlink()
    site.install("numpy", "2.0.0")
    found = [(d.source, d.version, d.record is None) for d in collect(ctx, site)]
    assert found == [("pip", "2.0.0", False), ("conda", "1.26.4", True)]


def test_missing_files(ctx: Context, site: Site) -> None:
    files = ["lib/a.so", "lib/b.pyc", "../../outside"]
    package(site.prefix, "a", "1", files=files)
    (site.prefix / "lib/a.so").unlink()
    (site.prefix / "lib/b.pyc").unlink()
    (dist,) = collect(ctx, site)
    assert dist.record is not None
    assert (dist.record.missing, dist.record.missing_count) == (["lib/a.so"], 1)


@pytest.mark.parametrize("indent", [None, 2, 4])
def test_every_layout_of_the_file_says_the_same(
    ctx: Context, site: Site, indent: int | None
) -> None:
    path = package(site.prefix, "a", "1")
    rows = [{"_path": "lib/a.so", "path_type": "hardlink", "size_in_bytes": 1}]
    data = json.loads(path.read_text()) | {
        "paths_data": {"paths": rows, "paths_version": 1},
        "requested_spec": "a",  # stands behind the part that is left out
    }
    path.write_text(json.dumps(data, indent=indent, sort_keys=True))
    (dist,) = collect(ctx, site)
    assert (dist.name, dist.version, dist.requested, ctx.gaps) == ("a", "1", True, [])
    assert dist.record is not None and dist.record.files == 1


@pytest.mark.parametrize("raw", ["", "[]", "{}", '{"name": 1}', "[" * 100_000, '{"name":"a"', "\0"])
def test_a_broken_file_is_a_gap_and_its_name_speaks(ctx: Context, site: Site, raw: str) -> None:
    package(site.prefix, "my-lib", "1.5").write_text(raw)
    (dist,) = collect(ctx, site)
    assert (dist.name, dist.version, dist.source) == ("my-lib", "1.5", "conda")
    assert len(ctx.gaps) == 1


def test_the_kind_of_interpreter(ctx: Context, tmp_path: Path) -> None:
    said = {"venv": None, "prefix": str(tmp_path)}
    assert python._kind(ctx, said) == "other"
    (tmp_path / "conda-meta").mkdir()
    assert python._kind(ctx, said) == "conda"
