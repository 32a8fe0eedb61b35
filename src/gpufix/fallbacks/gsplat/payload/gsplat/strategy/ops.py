"""Changes of a set of Gaussians, its optimizers' state and a strategy's own state, in place.

After the papers: densification by clones and halves (Kerbl et al. 2023, section 5.2), opacities of halves
(Rota Bulò et al. 2024, arXiv:2404.06109), relocation and noise (Kheradmand et al. 2024, arXiv:2404.09591).
Parameters: ``scales`` are logarithms, ``opacities`` logits.
"""

from __future__ import annotations

import math
from typing import Callable, Dict, Optional, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from .._eager import rotations
from ..cuda._wrapper import quat_scale_to_covar_preci
from .base import Optimizers, Params

State = Dict[str, Tensor]
_SHRINK = 1.6  # halves are so much smaller (Kerbl et al.)
_MOST_DRAWN = 1 << 24  # torch.multinomial takes no more


@torch.no_grad()
def _update_param_with_optimizer(
    param_fn: Callable[[str, Tensor], Tensor],
    optimizer_fn: Callable[[str, Tensor], Tensor],
    params: Params,
    optimizers: Optimizers,
    names: Optional[Sequence[str]] = None,
) -> None:
    """Puts ``param_fn(name, old)`` in place of parameters, and ``optimizer_fn(key, old)`` of their state."""
    for name in list(params) if names is None else names:
        old = params[name]
        params[name] = new = param_fn(name, old)  # type: ignore[assignment]
        if name not in optimizers:
            if old.requires_grad:
                raise AssertionError(f"{name} is trained, and there is no optimizer for it")
            continue
        optimizer = optimizers[name]
        state = optimizer.state.pop(old, {})
        kept = {k: v if k == "step" else optimizer_fn(k, v) for k, v in state.items()}
        optimizer.state[new] = kept
        optimizer.param_groups[0]["params"] = [new]


def _replace(
    params: Params,
    optimizers: Optimizers,
    state: State,
    of: Callable[[Tensor], Tensor],
    values: Callable[[str, Tensor], Tensor],
    fresh: Callable[[Tensor], Tensor],
) -> None:
    """``values`` of parameters, ``fresh`` of their optimizers' state, ``of`` a strategy's own."""
    _update_param_with_optimizer(
        lambda name, p: Parameter(values(name, p), requires_grad=p.requires_grad),
        lambda _, v: fresh(v),
        params,
        optimizers,
    )
    for key, value in state.items():
        if isinstance(value, Tensor):
            state[key] = of(value)


def _zeros(like: Tensor, rows: int) -> Tensor:
    return like.new_zeros(rows, *like.shape[1:])


@torch.no_grad()
def duplicate(params: Params, optimizers: Optimizers, state: State, mask: Tensor) -> None:
    """A copy of each Gaussian in ``mask``, at the end."""
    chosen = mask.nonzero()[:, 0]

    def longer(v: Tensor) -> Tensor:
        return torch.cat((v, v[chosen]))

    def fresh(v: Tensor) -> Tensor:
        return torch.cat((v, _zeros(v, len(chosen))))

    _replace(params, optimizers, state, longer, lambda _, p: longer(p), fresh)


@torch.no_grad()
def split(
    params: Params,
    optimizers: Optimizers,
    state: State,
    mask: Tensor,
    revised_opacity: bool = False,
) -> None:
    """Two smaller ones, drawn from it, in place of each Gaussian in ``mask``; at the end.

    ``revised_opacity``: two halves behind each other are as opaque as the one that they replace.
    """
    chosen, rest = mask.nonzero()[:, 0], (~mask).nonzero()[:, 0]
    scales = params["scales"][chosen].exp()
    axes = rotations(params["quats"][chosen]) * scales[:, None]
    drawn = torch.randn(2, len(chosen), 3, 1, device=scales.device, dtype=scales.dtype)
    moved = (axes @ drawn)[..., 0]

    def halves(name: str, p: Tensor) -> Tensor:
        own = p[chosen]
        if name == "means":
            return (own + moved).flatten(0, 1)
        if name == "scales":
            own = (scales / _SHRINK).log()
        if name == "opacities" and revised_opacity:
            own = (1 - (1 - own.sigmoid()).sqrt()).logit()
        return torch.cat((own, own))

    def values(name: str, p: Tensor) -> Tensor:
        return torch.cat((p[rest], halves(name, p)))

    def fresh(v: Tensor) -> Tensor:
        return torch.cat((v[rest], _zeros(v, 2 * len(chosen))))

    _replace(params, optimizers, state, lambda v: values("", v), values, fresh)


