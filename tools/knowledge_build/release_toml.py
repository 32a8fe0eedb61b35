"""Writes torch/X.Y.Z.toml as it is kept by hand: one order, one row a line where it fits."""

from __future__ import annotations

import json
import re
from typing import Any

from packaging.version import Version

HEAD = ("date", "wheel", "requires_python", "cxx_std", "numpy2", "variants_source")


def text(version: str, release: dict[str, Any], unknown: dict[str, str]) -> str:
    """The file of a release. unknown: key -> where to look; each stands in a comment."""
    missing = "".join(f"# unknown: {key}. {where}\n" for key, where in unknown.items())
    head = "".join(f"{key} = {_value(release[key])}\n" for key in HEAD if key in release)
    parts = [
        f"# torch {version}\n{missing}{head}",
        *(_table(name, release[name]) for name in ("python", "default", "pins") if name in release),
        _cpp_extension(release["cpp_extension"]),
    ]
    for platform, builds in release["variants"].items():
        parts += [_table(f"variants.{platform}.{_key(n)}", row) for n, row in builds.items()]
    return "\n".join(parts)


def _table(name: str, row: dict[str, Any]) -> str:
    return f"[{name}]\n" + "".join(f"{_key(key)} = {_value(v)}\n" for key, v in row.items())


def _cpp_extension(row: dict[str, Any]) -> str:
    plain = {key: value for key, value in row.items() if not isinstance(value, dict)}
    tables = {key: value for key, value in row.items() if isinstance(value, dict)}
    return _table("cpp_extension", plain) + "".join(
        "\n" + _table(f"cpp_extension.{name}", table) for name, table in tables.items()
    )


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() else json.dumps(name)


def _value(value: Any) -> str:
    """Strings, numbers, truth values and lists are written in TOML as in JSON."""
    return json.dumps(value, ensure_ascii=False)


def with_companion(content: str, version: str, requires: str, torch: str) -> str:
    """A family's file with one more version; every other line as it was.

    requires: "torch==2.9.0"; "torch" alone also says with which release the version came out.
    """
    content = _with_row(content, "requires", version, requires)
    return content if requires != "torch" else _with_row(content, "since", version, torch)


def _with_row(content: str, table: str, version: str, value: str) -> str:
    """Puts a row into a table of versions, in its place; the table is made where there is none."""
    if f"[{table}]\n" not in content:
        content = content.rstrip("\n") + f"\n\n[{table}]\n"
    lines = content.splitlines(keepends=True)
    at = lines.index(f"[{table}]\n") + 1
    while at < len(lines) and (found := re.match(r'"([^"]+)" = ', lines[at])):
        if Version(found[1]) > Version(version):
            break
        at += 1
    lines.insert(at, f"{json.dumps(version)} = {json.dumps(value)}\n")
    return "".join(lines)
