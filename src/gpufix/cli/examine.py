"""Get the facts for a command: from this machine, or from a snapshot."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gpufix.frozen import Frozen

if TYPE_CHECKING:
    from gpufix.diagnosis.diagnose import Judgement
    from gpufix.facts.context import CollectContext
    from gpufix.facts.questions import Questions
    from gpufix.model import Facts, Gap

USAGE = 2


class Patient(Frozen):
    """The facts, and whom to ask more about the files they name (nobody, in a replay)."""

    facts: Facts
    ask: Questions | None


def fail(message: str) -> SystemExit:
    """Print a usage error and give the exit to raise."""
    from gpufix.cli import first_words
    from gpufix.text.clean import clean

    first_words.wipe()
    print(f"gpufix: {clean(message)}", file=sys.stderr)
    return SystemExit(USAGE)


def no_patient(gaps: Sequence[Gap], also: str = "") -> SystemExit:
    """A usage error of a command that needs an environment; `gaps` say why a chosen one is none."""
    from gpufix.diagnosis.unjudged import NAME_ONE, NO_ENVIRONMENT

    unusable = next((f"{g.subject}: {g.reason}" for g in gaps if g.section == "python"), None)
    return fail(f"{unusable or NO_ENVIRONMENT}: {NAME_ONE}{also}")


def say_unjudged(facts: Facts, judgement: Judgement | None = None) -> None:
    """On standard error, of a command whose report has no verdict: that nothing was judged."""
    from gpufix.diagnosis.unjudged import unjudged
    from gpufix.text.clean import clean

    if judgement is None:
        why = unjudged(facts, facts.gaps, None)
    else:
        gaps = [*facts.gaps, *judgement.view.gaps]
        why = unjudged(facts, gaps, judgement.judged, judgement.findings)
    if why:
        print(f"gpufix: nothing judged: {clean(why)}", file=sys.stderr)


def examine(
    python: str | None,
    project: str | None,
    facts_file: str | None = None,
    deep: bool = False,
    compare: bool = False,
) -> Patient:
    """Collect facts, or load them. Whatever the user mistyped exits with 2.

    `compare`: also what only a comparison with another machine asks.
    """
    if facts_file is not None:
        if python or project or deep:
            raise fail("--facts judges a snapshot: leave out --python, --deep and the project")
        return _replayed(facts_file)
    from gpufix.facts.collect import collect
    from gpufix.facts.context import CollectContext
    from gpufix.facts.queries import Queries

    facts = _collected(collect, CollectContext(deep=deep, compare=compare), python, project)
    return Patient(facts, Queries.of(facts))


def examine_to_run(python: str | None, compilers: bool) -> Facts:
    """Only what it takes to run a program with the patient's torch; `compilers`: to compile one, too."""
    from gpufix.facts.collect import collect_to_run
    from gpufix.facts.context import CollectContext

    return _collected(partial(collect_to_run, compilers=compilers), CollectContext(), python, None)


def whole(python: str | None) -> Facts:
    """All facts of an environment, for a command that shows its own progress."""
    from gpufix.facts.collect import collect
    from gpufix.facts.context import CollectContext

    return _collected(collect, CollectContext(), python, None, nullcontext())


def _collected(
    collector: Callable[[CollectContext, str | None, Path | None], Facts],
    ctx: CollectContext,
    python: str | None,
    project: str | None,
    shown: AbstractContextManager[_Progress | None] | None = None,
) -> Facts:
    from gpufix.facts.project.project import ConfigError, locate
    from gpufix.facts.python.interpreter import NoInterpreter

    try:
        root = locate(project, Path.cwd())
        with shown or _progress() as progress:
            if progress is not None:
                ctx.progress = progress.update
            return collector(ctx, python, root)
    except (NoInterpreter, NotADirectoryError, ConfigError) as error:
        raise fail(str(error)) from None


def examine_node(facts_file: str | None = None) -> Patient:
    """The facts of this machine, or of a snapshot: for the rules on nodes."""
    if facts_file is not None:
        return _replayed(facts_file)
    from gpufix.facts.context import CollectContext
    from gpufix.facts.node.collect import collect

    ctx = CollectContext()
    with _progress() as progress:
        if progress is not None:
            ctx.progress = progress.update
        return Patient(collect(ctx), None)


def _replayed(facts_file: str) -> Patient:
    from gpufix.diagnosis.redaction import CorruptFacts, load

    try:
        return Patient(load(Path(facts_file)), None)
    except OSError as error:
        raise fail(f"{facts_file}: {error.strerror}") from None
    except CorruptFacts as error:
        raise fail(str(error)) from None


def _progress() -> AbstractContextManager[_Progress | None]:
    """A one-line status on standard error, when that is a terminal."""
    return _Progress() if sys.stderr.isatty() else nullcontext()


class _Progress:
    """Rich's status line, told which section is being read."""

    def __enter__(self) -> _Progress:
        from rich.console import Console

        from gpufix.cli import first_words

        first_words.wipe()
        self._status = Console(stderr=True).status("reading …", spinner="dots")
        self._status.start()
        return self

    def update(self, what: str) -> None:
        """Show what is being looked at now."""
        self._status.update(f"reading {what} …")

    def __exit__(self, *_: object) -> None:
        self._status.stop()
