"""Python-level conflicts: every row is usable as data."""

from __future__ import annotations

import re

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from gpufix.knowledge import packages
from gpufix.knowledge.data_table import table


@pytest.mark.parametrize("conflict", packages.all(), ids=lambda c: c.id)
def test_row(conflict: packages.Conflict) -> None:
    assert conflict.source and conflict.symptom
    assert len(conflict.trigger) + len(conflict.without) >= 2
    for name, spec in conflict.trigger.items():
        assert re.fullmatch(r"[a-z0-9-]+", name)
        SpecifierSet(spec)
    assert conflict.remedies or conflict.declared
    for remedy in conflict.remedies:
        ((name, spec),) = remedy.items()
        if name in conflict.without:
            continue  # it is to be there
        assert SpecifierSet(spec) is not None and name in conflict.trigger
        # a remedy leaves the range that triggers: no version is in both
        trigger = SpecifierSet(conflict.trigger[name])
        bounds = re.findall(r"[0-9][0-9.]*", spec)
        assert not any(Version(v) in SpecifierSet(spec) & trigger for v in bounds)


def test_known_cases() -> None:
    by_id = {c.id: c for c in packages.all()}
    assert by_id["gradio-4.44.1-pydantic"].remedies[0] == {"pydantic": "==2.10.6"}
    assert by_id["accelerate-numpy"].trigger["accelerate"] == ">=0.32,<0.34"
    assert by_id["gradio-4.44.1-pillow"].declared
    assert not by_id["gradio-hffolder"].declared
    good = packages.known_good("gradio==4.44.1")
    for conflict in packages.all():
        for name, spec in conflict.trigger.items():
            if conflict.trigger.get("gradio") == "==4.44.1" and name in good:
                assert Version(good[name]) not in SpecifierSet(spec), conflict.id


def test_caps() -> None:
    assert packages.caps("gradio", "4.44.1")["huggingface-hub"] == ">=0.19.3"
    assert packages.caps("gradio", "5.48.0")["huggingface-hub"] == "<2.0,>=0.33.5"
    assert "starlette" not in packages.caps("gradio", "4.44.1")
    assert packages.caps("gradio", "3.0") == {} and packages.caps("nothing", "1.0") == {}
    for package, deps in table("conflicts")["caps"].items():
        for rows in deps.values():
            for since, _ in rows:
                for spec in packages.caps(package, since).values():
                    SpecifierSet(spec)
