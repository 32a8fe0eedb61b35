"""Which files of a project are of which kind, by their names."""

from __future__ import annotations

import pytest

from gpufix.facts.project.project_files import kind_of


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("Dockerfile", "docker"),
        ("a/Dockerfile.rocm", "docker"),
        ("a/cuda.Dockerfile", "docker"),
        ("Containerfile", "docker"),
        ("Dockerfiles.md", None),
        ("dockerfile.py", "python"),
    ],
)
def test_names(path: str, kind: str | None) -> None:
    assert kind_of(path) == kind
