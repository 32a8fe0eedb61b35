"""The recorded names of packages: which releases have one."""

from __future__ import annotations

import json
import lzma

import pytest

from gpufix.knowledge import data_table, name_spans


@pytest.mark.parametrize(
    ("module", "name", "pip", "bounds"),
    [
        ("moviepy", "editor", "moviepy", "<2.0.0"),
        ("scipy.integrate", "simps", "scipy", "<=1.13.1"),
        ("numpy", "float_", "numpy", "<=1.26.4"),
        ("onnx", "mapping", "onnx", "<=1.18.0"),  # a module, which onnx imports itself from 1.15 on
    ],
)
def test_a_name_that_went(module: str, name: str, pip: str, bounds: str) -> None:
    known = name_spans.of_module(module, name)
    assert known is not None and (known.pip, known.span.bounds) == (pip, bounds)


def test_a_member_that_went() -> None:
    known = {one.pip: one.span.bounds for one in name_spans.of_member("DataFrame", "append")}
    assert known["pandas"] == "<=1.5.3"


def test_a_name_that_stayed_is_not_recorded() -> None:
    assert name_spans.of_module("numpy", "array") is None
    assert name_spans.of_module("no_such_package", "x") is None


def test_each_row_is_of_releases_that_were_read() -> None:
    packages = data_table.packed_table("package_names")["packages"]
    assert len(packages) > 50
    for package, row in packages.items():
        ends = {end for span in row["names"] for end in span.split("-") if end}
        assert all(int(end) < len(row["releases"]) for end in ends), package
    assert len(lzma.compress(json.dumps(packages).encode())) < 150_000
