"""Adam for what a camera saw (Mallick et al. 2024, arXiv:2406.15643)."""

from __future__ import annotations

from typing import Any, Iterable, Tuple

import torch
from torch import Tensor


class SelectiveAdam(torch.optim.Adam):
    """Steps of those rows that are visible; without a correction of the averages' start, as gsplat's."""

    def __init__(self, params: Iterable[Any], eps: float, betas: Tuple[float, float]) -> None:
        super().__init__(params, eps=eps, betas=betas)

    @torch.no_grad()
    def step(self, visibility: Tensor) -> None:  # type: ignore[override]
        """``visibility``: bool [N], for parameters [N, …]."""
        rows = visibility.nonzero()[:, 0]
        for group in self.param_groups:
            (beta1, beta2), (param,) = group["betas"], group["params"]
            if param.grad is None:
                continue
            state = self.state[param]
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float32)
                state["exp_avg"] = torch.zeros_like(param)
                state["exp_avg_sq"] = torch.zeros_like(param)
            gradient = param.grad[rows]
            average = state["exp_avg"][rows].lerp_(gradient, 1 - beta1)
            square = state["exp_avg_sq"][rows].lerp_(gradient * gradient, 1 - beta2)
            state["exp_avg"][rows], state["exp_avg_sq"][rows] = average, square
            param[rows] -= group["lr"] * average / (square.sqrt() + group["eps"])
