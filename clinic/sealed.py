"""Cases whose content comes later: their hashes are published first, so that nobody fits a tool to them.

``sealed.toml`` lists them. Whoever keeps one gets its line from ``python -m clinic seal FOLDER``.
"""

from __future__ import annotations

from pathlib import Path

from clinic.case import HERE, BadCase, Case, cases, digest, load, toml

LIST = HERE / "sealed.toml"


def line(folder: Path) -> str:
    """What to publish of a case: its id and hash. The case must be whole."""
    case = load(folder)
    return f'[[case]]\nid = "{case.id}"\nsha256 = "{digest(folder)}"\n'


def published(path: Path = LIST) -> dict[str, str]:
    return {row["id"]: row["sha256"] for row in toml(path).get("case", [])}


def opened(root: Path, path: Path = LIST) -> list[Case]:
    """The sealed cases in a folder, each the very one that was published."""
    known = published(path)
    found = cases(root=root)
    for case in found:
        if known.get(case.id) != digest(case.folder):
            why = "has another content than" if case.id in known else "is not in"
            raise BadCase(f"{case.folder}: {why} {path.name}")
    return found
