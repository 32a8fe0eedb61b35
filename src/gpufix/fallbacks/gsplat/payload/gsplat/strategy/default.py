"""Densification as 3D Gaussian splatting does it (Kerbl et al. 2023, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Tuple

import torch
from torch import Tensor

from .base import Optimizers, Params, Strategy
from .ops import duplicate, remove, reset_opa, split


@dataclass
class DefaultStrategy(Strategy):
    """Clones small Gaussians and splits large ones where the picture pulls at them; removes faint ones.

    Sizes are relative to ``scene_scale`` (3d) or to the picture (2d). ``absgrad``: by absolute gradients
    (Ye et al. 2024, arXiv:2404.10484), of a rasterization that was called with it.
    """

    prune_opa: float = 0.005
    grow_grad2d: float = 0.0002
    grow_scale3d: float = 0.01
    grow_scale2d: float = 0.05
    prune_scale3d: float = 0.1
    prune_scale2d: float = 0.15
    refine_scale2d_stop_iter: int = 0
    refine_start_iter: int = 500
    refine_stop_iter: int = 15_000
    reset_every: int = 3000
    refine_every: int = 100
    pause_refine_after_reset: int = 0
    absgrad: bool = False
    revised_opacity: bool = False
    verbose: bool = False
    key_for_gradient: str = "means2d"

    def initialize_state(self, scene_scale: float = 1.0) -> Dict[str, Any]:
        """To be handed to each step."""
        state: Dict[str, Any] = {"grad2d": None, "count": None, "scene_scale": scene_scale}
        return {**state, "radii": None} if self.refine_scale2d_stop_iter > 0 else state

    def check_sanity(self, params: Params, optimizers: Optimizers) -> None:
        """Raises AssertionError for parameters that a step could not work with."""
        super().check_sanity(params, optimizers)
        self.check_needed(params)

    def step_pre_backward(  # type: ignore[override]
        self,
        params: Params,
        optimizers: Optimizers,
        state: Dict[str, Any],
        step: int,
        info: Dict[str, Any],
    ) -> None:
        """Asks for the gradient of the means on the screen."""
        info[self.key_for_gradient].retain_grad()

    def step_post_backward(  # type: ignore[override]
        self,
        params: Params,
        optimizers: Optimizers,
        state: Dict[str, Any],
        step: int,
        info: Dict[str, Any],
        packed: bool = False,
    ) -> None:
        """Gathers gradients, and every ``refine_every`` steps grows and prunes."""
        if step >= self.refine_stop_iter:
            return
        self._gather(params, state, info, packed)
        due = step > self.refine_start_iter and step % self.refine_every == 0
        if due and step % self.reset_every >= self.pause_refine_after_reset:
            cloned, halved = self._grow_gs(params, optimizers, state, step)
            pruned = self._prune_gs(params, optimizers, state, step)
            if self.verbose:
                now = f"{len(params['means'])} Gaussians"
                print(f"step {step}: {cloned} cloned, {halved} split, {pruned} pruned: {now}")
            for key in ("grad2d", "count", "radii"):
                if state.get(key) is not None:
                    state[key].zero_()
        if step > 0 and step % self.reset_every == 0:
            reset_opa(params, optimizers, state, 2 * self.prune_opa)

    def _gather(
        self, params: Params, state: Dict[str, Any], info: Dict[str, Any], packed: bool
    ) -> None:
        """Sums of gradients in halves of the picture, and how many cameras saw each Gaussian."""
        means2d = info[self.key_for_gradient]
        gradient: Tensor = means2d.absgrad if self.absgrad else means2d.grad
        halves = gradient.new_tensor((info["width"], info["height"])) / 2 * info["n_cameras"]
        size = (gradient * halves).norm(dim=-1)
        radii = info["radii"]
        radii = radii.amax(-1) if radii.dim() == gradient.dim() else radii
        if packed:
            ids = info["gaussian_ids"]
        else:
            visible = radii > 0
            ids, size, radii = visible.nonzero()[:, -1], size[visible], radii[visible]
        wanted = (
            ("grad2d", "count", "radii")
            if self.refine_scale2d_stop_iter > 0
            else ("grad2d", "count")
        )
        for key in wanted:
            if state.get(key) is None:
                state[key] = size.new_zeros(len(params["means"]))
        state["grad2d"].index_add_(0, ids, size)
        state["count"].index_add_(0, ids, torch.ones_like(size))
        if "radii" in wanted:
            relative = radii / float(max(info["width"], info["height"]))
            state["radii"].scatter_reduce_(0, ids, relative.to(size.dtype), "amax")

    @torch.no_grad()
    def _grow_gs(
        self, params: Params, optimizers: Optimizers, state: Dict[str, Any], step: int
    ) -> Tuple[int, int]:
        pulled = state["grad2d"] / state["count"].clamp(min=1) > self.grow_grad2d
        small = params["scales"].exp().amax(-1) <= self.grow_scale3d * state["scene_scale"]
        clones, halves = pulled & small, pulled & ~small
        if step < self.refine_scale2d_stop_iter:
            halves = halves | (state["radii"] > self.grow_scale2d)
        cloned, halved = int(clones.sum()), int(halves.sum())
        if cloned:
            duplicate(params, optimizers, state, clones)
        if halved:  # clones are not split
            split(
                params,
                optimizers,
                state,
                torch.cat((halves, halves.new_zeros(cloned))),
                self.revised_opacity,
            )
        return cloned, halved

    @torch.no_grad()
    def _prune_gs(
        self, params: Params, optimizers: Optimizers, state: Dict[str, Any], step: int
    ) -> int:
        out = params["opacities"].sigmoid().flatten() < self.prune_opa
        if step > self.reset_every:
            out = out | (
                params["scales"].exp().amax(-1) > self.prune_scale3d * state["scene_scale"]
            )
            if step < self.refine_scale2d_stop_iter:
                out = out | (state["radii"] > self.prune_scale2d)
        pruned = int(out.sum())
        if pruned:
            remove(params, optimizers, state, out)
        return pruned
