"""Errors in parts that people add to a program, as checkouts in a folder of it: ComfyUI's nodes, extensions."""

from __future__ import annotations

from gpufix.explain.explanation import Explanation, Refiner, context
from gpufix.explain.frames import frames
from gpufix.explain.log_scan import Hit
from gpufix.text.shell import join


def added_part(text: str) -> str | None:
    """The innermost one of a traceback: "custom_nodes/ComfyUI-KJNodes"; None where none is in it."""
    return next((frame.added for frame in reversed(frames(text)) if frame.added), None)


def newest(part: str) -> str:
    """The commands that bring a part, and what it requires, to its newest state."""
    pull = join(["git", "-C", part, "pull"])
    install = join(["python", "-m", "pip", "install", "-r", f"{part}/requirements.txt"])
    return f"`{pull}` (or the program's manager), then `{install}`"


def with_its_part(refiner: Refiner) -> Refiner:
    """The same; where an added part of a program asks for what is not there, with that part's remedy."""

    def refined(explanation: Explanation, hit: Hit) -> Explanation | None:
        answer = refiner(explanation, hit)
        part = added_part(context(hit, 8192, 0))
        if answer is None or part is None:
            return answer
        return answer.but(
            do=f"{answer.do} Here {part} asks for it: its newest state may do, {newest(part)}."
        )

    return refined
