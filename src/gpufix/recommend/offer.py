"""An answer made ready to show: each build with reasons, consequences and commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpufix.fixes.torch_choice import companion, moved_along
from gpufix.recommend.answer import Answer
from gpufix.recommend.breaks import breaks
from gpufix.recommend.build import Build
from gpufix.recommend.commands import Commands, commands, known_companions
from gpufix.recommend.obstacles import services
from gpufix.recommend.reasons import is_installed, reasons
from gpufix.view import View


@dataclass(frozen=True)
class Offer:
    """One build. `served`: target → "native" or "jit"."""

    build: Build
    served: dict[str, str]
    installed: bool
    reasons: tuple[str, ...]
    breaks: tuple[str, ...]
    companions: tuple[str, ...]
    commands: Commands


def offers(
    answer: Answer, view: View | None, along: Sequence[str] = (), limit: int | None = None
) -> list[Offer]:
    """The best `limit` builds. `view`: the patient, when there is one; `along`: companions wanted."""
    return [_offer(build, answer, view, along) for build in answer.fitting[:limit]]


def _offer(build: Build, answer: Answer, view: View | None, along: Sequence[str]) -> Offer:
    question = answer.question
    wanted = dict.fromkeys(moved_along(view, build)[0] if view else ())
    wanted |= dict.fromkeys(r for name in along if (r := companion(name, build)))
    python = view.facts.python.executable if view and view.facts.python else None
    return Offer(
        build=build,
        served={arch: how.value for arch, how in services(build, question).items()},
        installed=is_installed(build, question),
        reasons=tuple(reasons(build, question)),
        breaks=tuple(breaks(view, build)) if view else (),
        companions=tuple(known_companions(build)),
        commands=commands(build, tuple(wanted), python),
    )
