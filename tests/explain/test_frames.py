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


def test_a_listing_without_source_is_a_frame() -> None:
    place = "/usr/local/lib/python3.11/dist-packages/kiln/fire.py"
    shown = frames(f"{place} in burn(bricks, heat)\n\nNameError: name 'x' is not defined")
    assert [(f.package, f.code) for f in shown] == [("kiln", "")]
    assert frames(f"{place}:3: UserWarning: too hot\n  warn()\n") == []
