"""What it takes to run a program with the patient's torch: as the whole collection says it, and no more."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from machine import nvidia_host

from gpufix.facts.collect import collect, collect_to_run
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import libraries
from gpufix.model import Facts

ALSO = {"gpufix_version", "host", "gaps"}
SAME = {"python", "distributions", "shared_files", "torch", "gpus", "drivers", "environment"}


@pytest.fixture
def patient(venv: Path, ctx: CollectContext) -> CollectContext:
    """With a GPU, and an environment that is active."""
    nvidia_host(ctx.root)
    return replace(ctx, environ={**ctx.environ, "VIRTUAL_ENV": str(venv)})


def test_the_same_as_the_whole(patient: CollectContext) -> None:
    whole, some = (c(replace(patient, gaps=[]), None, None) for c in (collect, collect_to_run))
    assert some.python is not None and some.gpus
    for name in SAME:
        assert getattr(some, name) == getattr(whole, name), name
    assert (some.host.memory, some.host.cpus) == (whole.host.memory, whole.host.cpus)


def test_nothing_else_is_read(patient: CollectContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "collect", lambda *_: pytest.fail("libraries are read"))
    some = collect_to_run(patient, None, None)
    empty = Facts(host=some.host)
    for name in {field.name for field in fields(Facts)} - SAME - ALSO:
        assert getattr(some, name) == getattr(empty, name), name
