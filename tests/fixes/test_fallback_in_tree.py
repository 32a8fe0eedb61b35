"""Fallbacks in the folder of a project that built an extension in place."""

from __future__ import annotations

from dataclasses import replace

import builders as b
import pytest

from gpufix.checks.gpu.gpu103_extension_lacks_target import extension_lacks_target
from gpufix.fallbacks.pack import tree
from gpufix.fixes.fallback.install_fallback import install_fallback, on_demand
from gpufix.model import (
    Distribution,
    Facts,
    InstallFallback,
    Plan,
    Remove,
    Skip,
    SourceFile,
    WriteFile,
)

ROOT = "/src/project"
LIBRARY = "fused_ssim_cuda.cpython-311-x86_64-linux-gnu.so"
TORCH = b.dist("torch", "2.9.0+cu128")


def built(
    *places: str, sources: tuple[str, ...] = ("fused_ssim/helper.py",), **more: object
) -> Facts:
    """A project that holds these libraries, for another GPU than the one here."""
    libraries = [
        replace(b.library("x", b.code("sm_75")), path=f"{ROOT}/{place}") for place in places
    ]
    files = [SourceFile(path=path, kind="python", size=1) for path in sources]
    base = {
        "gpus": [b.gpu("sm_120")],
        "binaries": b.binaries(*libraries),
        "distributions": [TORCH],
        "project": b.project(sources=files),
    }
    return b.healthy(**(base | more))


def offered(facts: Facts) -> Plan | Skip | None:
    finding = b.run(extension_lacks_target, facts)[0]
    plan = install_fallback(finding, b.view(facts))
    assert plan is None or isinstance(plan, (Plan, Skip))
    return plan


@pytest.mark.parametrize("place", ["other/_C.so", "fused_ssimilar.so", "my_fused_ssim_cuda.so"])
def test_silent_for_other_libraries(place: str) -> None:
    assert offered(built(place)) is None


@pytest.mark.parametrize("folder", ["", "submodules/fused-ssim/"])
def test_the_library_goes_and_the_files_come(folder: str) -> None:
    facts = built(f"{folder}{LIBRARY}", sources=(f"{folder}fused_ssim/helper.py",))
    for plan in (offered(facts), on_demand("fused_ssim", b.view(facts))):
        assert isinstance(plan, Plan), plan
        assert plan.safety == "unsafe"
        first, *writes = plan.steps
        assert first == Remove(path=f"{ROOT}/{folder}{LIBRARY}")
        assert {w.path: w.expect for w in writes if isinstance(w, WriteFile)} == {
            f"{ROOT}/{folder}{path}": None for path in tree("fused_ssim")
        }


def test_what_is_there_is_expected_as_it_is() -> None:
    facts = built(LIBRARY, sources=("fused_ssim/__init__.py",))
    own = f"{ROOT}/fused_ssim/__init__.py"
    answers = {f"source:{own}": {"text": "x", "encoding": "utf-8", "sha256": "abc"}}
    plan = offered(replace(facts, answers=answers))
    assert isinstance(plan, Plan)
    assert [s.expect for s in plan.steps if isinstance(s, WriteFile) and s.path == own] == ["abc"]


UNCERTAIN = {
    "two copies": (built(f"a/{LIBRARY}", f"b/{LIBRARY}"), "in several folders"),
    "no package beside it": (
        built(f"lib/{LIBRARY}"),
        "the folder /src/project/lib/fused_ssim is not",
    ),
    "unreadable": (built(LIBRARY, sources=("fused_ssim/__init__.py",)), "cannot be read"),
}


@pytest.mark.parametrize("case", UNCERTAIN)
def test_uncertain(case: str) -> None:
    facts, reason = UNCERTAIN[case]
    skip = offered(facts)
    assert isinstance(skip, Skip)
    assert reason in skip.reason


def installed(facts: Facts, **changes: object) -> Facts:
    dist: Distribution = b.dist("fused-ssim", "1.0.0", **changes)
    return replace(facts, distributions=[TORCH, dist])


def test_an_installed_original_is_replaced_where_it_is_installed() -> None:
    facts = installed(built(LIBRARY, sources=("fused_ssim/__init__.py",)))
    plan = on_demand("fused_ssim", b.view(facts))
    assert isinstance(plan, Plan)
    assert isinstance(plan.steps[0], InstallFallback)
    assert any(f"{ROOT}/fused_ssim comes first" in note for note in plan.notes)


def test_no_note_where_nothing_is_in_the_way() -> None:
    facts = installed(built("lib/x.so", sources=("train.py", "lib/fused_ssim/__init__.py")))
    plan = on_demand("fused_ssim", b.view(facts))
    assert isinstance(plan, Plan)
    assert not any("comes first" in note for note in plan.notes)
