"""Exact requirements: from which index, and for which distributions there are none."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.fixes.pins import index_of, reinstall, why_not
from gpufix.fixes.registry import by_safety
from gpufix.model import Distribution, Install, Plan


@pytest.mark.parametrize(
    ("version", "index"),
    [
        ("2.9.0", None),
        ("2.9.0+cu128", "cu128"),
        ("2.9.0+rocm6.4", "rocm6.4"),
        ("2.9.0+rocm6.4.2", "rocm6.4.2"),
        ("2.9.0+cpu", "cpu"),
        ("2.9.0+xpu", "xpu"),
        ("0.0.35+gpufix", None),
        ("2.9.0a0+git1234567", None),
        ("2.9.0+cu128.with.pypi.cudnn", None),
        ("2.9.0+rocm6", None),
    ],
)
def test_the_same_again_comes_from_its_own_index(version: str, index: str | None) -> None:
    assert index_of(version) == index
    expected = Install(install=[f"torch=={version}"], reinstall=True, index=index)
    assert reinstall(b.view(b.facts()), "torch", version) == expected


@pytest.mark.parametrize(
    ("dist", "said"),
    [
        (b.dist("a"), None),
        (b.dist("a", "1.0+cu128"), None),
        (b.dist("a", source="conda"), "installed by conda"),
        (b.dist("a", "1.0+gpufix"), "`gpufix fix --fallback a` installs it again"),
        (b.dist("a", editable="/src/a"), "an editable install of /src/a"),
        (b.dist("a", editable="/src/a", gone=True), "an editable install of /src/a, which is gone"),
        (b.dist("a", direct_url="https://x/a.whl"), "installed from https://x/a.whl, not from"),
        # what says most comes first
        (b.dist("a", editable="/src/a", direct_url="file:///src/a"), "an editable install"),
    ],
)
def test_why_it_cannot_be_installed_again(dist: Distribution, said: str | None) -> None:
    reason = why_not(dist)
    assert (reason is None) if said is None else (reason is not None and said in reason)


def test_the_safest_comes_first_and_the_original_before_a_fallback() -> None:
    def plan(title: str, safety: str, fallback: str | None = None) -> Plan:
        made = {"fix": "f", "codes": ["WHL503"], "title": title, "safety": safety}
        return Plan(**made, steps=[], fallback=fallback)  # type: ignore[arg-type]

    order = [
        plan("mend", "safe"),
        plan("replace", "safe", "a"),
        plan("move", "unsafe"),
        plan("replace", "unsafe", "a"),
        plan("advise", "manual"),
    ]
    assert by_safety(order) == by_safety(order[::-1]) == order
