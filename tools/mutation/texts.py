"""The Python files of a tree, read once: what is judged is what was read, whatever is edited meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

Texts = Mapping[str, bytes]  # by their paths from the root


def read(root: Path, *folders: str) -> Texts:
    """Those below some folders."""
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def matching(root: Path, patterns: Sequence[str]) -> list[str]:
    """The files behind globs, by their paths from the root. Raises LookupError where there is none."""
    found: set[str] = set()
    for pattern in patterns:
        paths = {str(path.relative_to(root)) for path in root.glob(pattern)}
        if not paths:
            raise LookupError(f"tools/mutants.toml: no file is {pattern}")
        found |= paths
    return sorted(found)


def digest(parts: Iterable[bytes]) -> str:
    """Of all of them, in their order."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()
