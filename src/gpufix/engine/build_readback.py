"""Reads a build's products back: would they load, and for which GPUs do they hold code."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.binary.elf import ElfError
from gpufix.engine.build_product import Product
from gpufix.facts.context import Context
from gpufix.facts.library_record import Describer
from gpufix.facts.library_verdicts import Judge
from gpufix.model import Facts, Library


def read_back(ctx: Context, facts: Facts, made: Product) -> list[Library]:
    """The facts of every product. One that no rule could speak of is listed by its path alone."""
    python, torch = facts.python, facts.torch
    if python is None or not made.libraries:
        return []
    own = f"{torch.location}/torch/" if torch else "\0"
    torchs = [x.path for x in facts.binaries.libraries if x.path.startswith(own)]
    belongs = dict.fromkeys(torchs, "torch")
    belongs |= dict.fromkeys(made.libraries, made.distribution or "")
    try:
        judge = Judge(ctx, python, [*torchs, *made.libraries], belongs)
    except ElfError as error:
        ctx.gap("binaries", python.executable, error)
        return [Library(path=path) for path in made.libraries]
    describer = Describer(ctx, judge, belongs, made.libraries)
    return _described(describer, made.libraries)


def _described(describer: Describer, paths: Sequence[str]) -> list[Library]:
    return [describer.describe(path) or Library(path=path) for path in paths]
