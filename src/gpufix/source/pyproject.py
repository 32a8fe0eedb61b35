"""pyproject.toml: what a build is declared to need."""

from __future__ import annotations

import re
import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def scan(text: str) -> dict[str, Any]:
    """requires (None = no [build-system]), backend, name, and uv's packages without isolation.

    Raises ValueError for a file that is no TOML.
    """
    data = tomllib.loads(text)
    build = data.get("build-system")
    project, uv = data.get("project"), _table(data, "tool", "uv")
    requires = build.get("requires", []) if isinstance(build, dict) else None
    return {
        "requires": [str(r) for r in requires] if isinstance(requires, list) else None,
        "backend": str(build.get("build-backend", "")) if isinstance(build, dict) else None,
        "name": str(project.get("name", "")) if isinstance(project, dict) else "",
        "no_isolation": bool(uv.get("no-build-isolation") or uv.get("no-build-isolation-package")),
    }


def _table(data: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        value = data.get(name)
        data = value if isinstance(value, dict) else {}
    return data


def names_torch(requires: list[str] | None) -> bool:
    """Whether torch itself is among the requirements of a build."""
    return any(re.match(r"torch\s*(?:[=<>!~;\[@]|$)", r.strip(), re.I) for r in requires or ())
