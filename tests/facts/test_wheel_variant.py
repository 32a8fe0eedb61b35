"""variant.json in a .dist-info: what a variant wheel brings, and what anybody may have written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_site import Site
from test_distributions import collect

from gpufix.facts.context import CollectContext
from gpufix.model import Distribution, WheelVariant

SCHEMA = "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json"
NVIDIA = {"cuda_version_lower_bound": ["12.8"], "sm_arch": ["120_real", "90_real"]}
# The example of PEP 825, with NVIDIA's namespace.
GOOD = {
    "$schema": SCHEMA,
    "default-priorities": {"namespace": ["nvidia"]},
    "variants": {"cu128": {"nvidia": NVIDIA}},
}


def read(ctx: CollectContext, site: Site, content: Any) -> Distribution:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    site.install("kern", notes={"variant.json": raw})
    (dist,) = collect(ctx, site)
    return dist


def test_its_label_and_its_properties(ctx: CollectContext, site: Site) -> None:
    assert read(ctx, site, GOOD).variant == WheelVariant(
        label="cu128",
        properties=[
            "nvidia :: cuda_version_lower_bound :: 12.8",
            "nvidia :: sm_arch :: 120_real",
            "nvidia :: sm_arch :: 90_real",
        ],
    )
    assert ctx.gaps == []


def test_the_null_variant_and_a_wheel_without_one(ctx: CollectContext, site: Site) -> None:
    null = read(ctx, site, {"$schema": SCHEMA, "variants": {"null": {}}})
    assert null.variant == WheelVariant(label="null")
    site.install("plain")
    assert [d.variant for d in collect(ctx, site)] == [null.variant, None]
    assert ctx.gaps == []


def changed(**parts: Any) -> dict[str, Any]:
    return GOOD | parts


MALFORMED = {
    "no JSON": b"{",
    "nested": b"[" * 100_000,
    "a list": b"[]",
    "no schema": {"variants": {"a": {}}},
    "a schema that is not known": changed(**{"$schema": "https://h.example/v2.0.0.json"}),
    "two variants": changed(variants={"a": {}, "b": {}}),
    "none": changed(variants={}),
    "no table": changed(variants=[]),
    "no table of features": changed(variants={"a": {"nvidia": []}}),
    "no list of values": changed(variants={"a": {"nvidia": {"sm_arch": "90"}}}),
    "no values": changed(variants={"a": {"nvidia": {"sm_arch": []}}}),
    "a number": changed(variants={"a": {"nvidia": {"sm_arch": [90]}}}),
    "a control character": changed(variants={"a": {"nvidia": {"sm_arch": ["\x1b[31m"]}}}),
    "one in a name": changed(variants={"a": {"\x1b[31m": {"sm_arch": ["90"]}}}),
    "one in the label": changed(variants={"\x1b[31m": {}}),
    "too many": changed(variants={"a": {"n": {"f": [str(n) for n in range(501)]}}}),
    "too large": json.dumps(GOOD).encode() + b" " * (1 << 17),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_a_gap(ctx: CollectContext, site: Site, name: str) -> None:
    assert read(ctx, site, MALFORMED[name]).variant is None
    (gap,) = ctx.gaps
    assert gap.subject.endswith("/variant.json")
    assert gap.reason.isprintable()
