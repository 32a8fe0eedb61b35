"""The frames of a traceback."""

from __future__ import annotations

import pytest

from gpufix.explain.frames import frames
from gpufix.explain.read import explain


def test_a_frame_without_its_line_leaves_the_next_frame_alone() -> None:
    shown = frames(
        "Traceback (most recent call last):\n"
        '  File "<string>", line 1, in <module>\n'
        '  File "/v/lib/python3.11/site-packages/PIL/Image.py", line 103, in <module>\n'
        "    raise ImportError(msg)\n"
    )
    assert [(f.package, f.code) for f in shown] == [(None, ""), ("PIL", "raise ImportError(msg)")]


@pytest.mark.parametrize(
    "process",
    [
        "",
        "[rank0]: ",
        "(RayWorkerWrapper pid=77, ip=10.0.0.1) ",
        "(EngineCore_DP0 pid=184) ERROR 09-18 10:41:04 [core.py:718] ",
        "ERROR 09-18 10:41:04 [multiproc_executor.py:12] ",
    ],
)
def test_which_process_wrote_a_line_is_no_part_of_it(process: str) -> None:
    lines = (
        "Traceback (most recent call last):",
        '  File "<frozen runpy>", line 88, in run',
        '  File "/v/lib/python3.11/site-packages/gadget/run.py", line 7, in run',
        "    raise KeyError(name)",
        "KeyError: 'layout'",
        "",
        "",
    )
    answer = explain([f"{process}{line}\n".encode() for line in lines])[0].primary
    assert answer is not None
    assert (answer.id, answer.shown) == ("raised-in", "KeyError: 'layout'")
    assert "gadget" in answer.what


def test_blank_lines_at_the_end_do_not_move_an_error() -> None:
    log = "ValueError: the launch was not configured. Please use k[grid](x)\n"
    lines = {explain([f"{log}{end}".encode()])[0].primary.line for end in ("", "\n", "\n\n\n")}  # type: ignore[union-attr]  # each is recognised
    assert lines == {1}


def test_a_listing_without_source_is_a_frame() -> None:
    place = "/usr/local/lib/python3.11/dist-packages/kiln/fire.py"
    shown = frames(f"{place} in burn(bricks, heat)\n\nNameError: name 'x' is not defined")
    assert [(f.package, f.code) for f in shown] == [("kiln", "")]
    assert frames(f"{place}:3: UserWarning: too hot\n  warn()\n") == []