@torch.no_grad()
def remove(params: Params, optimizers: Optimizers, state: State, mask: Tensor) -> None:
    """All but those in ``mask``."""
    rest = (~mask).nonzero()[:, 0]
    _replace(params, optimizers, state, lambda v: v[rest], lambda _, p: p[rest], lambda v: v[rest])


@torch.no_grad()
def reset_opa(params: Params, optimizers: Optimizers, state: State, value: float) -> None:
    """No opacity above ``value``, and the optimizer forgets what it knew of them."""
    most = math.log(value / (1 - value))
    _update_param_with_optimizer(
        lambda _, p: Parameter(p.clamp(max=most), requires_grad=p.requires_grad),
        lambda _, v: torch.zeros_like(v),
        params,
        optimizers,
        ["opacities"],
    )


def _drawn(weights: Tensor, number: int) -> Tensor:
    """Indices, each as often as its weight makes likely."""
    if len(weights) <= _MOST_DRAWN:
        return torch.multinomial(weights, number, replacement=True)
    ends = weights.double().cumsum(0)
    at = torch.rand(number, device=weights.device, dtype=ends.dtype) * ends[-1]
    return torch.searchsorted(ends, at).clamp(max=len(weights) - 1)


def _shared(params: Params, drawn: Tensor, binoms: Tensor, least: float) -> tuple[Tensor, Tensor]:
    """Opacities and scales of Gaussians that stand where one did, each as often as it is in ``drawn``.

    Equation 9 of the paper. Its two sums are one: the binomials of a column add up to the one below it.
    """
    opacities = params["opacities"][drawn].sigmoid()
    times = (drawn.bincount()[drawn] + 1).clamp(max=len(binoms) - 1)
    old = opacities.flatten().double()
    new = 1 - (1 - old) ** (1 / times)
    j = torch.arange(1, len(binoms), device=new.device, dtype=new.dtype)
    signs = torch.where(j % 2 == 1, 1.0, -1.0) / j.sqrt()
    total = (binoms[times, 1:].to(new.dtype) * signs * new[:, None] ** j).sum(-1)
    scales = params["scales"][drawn].exp() * (old / total)[:, None].to(opacities.dtype)
    most = 1 - torch.finfo(torch.float32).eps
    return new.clamp(least, most).to(opacities.dtype).view_as(opacities), scales


def _moved(name: str, p: Tensor, drawn: Tensor, opacities: Tensor, scales: Tensor) -> Tensor:
    p = p.detach().clone()
    if name == "opacities":
        p[drawn] = opacities.logit()
    if name == "scales":
        p[drawn] = scales.log()
    return p


@torch.no_grad()
def relocate(
    params: Params,
    optimizers: Optimizers,
    state: State,
    mask: Tensor,
    binoms: Tensor,
    min_opacity: float = 0.005,
) -> None:
    """The dead Gaussians of ``mask`` move to living ones, more often to opaque ones, and share with them."""
    dead, alive = mask.nonzero()[:, 0], (~mask).nonzero()[:, 0]
    if not len(dead) or not len(alive):
        return
    drawn = alive[_drawn(params["opacities"][alive].sigmoid().flatten(), len(dead))]
    opacities, scales = _shared(params, drawn, binoms, min_opacity)

    def values(name: str, p: Tensor) -> Tensor:
        p = _moved(name, p, drawn, opacities, scales)
        p[dead] = p[drawn]
        return p

    def fresh(v: Tensor) -> Tensor:
        return v.index_fill(0, drawn, 0)

    _replace(params, optimizers, state, fresh, values, fresh)


@torch.no_grad()
def sample_add(
    params: Params,
    optimizers: Optimizers,
    state: State,
    n: int,
    binoms: Tensor,
    min_opacity: float = 0.005,
) -> None:
    """``n`` more Gaussians where there are some, more often at opaque ones, which share with them."""
    drawn = _drawn(params["opacities"].sigmoid().flatten(), n)
    opacities, scales = _shared(params, drawn, binoms, min_opacity)

    def values(name: str, p: Tensor) -> Tensor:
        p = _moved(name, p, drawn, opacities, scales)
        return torch.cat((p, p[drawn]))

    def longer(v: Tensor) -> Tensor:
        return torch.cat((v, _zeros(v, n)))

    _replace(params, optimizers, state, longer, values, longer)


@torch.no_grad()
def inject_noise_to_position(
    params: Params, optimizers: Optimizers, state: State, scaler: float
) -> None:
    """Moves means at random, within each Gaussian's own shape, faint ones most."""
    covars, _ = quat_scale_to_covar_preci(
        params["quats"], params["scales"].exp(), compute_preci=False
    )
    assert covars is not None
    faint = torch.sigmoid(100 * (0.005 - params["opacities"].sigmoid().flatten()))
    noise = torch.randn_like(params["means"]) * faint[:, None] * scaler
    params["means"].add_((covars @ noise[..., None])[..., 0])
