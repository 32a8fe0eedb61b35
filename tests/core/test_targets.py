"""Which GPUs are judged when none is named."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "checks"))

import builders as b

from gpufix.evidence.targets import choose
from gpufix.knowledge.gpus.models import GpuNameError
from gpufix.model import Facts, Gpu

CARD, OLD = b.gpu("sm_120"), b.gpu("sm_61", index=1)
IGPU = b.gpu("gfx1036", index=0, integrated=True)
RADEON = b.gpu("gfx1100", index=1)


@pytest.mark.parametrize(
    ("torch", "gpus", "expected"),
    [
        ("2.9.0+cu128", [CARD], ["sm_120"]),
        ("2.9.0+cu128", [CARD, IGPU], ["sm_120"]),
        ("2.9.0+cu128", [CARD, OLD], ["sm_120", "sm_61"]),
        ("2.9.0+cu128", [CARD, CARD], ["sm_120"]),
        ("2.9.0+rocm6.4", [IGPU, RADEON], ["gfx1036", "gfx1100"]),
        ("2.9.0+rocm6.4", [CARD, RADEON], ["gfx1100"]),
        # A build for the other vendor, or for none: what is there decides.
        ("2.9.0+rocm6.4", [CARD], ["sm_120"]),
        ("2.9.0+cu128", [RADEON], ["gfx1100"]),
        ("2.9.0+cpu", [CARD, IGPU], ["sm_120"]),
        ("2.9.0+cpu", [IGPU], ["gfx1036"]),
        (None, [CARD], ["sm_120"]),
        ("2.9.0+cu128", [], []),
    ],
)
def test_visible(torch: str | None, gpus: list[Gpu], expected: list[str]) -> None:
    facts = b.facts(gpus=gpus, torch=b.torch(torch) if torch else None)
    assert [t.arch for t in choose(facts, ())] == expected


def test_a_name_of_the_driver_gives_the_architecture() -> None:
    seen = replace(b.gpu("sm_89", name="NVIDIA GeForce RTX 5080"), arch=None)
    assert [t.arch for t in choose(b.facts(gpus=[seen]), ())] == ["sm_120"]


def test_named_targets_replace_visible_ones() -> None:
    facts: Facts = b.facts(gpus=[CARD])
    assert [t.arch for t in choose(facts, ["gfx1101", "8.6", "gfx1101"])] == ["gfx1101", "sm_86"]


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(GpuNameError):
        choose(b.facts(), ["RTX 9999999"])
