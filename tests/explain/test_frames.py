"""The frames of a traceback."""

from __future__ import annotations

from gpufix.explain.frames import frames


def test_a_frame_without_its_line_leaves_the_next_frame_alone() -> None:
    shown = frames(
        "Traceback (most recent call last):\n"
        '  File "<string>", line 1, in <module>\n'
        '  File "/v/lib/python3.11/site-packages/PIL/Image.py", line 103, in <module>\n'
        "    raise ImportError(msg)\n"
    )
    assert [(f.package, f.code) for f in shown] == [(None, ""), ("PIL", "raise ImportError(msg)")]
