"""Features of Rust crates that maturin builds: the one that brings the GPU code, where it is off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gpufix.evidence.source_view import absolute, for_tests, is_vendored, source_of, toml_files
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.source import toml_text

_OF_VENDOR = {"nvidia": ("cuda",), "amd": ("rocm", "hip")}


class FeatureOff(Frozen):
    """A feature that is neither a default of the crate nor named by pyproject.toml."""

    path: str  # the Cargo.toml
    line: int
    name: str
    taken: tuple[str, ...]  # those that pyproject.toml names


def features_off(view: View, vendor: str) -> Iterator[FeatureOff]:
    """One for each crate that has a feature named after the vendor's code."""
    for path, toml in toml_files(view).items():
        if toml.backend != "maturin" or for_tests(path) or is_vendored(path):
            continue
        folder = path.rpartition("/")[0]
        settings = _at(_read(view, path)[1], "tool", "maturin")
        manifest = str(settings.get("manifest-path", "Cargo.toml"))
        if "/" in manifest or settings.get("all-features"):
            continue
        if manifest not in (view.project_names(absolute(view, folder).rstrip("/")) or ()):
            continue
        cargo = f"{folder}/{manifest}".lstrip("/")
        if (off := _off(view, cargo, settings, _OF_VENDOR.get(vendor, ()))) is not None:
            yield off


def _off(
    view: View, cargo: str, settings: Mapping[str, Any], names: tuple[str, ...]
) -> FeatureOff | None:
    text, table = _read(view, cargo)
    features = _at(table, "features")
    taken = tuple(_words(settings.get("features")))
    on = [*taken, *(() if settings.get("no-default-features") else ("default",))]
    for feature in on:  # which grows
        on += (name for name in _words(features.get(feature)) if name not in on)
    name = next((name for name in names if name in features), None)
    if name is None or not set(on).isdisjoint(names):
        return None
    lines = enumerate(text.splitlines(), 1)
    line = next((n for n, row in lines if re.match(rf"\s*[\"']?{name}[\"']?\s*=\s*\[", row)), 1)
    return FeatureOff(cargo, line, name, taken)


def _read(view: View, path: str) -> tuple[str, Mapping[str, Any]]:
    source = source_of(view, path)
    try:
        return (source.text, toml_text.parse(source.text)) if source else ("", {})
    except ValueError:
        return "", {}


def _at(table: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        value = table.get(name)
        table = value if isinstance(value, dict) else {}
    return table


def _words(value: object) -> Iterator[str]:
    yield from (str(word) for word in value) if isinstance(value, list) else ()
