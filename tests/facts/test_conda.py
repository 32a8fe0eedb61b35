"""Conda's packages beside pip's: each once, and replaced ones told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_site import Site

from gpufix.facts.context import CollectContext
from gpufix.facts.libraries.library_files import owners
from gpufix.facts.packages import conda, distributions
from gpufix.facts.python import interpreter
from gpufix.model import CondaPackage, Distribution, Facts, Host
from gpufix.model.base import Invalid, from_json, to_json
from gpufix.model.facts import conda_apart


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


def collect(ctx: CollectContext, site: Site) -> tuple[list[Distribution], list[CondaPackage]]:
    patient = site.python(kind="conda")
    installed = conda.collect(ctx, patient)
    found, _ = distributions.collect(ctx, patient, installed)
    return found, installed.beside(found)


def test_a_package_without_python(ctx: CollectContext, site: Site) -> None:
    path = package(site.prefix, "libgcc", "13.2.0", requested_spec="libgcc=13")
    found, (kept,) = collect(ctx, site)
    assert found == []  # it is no distribution of Python's, and its name no name of Python's
    assert (kept.name, kept.version, kept.build) == ("libgcc", "13.2.0", "py311_0")
    assert (kept.prefix, kept.metadata, kept.requested) == (str(site.prefix), str(path), True)
    assert kept.depends == ["python >=3.11,<3.12.0a0"]
    assert kept.channel == "https://conda.example/forge/linux-64"
    assert kept.record is not None and (kept.record.files, kept.record.missing) == (1, [])
    assert ctx.gaps == []


def test_its_python_distribution_is_the_same_thing(ctx: CollectContext, site: Site) -> None:
    package(site.prefix, "numpy", "1.26.4")
    # conda-build rewrites files after RECORD: it must not be believed
    site.install("numpy", "1.26.4", notes={"INSTALLER": b"conda\n"}, rows="numpy/gone,,\n")
    (dist,), (kept,) = collect(ctx, site)
    assert (dist.source, dist.build, dist.name) == ("conda", "py311_0", "numpy")
    assert (dist.package, dist.record) == ("numpy", None)
    assert kept.record is not None and kept.record.missing_count == 0
    assert dist.metadata is not None and dist.metadata.endswith(".dist-info")


@pytest.mark.parametrize("info", ["torch-2.5.1.dist-info", "torch-2.5.1-py3.11.egg-info"])
def test_its_python_distribution_may_have_another_name(
    ctx: CollectContext, site: Site, info: str
) -> None:
    folder = f"{site.folder.relative_to(site.prefix)}"
    files = [f"{folder}/{info}/METADATA", f"{folder}/{info}/PKG-INFO", f"{folder}/torch/_C.so"]
    package(site.prefix, "pytorch", "2.5.1", files=files)
    for name in files[:2]:
        (site.prefix / name).write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.5.1\n")
    (dist,), (kept,) = collect(ctx, site)
    assert (dist.name, dist.source, dist.package) == ("torch", "conda", "pytorch")
    library = str(site.prefix / files[2])
    assert owners([dist], [kept], [library]) == {library: "torch"}
    assert owners([], [kept], [library]) == {library: "pytorch"}


def test_what_pip_put_over_it_is_a_second_copy(ctx: CollectContext, site: Site) -> None:
    folder = f"{site.folder.relative_to(site.prefix)}"
    files = [f"{folder}/numpy-1.26.4.dist-info", f"{folder}/numpy.so"]
    package(site.prefix, "numpy", "1.26.4", files=files)
    for name in files:  # as pip removes it
        (site.prefix / name).unlink()
    site.install("numpy", "2.0.0")
    (dist,), (kept,) = collect(ctx, site)
    assert (dist.source, dist.version, dist.record is None) == ("pip", "2.0.0", False)
    assert (kept.version, kept.record) == ("1.26.4", None)


def test_missing_files(ctx: CollectContext, site: Site) -> None:
    files = ["lib/a.so", "lib/b.pyc", "../../outside"]
    package(site.prefix, "a", "1", files=files)
    (site.prefix / "lib/a.so").unlink()
    (site.prefix / "lib/b.pyc").unlink()
    _, (kept,) = collect(ctx, site)
    assert kept.record is not None
    assert (kept.record.missing, kept.record.missing_count) == (["lib/a.so"], 1)


@pytest.mark.parametrize("indent", [None, 2, 4])
def test_every_layout_of_the_file_says_the_same(
    ctx: CollectContext, site: Site, indent: int | None
) -> None:
    path = package(site.prefix, "a", "1")
    rows = [{"_path": "lib/a.so", "path_type": "hardlink", "size_in_bytes": 1}]
    data = json.loads(path.read_text()) | {
        "paths_data": {"paths": rows, "paths_version": 1},
        "requested_spec": "a",  # stands behind the part that is left out
    }
    path.write_text(json.dumps(data, indent=indent, sort_keys=True))
    _, (kept,) = collect(ctx, site)
    assert (kept.name, kept.version, kept.requested, ctx.gaps) == ("a", "1", True, [])
    assert kept.record is not None and kept.record.files == 1


@pytest.mark.parametrize("raw", ["", "[]", "{}", '{"name": 1}', "[" * 100_000, '{"name":"a"', "\0"])
def test_a_broken_file_is_a_gap_and_its_name_speaks(
    ctx: CollectContext, site: Site, raw: str
) -> None:
    package(site.prefix, "my-lib", "1.5").write_text(raw)
    _, (kept,) = collect(ctx, site)
    assert (kept.name, kept.version) == ("my-lib", "1.5")
    assert len(ctx.gaps) == 1


def test_an_older_snapshot_tells_them_apart_when_it_is_read() -> None:
    row = {"name": "libgcc", "version": "13", "location": "/env", "source": "conda"}
    row |= {"metadata": "/env/conda-meta/libgcc-13-h1_0.json", "requires": ["libstdcxx >=13"]}
    interpreter = {
        **row,
        "name": "numpy",
        "metadata": "/env/site/numpy-13.dist-info",
        "requires": [],
    }
    host = to_json(Host(os="Linux", kernel="6", machine="x86_64"))
    facts = from_json(Facts, conda_apart({"host": host, "distributions": [row, interpreter]}))
    assert [d.name for d in facts.distributions] == ["numpy"]
    (kept,) = facts.conda_packages
    assert (kept.name, kept.prefix, kept.depends) == ("libgcc", "/env", ["libstdcxx >=13"])


@pytest.mark.parametrize("packages", [3, None, {"a": 1}, [4]])
def test_an_older_snapshot_with_no_list_of_packages_is_refused(packages: object) -> None:
    row = {"source": "conda", "metadata": "/env/conda-meta/a.json"}
    host = to_json(Host(os="Linux", kernel="6", machine="x86_64"))
    data = {"host": host, "distributions": [row, 5], "conda_packages": packages}
    with pytest.raises(Invalid):
        from_json(Facts, conda_apart(data))


def test_the_kind_of_interpreter(ctx: CollectContext, tmp_path: Path) -> None:
    said = {"venv": None, "prefix": str(tmp_path)}
    assert interpreter._kind(ctx, said) == "other"
    (tmp_path / "conda-meta").mkdir()
    assert interpreter._kind(ctx, said) == "conda"
