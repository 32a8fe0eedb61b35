"""3D Gaussian splatting as Markov chain Monte Carlo (Kheradmand et al. 2024, arXiv:2404.09591)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict

import torch

from .base import Optimizers, Params, Strategy
from .ops import inject_noise_to_position, relocate, sample_add

_MOST_TIMES = 51  # Gaussians that share one place
_GROWTH = 1.05


@dataclass
class MCMCStrategy(Strategy):
    """Moves dead Gaussians to living ones, adds some up to ``cap_max``, and shakes all at each step."""

    cap_max: int = 1_000_000
    noise_lr: float = 5e5
    refine_start_iter: int = 500
    refine_stop_iter: int = 25_000
    refine_every: int = 100
    min_opacity: float = 0.005
    verbose: bool = False

    def initialize_state(self) -> Dict[str, Any]:
        """To be handed to each step."""
        rows = [[math.comb(n, k) for k in range(_MOST_TIMES)] for n in range(_MOST_TIMES)]
        return {"binoms": torch.tensor(rows, dtype=torch.float32)}

    def check_sanity(self, params: Params, optimizers: Optimizers) -> None:
        """Raises AssertionError for parameters that a step could not work with."""
        super().check_sanity(params, optimizers)
        self.check_needed(params)

    def step_post_backward(  # type: ignore[override]
        self,
        params: Params,
        optimizers: Optimizers,
        state: Dict[str, Any],
        step: int,
        info: Dict[str, Any],
        lr: float,
    ) -> None:
        """``lr``: the learning rate of the means."""
        state["binoms"] = binoms = state["binoms"].to(params["means"].device)
        due = self.refine_start_iter < step < self.refine_stop_iter
        if due and step % self.refine_every == 0:
            dead = params["opacities"].detach().sigmoid().flatten() <= self.min_opacity
            relocate(params, optimizers, {}, dead, binoms, self.min_opacity)
            more = min(self.cap_max, int(_GROWTH * len(dead))) - len(dead)
            if more > 0:
                sample_add(params, optimizers, {}, more, binoms, self.min_opacity)
            if self.verbose:
                now = f"{len(params['means'])} Gaussians"
                print(f"step {step}: {int(dead.sum())} moved, {max(more, 0)} added: {now}")
        inject_noise_to_position(params, optimizers, {}, lr * self.noise_lr)
