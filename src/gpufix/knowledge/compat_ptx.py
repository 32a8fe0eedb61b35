"""PTX ISA versions and the CUDA whose driver compiles them: a newer one is refused with error 222.

Since 7.7 from each ptxas itself (its newest .version), older ones from NVIDIA's cuda-python
(ptx_utils). 8.6 belongs to CUDA 12.7, which had a driver and no public toolkit.
"""

from __future__ import annotations

CUDA_OF_PTX: dict[tuple[int, int], tuple[int, int]] = {
    (6, 3): (10, 0),
    (6, 4): (10, 1),
    (6, 5): (10, 2),
    **{(7, minor): (11, minor) for minor in range(9)},
    **{(8, minor): (12, minor) for minor in range(6)},
    (8, 6): (12, 7),
    (8, 7): (12, 8),
    (8, 8): (12, 9),
    **{(9, minor): (13, minor) for minor in range(6)},
}
_OLDEST, _NEWEST = min(CUDA_OF_PTX), max(CUDA_OF_PTX)


def cuda_of_ptx(isa: tuple[int, int]) -> tuple[int, int] | None:
    """The first CUDA that reads this PTX ISA; of older ISAs 10.0's will do; None = not known."""
    return CUDA_OF_PTX[_OLDEST] if isa < _OLDEST else CUDA_OF_PTX.get(isa)


def driver_reads(isa: tuple[int, int], driver_cuda: tuple[int, int]) -> bool | None:
    """Whether a driver for `driver_cuda` (nvidia-smi's "CUDA Version") compiles this PTX ISA.

    None for an ISA newer than the table, on a driver newer than the table.
    """
    needed = cuda_of_ptx(isa)
    if needed is not None:
        return needed <= driver_cuda
    return False if driver_cuda <= CUDA_OF_PTX[_NEWEST] else None


def parse_version(text: str) -> tuple[int, int]:
    """ "12.8" -> (12, 8), "13" -> (13, 0). Raises ValueError."""
    major, _, rest = text.partition(".")
    return int(major), int(rest.partition(".")[0] or 0)
