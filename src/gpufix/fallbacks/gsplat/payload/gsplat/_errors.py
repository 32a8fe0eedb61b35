"""Errors that name what to do."""

from __future__ import annotations

from torch import Tensor


def unlike(name: str, wanted: str, tensor: Tensor) -> ValueError:
    """An error for a shape that does not fit."""
    return ValueError(f"gsplat: {name} must be {wanted}, not {list(tensor.shape)}")


def uncovered(what: str, instead: str) -> NotImplementedError:
    """An error that names what to do where this fallback does not reach."""
    return NotImplementedError(
        f"gsplat (gpufix): {what} is not covered by this fallback: {instead}, or build gsplat itself "
        "(gpufix undo brings back what was installed)"
    )


def only_pinhole(camera_model: str) -> None:
    """Raises NotImplementedError for other cameras."""
    if camera_model != "pinhole":
        raise uncovered(
            f"camera_model={camera_model!r}", "undistort the images to a pinhole camera"
        )
