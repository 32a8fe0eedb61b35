"""A changed source as a step of a plan."""

from __future__ import annotations

from collections.abc import Callable

from gpufix.checks.source_view import absolute
from gpufix.model import WriteFile
from gpufix.source.python_tree import NotPython
from gpufix.view import View

Change = Callable[[str], str | None]


def rewrite(view: View, path: str, change: Change) -> WriteFile | None:
    """The file at a path relative to the project's root, changed; None when it cannot be."""
    full = absolute(view, path)
    source = view.ask("source", full)
    if not isinstance(source, dict):
        return None
    try:
        changed = change(source["text"])
        if changed is None or changed == source["text"]:
            return None
        changed.encode(source["encoding"])
    except (NotPython, UnicodeError, LookupError):
        return None
    return WriteFile(
        path=full, content=changed, encoding=source["encoding"], expect=source["sha256"]
    )
