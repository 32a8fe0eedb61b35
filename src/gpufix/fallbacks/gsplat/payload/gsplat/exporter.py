"""Gaussians as a PLY file, in the layout of 3D Gaussian splatting, which viewers read."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import torch
from torch import Tensor

from ._errors import uncovered, unlike


@torch.no_grad()
def export_splats(
    means: Tensor,
    scales: Tensor,
    quats: Tensor,
    opacities: Tensor,
    sh0: Tensor,
    shN: Tensor,
    format: str = "ply",
    save_to: Optional[str] = None,
) -> bytes:
    """The file's bytes, written to ``save_to`` too. Gaussians with a NaN or an infinity are left out.

    Parameters as they are trained: ``scales`` [N, 3] logarithms, ``opacities`` [N] logits, ``sh0`` [N, 1, 3],
    ``shN`` [N, K, 3]. Raises NotImplementedError for other formats than "ply".
    """
    if format != "ply":
        raise uncovered(f"format={format!r}", 'use "ply"')
    n = len(means)
    rest = shN.transpose(1, 2).reshape(n, -1)  # a channel's coefficients after each other
    columns = {
        "x y z": means,
        "f_dc_0 f_dc_1 f_dc_2": sh0.reshape(n, -1),
        " ".join(f"f_rest_{i}" for i in range(rest.shape[1])): rest,
        "opacity": opacities.reshape(n, -1),
        "scale_0 scale_1 scale_2": scales,
        "rot_0 rot_1 rot_2 rot_3": quats,
    }
    for names, column in columns.items():
        if column.shape != (n, len(names.split())):
            raise unlike(names, f"[{n}, {len(names.split())}]", column)
    rows = torch.cat([*columns.values()], 1).float()
    rows = rows[rows.isfinite().all(1)].cpu().contiguous()
    properties = [f"property float {name}" for name in " ".join(columns).split()]
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {len(rows)}", *properties]
    data = "\n".join([*head, "end_header\n"]).encode() + rows.numpy().astype("<f4").tobytes()
    if save_to:
        Path(save_to).write_bytes(data)
    return data
