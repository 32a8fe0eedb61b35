"""What strategies share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Union

import torch

Params = Union[Dict[str, torch.nn.Parameter], torch.nn.ParameterDict]
Optimizers = Dict[str, torch.optim.Optimizer]
NEEDED = ("means", "scales", "quats", "opacities")


@dataclass
class Strategy:
    """Called before and after each backward pass of a training."""

    def check_sanity(self, params: Params, optimizers: Optimizers) -> None:
        """Each parameter that is trained has an optimizer with one group. Raises AssertionError."""
        trained = {name for name, param in params.items() if param.requires_grad}
        if trained != set(optimizers):
            raise AssertionError(
                f"trained are {sorted(trained)}, optimizers are for {sorted(optimizers)}"
            )
        for name, optimizer in optimizers.items():
            if len(optimizer.param_groups) != 1:
                raise AssertionError(f"the optimizer of {name} must have one group of parameters")

    def check_needed(self, params: Params) -> None:
        """The parameters by which Gaussians are split. Raises AssertionError."""
        if lacking := [name for name in NEEDED if name not in params]:
            raise AssertionError(f"params lacks {', '.join(lacking)}")

    def step_pre_backward(self, *args: Any, **kwargs: Any) -> None:
        """Before ``loss.backward()``."""

    def step_post_backward(self, *args: Any, **kwargs: Any) -> None:
        """After ``loss.backward()``."""
