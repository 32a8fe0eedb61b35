"""What requirement files, environment files and pyproject.toml ask for."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

_OPTIONS = ("--extra-index-url", "--index-url", "--find-links", "-i", "-f")
_URL = re.compile(r"https?://[^\s\"'#]+")
# .../whl/cu124, torch-2.4.0_cu121.html, torch-2.4.0+cu121.html, .../whl/cu121/torch2.4/index.html
_VARIANT = re.compile(r"(?<![a-z0-9])(cu\d{2,3}|rocm\d+\.\d+(?:\.\d+)?|cpu)(?![a-z0-9])")
_TORCH = re.compile(r"torch-?(\d+\.\d+(?:\.\d+)?)")
_CONTINUED = re.compile(r"\\\r?\n")


def scan(text: str) -> dict[str, Any]:
    """A requirements file: `requirements` as (line, text), `addresses`; empty keys left out."""
    facts: dict[str, Any] = {"requirements": [], "addresses": []}
    for number, line in _lines(text):
        words = line.split()
        facts["addresses"] += addresses(words, number)
        if words and not words[0].startswith("-"):
            facts["requirements"].append([number, line])
    return {key: value for key, value in facts.items() if value}


def _lines(text: str) -> list[tuple[int, str]]:
    """Logical lines without comments, with the number of their first line."""
    rows, number = [], 1
    joined = _CONTINUED.sub("\x01", text)
    for line in joined.split("\n"):
        plain = re.sub(r"(^|\s)#.*", "", line.replace("\x01", " ")).strip()
        if plain:
            rows.append((number, plain))
        number += 1 + line.count("\x01")
    return rows


def addresses(words: Sequence[str], line: int) -> list[dict[str, Any]]:
    """Index and find-links addresses that name a torch build: variant, torch release or None."""
    found = []
    for index, word in enumerate(words):
        option, _, attached = word.partition("=")
        if option not in _OPTIONS:
            continue
        url = _URL.match(attached or (words[index + 1] if index + 1 < len(words) else ""))
        variant = _VARIANT.search(url.group()) if url else None
        if url and variant:
            release = _TORCH.search(url.group())
            found.append(
                {
                    "line": line,
                    "url": url.group(),
                    "variant": variant.group(1),
                    "torch": release.group(1) if release else None,
                    "option": option,
                }
            )
    return found


def scan_environment(text: str) -> dict[str, Any]:
    """A conda environment file: its pip lines, read as requirements. YAML is read by line."""
    facts: dict[str, Any] = {"requirements": [], "addresses": []}
    inside = None
    for number, line in enumerate(text.splitlines(), 1):
        item = re.match(r"(\s*)-\s*(.*?)\s*(?:#.*)?$", line)
        if item is None:
            inside = None if line.strip() and not line.startswith(" ") else inside
            continue
        indent, value = len(item.group(1)), item.group(2).strip("\"'")
        if value == "pip:":
            inside = indent
        elif inside is not None and indent > inside:
            words = value.split()
            facts["addresses"] += addresses(words, number)
            if words and not words[0].startswith("-"):
                facts["requirements"].append([number, value])
        else:
            inside = None
    return {key: value for key, value in facts.items() if value}


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def scan_pyproject(text: str) -> dict[str, Any]:
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
