"""Which program manages a conda prefix, by what it left there."""

from __future__ import annotations

import json
import os

import pytest
from fake_site import Site

from gpufix.facts.context import CollectContext
from gpufix.facts.packages import conda_prefix
from gpufix.model import CondaPrefix

HISTORY = {
    "none": ("", "conda"),
    "conda": ("# cmd: /opt/conda/bin/conda create -n x\n", "conda"),
    "the last command counts": ("# cmd: conda create\n+x\n# cmd: mamba install y\n", "mamba"),
    "micromamba": ("==> t <==\n# cmd: /usr/bin/micromamba install y\n", "micromamba"),
    "another program": ("# cmd: constructor\n", "conda"),
    "no text": ("# cmd: \udcff\n", "conda"),
}


@pytest.mark.parametrize("case", HISTORY)
def test_history(ctx: CollectContext, site: Site, case: str) -> None:
    said, program = HISTORY[case]
    folder = site.prefix / "conda-meta"
    folder.mkdir()
    (folder / "history").write_bytes(os.fsencode(said))
    assert conda_prefix.collect(ctx, site.python(kind="conda")) == CondaPrefix(program=program)
    assert ctx.gaps == []


def test_pixis_marker(ctx: CollectContext, site: Site) -> None:
    folder = site.prefix / "conda-meta"
    folder.mkdir()
    said = {"manifest_path": "/w/pixi.toml", "environment_name": "gpu", "pixi_version": "0.50"}
    (folder / "pixi").write_text(json.dumps(said))
    found = conda_prefix.collect(ctx, site.python(kind="conda"))
    assert found == CondaPrefix(program="pixi", manifest="/w/pixi.toml", environment="gpu")


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"manifest_path": 1}', "[" * 100_000])
def test_a_marker_that_cannot_be_read_is_pixis_all_the_same(
    ctx: CollectContext, site: Site, said: str
) -> None:
    folder = site.prefix / "conda-meta"
    folder.mkdir()
    (folder / "pixi").write_text(said)
    assert conda_prefix.collect(ctx, site.python(kind="conda")) == CondaPrefix(program="pixi")
    assert len(ctx.gaps) == 1


def test_no_conda_environment(ctx: CollectContext, site: Site) -> None:
    assert conda_prefix.collect(ctx, site.python()) is None
    assert conda_prefix.collect(ctx, None) is None
