"""Folders of the project that a script needs and nobody makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import normpath
from typing import NamedTuple

from gpufix.evidence.builds import ViewFiles
from gpufix.evidence.script_calls import scripts
from gpufix.evidence.source_view import for_tests, is_vendored
from gpufix.evidence.view import View
from gpufix.source.builds.installs import installs


class MissingFolder(NamedTuple):
    """A path of the project that a script needs and nobody makes. Paths are relative to the root."""

    path: str
    script: str
    line: int
    command: str
    when: str


def missing_folders(view: View) -> Iterator[MissingFolder]:
    """Of scripts that install something: what is needed whenever they get there."""
    project = view.facts.project
    root = f"{project.root.rstrip('/')}/" if project else "/"
    files = ViewFiles(view, root.rstrip("/"))
    for path, ways in scripts(view).items():
        if for_tests(path) or is_vendored(path):
            continue
        for way in ways:
            if not way.run.whole or not any(installs(way.run)):
                continue
            for row in way.run.missing:
                name = row.path.removeprefix(root)
                # called in its own folder, or in one between that and the project's
                near = (normpath(f"{root}{up}/{name}") for up in PurePosixPath(path).parents)
                known = (row.place.line, row.command) in way.known
                if not row.hangs and not known and not any(map(files.exists, near)):
                    yield MissingFolder(name, row.place.path, row.place.line, row.command, way.when)
