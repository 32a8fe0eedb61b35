"""The room that an image's list of tiles is given, before the device knows how much it needs.

To wait for that takes a small training's host its lead over the GPU, and cannot be captured in a graph.
So a list gets the room that images of its size needed before, and some more; the device writes down
what this one needs, for the next. Where the room is not enough, the kernels do without the list: it takes
longer, and the image and its gradient are the same.
"""

from __future__ import annotations

import math

import torch

SMALL = 2_000_000  # entries: what a longer list is sorted beyond its need costs more than the wait
MORE, MORE_CAPTURED = 1.125, 2.0  # a captured list has the same room for good
FORGETS = 0.999  # of what an image needed, with each image after it
MOST_SIZES = 256
_MOST_ENTRIES = 2**31 - 1


class Room:
    """What images of one size need on one device."""

    def __init__(self) -> None:
        self.needed = torch.full(
            (1,), -1, dtype=torch.int64, pin_memory=True
        )  # the device writes it
        self._each = 0.0  # entries a Gaussian
        self._gaussians = 1

    def entries(self, gaussians: int) -> int:
        """Entries to give to the next list; 0: wait for the device."""
        needed = int(self.needed.item())
        if needed < 0:
            self._gaussians = gaussians
            return 0
        captures = torch.cuda.is_current_stream_capturing()
        self._each = max(needed / self._gaussians, FORGETS * self._each)
        self._gaussians = gaussians
        wanted = math.ceil((MORE_CAPTURED if captures else MORE) * self._each * gaussians) + 1024
        return min(wanted, _MOST_ENTRIES) if captures or wanted <= SMALL else 0


_rooms: dict[tuple[torch.device, tuple[int, int]], Room] = {}


def room_of(device: torch.device, size: tuple[int, int]) -> Room:
    """Kept for good: a captured graph writes to it.

    Raises RuntimeError in a capture where no image of this size was drawn before.
    """
    room = _rooms.get((device, size))
    if room is None:
        if torch.cuda.is_current_stream_capturing():
            raise RuntimeError(
                "diff_gaussian_rasterization (gpufix): draw an image of this size before one is captured"
            )
        room = Room()
        if len(_rooms) < MOST_SIZES:
            _rooms[device, size] = room
    return room
