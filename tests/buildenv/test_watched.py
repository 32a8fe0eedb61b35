"""A long build of `gpufix fix` is not silent."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from gpufix.engine.builds.step import Watched
from gpufix.fixes.build_environment.variables import Folder

FOLDER = Folder("/src/ext", "python")


@pytest.mark.parametrize(
    ("done", "told"),
    [
        ((2, 5), ["/src/ext: 2 of 5 files after 31 s", "/src/ext: 2 of 5 files after 62 s"]),
        (None, ["/src/ext: 31 s", "/src/ext: 62 s"]),
    ],
)
def test_a_line_each_half_minute(
    done: tuple[int, int] | None, told: list[str], tmp_path: Path
) -> None:
    said: list[str] = []
    watch = Watched(said.append, tmp_path / "heartbeat")
    for seconds in (0.1, 29.0, 31.0, 45.0, 60.9, 62.0):
        running = SimpleNamespace(seconds=seconds, log=SimpleNamespace(progress=lambda: done))
        watch.progress([(FOLDER, running)])
    assert said == told
    assert (tmp_path / "heartbeat").exists(), "undo tells by it how long the run lived"
