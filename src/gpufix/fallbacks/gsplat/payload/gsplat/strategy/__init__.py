"""Strategies that add, move and remove Gaussians during a training."""

from __future__ import annotations

from .base import Strategy
from .default import DefaultStrategy
from .mcmc import MCMCStrategy

__all__ = ["DefaultStrategy", "MCMCStrategy", "Strategy"]
