"""What a check sees: the facts, the targets, and memoised questions about the files they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from gpufix.facts.questions import Questions
from gpufix.frozen import Frozen
from gpufix.model import Distribution, Facts, Finding, Gap, Target

if TYPE_CHECKING:  # a run without a project needs none of these records
    from gpufix.source.scanned import CxxSources, Mention, Scanned, SourceText
    from gpufix.source.source_facts import (
        CMakeFacts,
        HipFacts,
        PythonFacts,
        RequirementFacts,
        ShellFacts,
        TomlFacts,
    )

T = TypeVar("T")
EVERY = "*"  # stands among the variables that were asked for where all of them were


class Judged(Frozen):
    """What one rule found on a view, and the variables that it asked for on the way."""

    findings: tuple[Finding, ...]
    asked: frozenset[str]


class NotRecorded(Exception):
    """A replayed snapshot holds no answer to this question."""


class View:
    """Facts plus read-only queries. A replay answers from the snapshot and touches no disk.

    The methods from `torch_symbols` on ask about files: see facts/questions.py. Each is None when
    nobody can answer, which leaves a gap once.
    """

    def __init__(
        self, facts: Facts, targets: Sequence[Target] = (), ask: Questions | None = None
    ) -> None:
        self.facts = facts
        self.targets = tuple(targets)
        self.gaps: list[Gap] = []
        self.asked: set[str] = set()  # the variables that were asked for so far
        self.judged: dict[str, Judged] = {}  # by the rule's code
        self._ask = ask
        self._base: View | None = None  # asks in the place of this one
        self._answers: dict[str, object] = {}  # by "question:subject", in the order of asking
        self._derived: dict[Callable[[View], Any], tuple[Any, frozenset[str]]] = {}

    def env(self, name: str) -> str | None:
        """A variable as a build or run would see it: the environment file outranks the process."""
        self.asked.add(name)
        overlay = self.facts.environment.overlay
        if name in overlay:
            return overlay[name]
        return self.facts.environment.process.get(name)

    def dist(self, name: str) -> Distribution | None:
        """The installed distribution of this normalised name that Python would use."""
        found = self._by_name.get(name)
        return found[0] if found else None

    def dists(self, name: str) -> list[Distribution]:
        """Every installed copy, in sys.path order."""
        return self._by_name.get(name, [])

    def with_facts(self, facts: Facts) -> View:
        """A view on the same patient with facts that differ; what it asks, this one asks."""
        view = View(facts, self.targets, self._ask)
        view._base = self
        return view

    def apart(self) -> View:
        """A view on the same facts: what it misses is no gap of this one."""
        view = self.with_facts(self.facts)
        if self._base is not None:  # facts that are supposed: nobody asks for their gaps
            view._derived = self._derived
        return view

    def with_other_variables(self) -> View | None:
        """The view whose facts differ from these by variables alone, where this one came of it."""
        base = self._base
        while base is not None and base.facts is self.facts:
            base = base._base
        if base is None:
            return None
        names = (f.name for f in fields(Facts) if f.name != "environment")
        same = all(getattr(base.facts, name) is getattr(self.facts, name) for name in names)
        return base if same else None

    def derive(self, build: Callable[[View], T], shared: bool = False) -> T:
        """Something computed from the view that several checks use, computed once.

        shared: it reads variables by `env` alone, so that a view that differs by variables has the
        same where those are equal.
        """
        if build not in self._derived:
            known = self._derived_alike(build) if shared else None
            self._derived[build] = known or self.asking(lambda: build(self))
        derived: T = self._derived[build][0]
        self.asked |= self._derived[build][1]
        return derived

    def _derived_alike(self, build: Callable[[View], Any]) -> tuple[Any, frozenset[str]] | None:
        """What the view that this one came of has derived, where no variable differs that it read."""
        base = self.with_other_variables()
        known = base._derived.get(build) if base is not None else None
        if base is None or known is None or EVERY in known[1]:
            return None
        return known if self._set(known[1]) == base._set(known[1]) else None

    def _set(self, names: Iterable[str]) -> dict[str, tuple[str | None, bool]]:
        """What variables are set to, and whether by the environment file."""
        environment = self.facts.environment
        both = {**environment.process, **environment.overlay}
        return {name: (both.get(name), name in environment.overlay) for name in names}

    def asking(self, ask: Callable[[], T]) -> tuple[T, frozenset[str]]:
        """What a call returns, and the variables that it asks for."""
        before, self.asked = self.asked, set()
        try:
            return ask(), frozenset(self.asked)
        finally:
            self.asked |= before

    @cached_property
    def _by_name(self) -> dict[str, list[Distribution]]:
        index: dict[str, list[Distribution]] = {}
        for dist in self.facts.distributions:
            index.setdefault(dist.name, []).append(dist)
        return index

    def torch_symbols(self, path: str) -> tuple[str, ...] | None:
        """torch's names that a library leaves undefined."""
        return self._answer("torch-symbols", path, lambda ask: ask.torch_symbols(path))

    def c10_destructors(self, path: str) -> tuple[str, ...] | None:
        """Destructors of c10's classes that a library holds itself."""
        return self._answer("c10-destructors", path, lambda ask: ask.c10_destructors(path))

    def search_path(self, path: str) -> tuple[str, ...] | None:
        """The folders of a library's RUNPATH, or RPATH."""
        return self._answer("search-path", path, lambda ask: ask.search_path(path))

    def unnamed_kernels(self, units: str) -> tuple[str, ...] | None:
        """A kernel of each unit of GPU code of a kind whose kernels are named for no GPU."""
        return self._answer("unnamed-kernels", units, lambda ask: ask.unnamed_kernels(units))

    def chooses_gpu(self, path: str) -> bool | None:
        """Whether a library, or the Python of its package, asks which GPU is there."""
        return self._answer("chooses-gpu", path, lambda ask: ask.chooses_gpu(path))

    def exports(self, name: str) -> bool | None:
        """Whether some library of the installed torch defines a mangled name."""
        return self._answer("exports", name, lambda ask: ask.exports(name))

    def demangle(self, name: str) -> str | None:
        """The C++ name of a mangled one."""
        return self._answer("demangle", name, lambda ask: ask.demangle(name))

    def sha256(self, path: str) -> str | None:
        """The digest of a file, in hexadecimal."""
        return self._answer("sha256", path, lambda ask: ask.sha256(path))

    def recorded_code(self, metadata: str) -> tuple[str, ...] | None:
        """The Python sources, stubs and compiled modules that a distribution's RECORD lists."""
        return self._answer("recorded-code", metadata, lambda ask: ask.recorded_code(metadata))

    def lacks_module(self, name: str) -> bool | None:
        """Whether the patient's Python surely finds no module of a name without dots."""
        return self._answer("lacks-module", name, lambda ask: ask.lacks_module(name))

    def source(self, path: str) -> SourceText | None:
        """A source file as it is."""
        return self._answer("source", path, lambda ask: ask.source(path))

    def system_header(self, name: str) -> bool | None:
        """Whether a compiler would find a header such as EGL/egl.h."""
        return self._answer("system-header", name, lambda ask: ask.system_header(name))

    def ptxas_release(self, path: str) -> str | None:
        """The CUDA release that a ptxas names in itself, "" for none; None without a gap: no such file."""
        return self._answer("ptxas-release", path, lambda ask: ask.ptxas_release(path))

    def clashing_math(self, root: str) -> tuple[str, ...] | None:
        """The functions that a CUDA toolkit declares otherwise than the C library here does."""
        return self._answer("clashing-math", root, lambda ask: ask.clashing_math(root))

    def torch_header(self, name: str) -> bool | None:
        """Whether the installed torch has a header, named as its users include it."""
        return self._answer("torch-header", name, lambda ask: ask.torch_header(name))

    def torch_declares(self, header: str, word: str) -> bool | None:
        """Whether a header of the installed torch has a word."""
        subject = f"{header} {word}"
        return self._answer("torch-declares", subject, lambda ask: ask.torch_declares(header, word))

    def torch_standard(self, header: str) -> int | None:
        """The oldest C++ that compiles an include of a torch header; None: any, or not known."""
        return self._answer("torch-standard", header, lambda ask: ask.torch_standard(header))

    def project_python(self, root: str) -> Scanned[PythonFacts] | None:
        """The project's Python files."""
        return self._answer("project-python", root, lambda ask: ask.project_python(root))

    def project_cmake(self, root: str) -> Scanned[CMakeFacts] | None:
        """The project's CMake files."""
        return self._answer("project-cmake", root, lambda ask: ask.project_cmake(root))

    def project_shell(self, root: str) -> Scanned[ShellFacts] | None:
        """The project's shell scripts."""
        return self._answer("project-shell", root, lambda ask: ask.project_shell(root))

    def project_docker(self, root: str) -> Scanned[ShellFacts] | None:
        """The project's Dockerfiles."""
        return self._answer("project-docker", root, lambda ask: ask.project_docker(root))

    def project_requirements(self, root: str) -> Scanned[RequirementFacts] | None:
        """The project's requirement and conda environment files."""
        question = "project-requirements"
        return self._answer(question, root, lambda ask: ask.project_requirements(root))

    def project_toml(self, root: str) -> Scanned[TomlFacts] | None:
        """The project's pyproject.toml files."""
        return self._answer("project-toml", root, lambda ask: ask.project_toml(root))

    def project_cxx(self, root: str) -> CxxSources | None:
        """The project's C++, CUDA and HIP files."""
        return self._answer("project-cxx", root, lambda ask: ask.project_cxx(root))

    def project_hip(self, root: str) -> Scanned[HipFacts] | None:
        """What a HIP build meets in them."""
        return self._answer("project-hip", root, lambda ask: ask.project_hip(root))

    def project_mentions(self, path: str) -> tuple[Mention, ...] | None:
        """The project's files that name a path; at most twenty."""
        return self._answer("project-mentions", path, lambda ask: ask.project_mentions(path))

    def project_holders(self, word: str) -> tuple[str, ...] | None:
        """The project's Python files that hold a word."""
        return self._answer("project-holders", word, lambda ask: ask.project_holders(word))

    def project_having(self, words: str) -> tuple[str, ...] | None:
        """The project's Python files that have words of a reader that is asked of a whole project."""
        return self._answer("project-having", words, lambda ask: ask.project_having(words))

    def project_names(self, folder: str) -> tuple[str, ...] | None:
        """The names in a folder of the project, those of folders with "/" behind."""
        return self._answer("project-names", folder, lambda ask: ask.project_names(folder))

    @property
    def answers(self) -> dict[str, Any]:
        """Every answer as a JSON value: what the snapshot held, and what was asked since."""
        from gpufix.facts.answer_json import encode

        known = self.facts.answers
        answered = {k: encode(v) for k, v in self._answers.items() if k not in known}
        return {**known, **answered}

    def _answer(
        self, question: str, subject: str, ask: Callable[[Questions], T | None]
    ) -> T | None:
        if self._base is not None:
            return self._base._answer(question, subject, ask)
        key = f"{question}:{subject}"
        if key not in self._answers:
            try:
                if key in self.facts.answers:
                    self._answers[key] = _recorded(question, self.facts.answers[key])
                elif self._ask is not None:
                    self._answers[key] = ask(self._ask)
                else:
                    raise NotRecorded("the snapshot holds no answer")
            except (NotRecorded, OSError, ValueError) as error:
                self.gaps.append(Gap(section=question, subject=subject, reason=str(error)))
                self._answers[key] = None
        return cast("T | None", self._answers[key])


def _recorded(question: str, value: Any) -> object:
    """What a snapshot, which anybody may have written, holds. Raises ValueError for what is no
    answer to the question."""
    from gpufix.facts.answer_json import Malformed, decode
    from gpufix.facts.questions import answer_kind

    if value is None:  # nobody could tell when it was recorded, which its gaps say
        return None
    try:
        return decode(answer_kind(question), value)
    except Malformed as error:
        raise ValueError(f"the snapshot's answer is {error}") from None
