"""Answers cross a snapshot as JSON: as they were, or with a gap where the snapshot is no answer."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import builders as b
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpufix.checks.judge import judge
from gpufix.checks.registry import builtin_rules
from gpufix.diagnosis.diagnose import Request, diagnose
from gpufix.evidence.view import View
from gpufix.facts.answer_json import Malformed, decode, encode
from gpufix.facts.questions import Questions, answer_kind
from gpufix.knowledge import hip_api, removed_apis
from gpufix.model import Facts, SourceFile
from gpufix.source.arch_flags import ArchFlag
from gpufix.source.scanned import CxxSources, Scanned, Unread
from gpufix.source.source_facts import (
    Address,
    CxxFacts,
    Include,
    NvccFlag,
    PythonFacts,
    ShellFacts,
    StaleDevice,
)

QUESTIONS = sorted(name.replace("_", "-") for name in vars(Questions) if not name.startswith("_"))
PATHS = {
    "python": ["setup.py", "tests/test_a.py", "a/b.py"],
    "cmake": ["CMakeLists.txt"],
    "shell": ["run.sh"],
    "docker": ["Dockerfile"],
    "requirements": ["requirements.txt"],
    "toml": ["pyproject.toml"],
    "cuda": ["a.cu"],
    "cpp": ["b.cpp"],
    "header": ["c.h", "third_party/d.h"],
}
ROOT = "/src/project"
# What readers write, so that rules go on past their first test.
WORDS = [
    *(path for paths in PATHS.values() for path in paths),
    *("TORCH_CUDA_ARCH_LIST", "PYTORCH_ROCM_ARCH", "CUDAARCHS", "FORCE_CUDA", "ATTN_BACKEND"),
    *("env:A", "!env:TORCH_CUDA_ARCH_LIST", "hip", "!hip", "gpu", "windows", "never", "?"),
    *("sm_90", "sm_120a", "gfx1100", "7.5;8.0", "75-real", "cu121", "rocm6.4", "cpu", "2.4.0"),
    *("RasterizeGLContext", "RastContext", "gl", "xformers", "numpy.float", "torch==2.4.0"),
    *("cstdint", "cooperative_groups/reduce.h", "THC/THC.h", "cutlass/x.h", "0xffffffff"),
    *("defined(USE_ROCM)", "CUDART_VERSION >= 13000", "((", "1 / 0", "", " ", "12.4", "…", "\0"),
    *list(removed_apis.removed())[:20],
    *hip_api.CONSTRUCTS,
]
TEXTS = st.sampled_from(WORDS) | st.text(max_size=5)
NAMES = st.sampled_from([path for paths in PATHS.values() for path in paths] + ["cstdint"])


def answers(kind: Any) -> st.SearchStrategy[Any]:
    """Answers of a kind."""
    origin, parts = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return st.none() | answers(next(p for p in parts if p is not type(None)))
    if origin is Literal:
        return st.sampled_from(parts)
    if origin is Mapping:
        return st.dictionaries(NAMES | TEXTS, answers(parts[1]), max_size=5)
    if is_dataclass(origin) or hasattr(origin, "_fields"):
        hints = get_type_hints(origin)
        if parts:
            hints = {"files": Mapping[str, parts[0]], "gaps": hints["gaps"]}
        return st.builds(origin, **{name: answers(hint) for name, hint in hints.items()})
    if origin is tuple:
        return st.lists(answers(parts[0]), max_size=3).map(tuple)
    return {str: TEXTS, bool: st.booleans(), int: st.integers(0, 2**53)}[origin]


@pytest.mark.some(8)
@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_comes_back_from_json(question: str) -> None:
    @settings(max_examples=20)
    @given(answers(answer_kind(question)))
    def come_back(answer: object) -> None:
        value = json.loads(json.dumps(encode(answer)))
        assert value is None or decode(answer_kind(question), value) == answer

    come_back()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=5)
    | st.dictionaries(st.sampled_from(["files", "gaps", "text", "line", "a.py"]), inner),
    max_leaves=8,
)


@pytest.mark.some(8)
@pytest.mark.parametrize("question", QUESTIONS)
def test_whatever_a_snapshot_holds_is_an_answer_or_malformed(question: str) -> None:
    @settings(max_examples=20)
    @given(JSON)
    def read(value: object) -> None:
        try:
            answer = decode(answer_kind(question), value)
        except Malformed:
            return
        assert decode(answer_kind(question), encode(answer)) == answer

    read()


FLAG = NvccFlag(3, "-arch=sm_90", (ArchFlag("cubin", "sm_90"),), ("?",))
FORMAT = {
    "a record without its defaults, a row as a table, one as a list": (
        PythonFacts(extension=True, nvcc=(FLAG,)),
        '{"extension": true, "nvcc": [{"line": 3, "text": "-arch=sm_90", '
        '"archs": [["cubin", "sm_90"]], "guards": ["?"]}]}',
    ),
    "a field named as a word of Python": (
        StaleDevice(1, "P", 2),
        '{"line": 1, "class": "P", "moved": 2}',
    ),
    "an image: not told, another, NVIDIA's": (
        ShellFacts(
            addresses=tuple(Address(1, "u", "cu121", None, "-f", i) for i in ("", None, "12.4"))
        ),
        '{"addresses": [{"line": 1, "url": "u", "variant": "cu121", "torch": null, "option": "-f"},'
        ' {"line": 1, "url": "u", "variant": "cu121", "torch": null, "option": "-f", "image": null},'
        ' {"line": 1, "url": "u", "variant": "cu121", "torch": null, "option": "-f",'
        ' "image": "12.4"}]}',
    ),
    "what is always written": (
        CxxSources({"a.cu": CxxFacts(includes=(Include("b.h", True, 1, ()),))}, ()),
        '{"files": {"a.cu": {"includes": [["b.h", true, 1, []]]}}, "gaps": [], "for_hip": {},'
        ' "knows_hip": false, "built": []}',
    ),
}


@pytest.mark.parametrize("case", FORMAT)
def test_the_format_of_snapshots(case: str) -> None:
    answer, text = FORMAT[case]
    assert json.dumps(encode(answer)) == text
    assert decode(type(answer), json.loads(text)) == answer


def test_older_snapshots_lack_what_came_later() -> None:
    old = {"files": {}, "gaps": [["a.cu", "a link"]]}
    assert decode(CxxSources, old) == CxxSources({}, (Unread("a.cu", "a link"),))


def nested(row: object) -> dict[str, Any]:
    return {"files": {"setup.py": {"nvcc": [row]}}, "gaps": []}


ROW = {"line": 1, "text": "t", "archs": [], "guards": []}
WRONG = {
    "no list": ("torch-symbols", {"a": 1}, "a list"),
    "a number among texts": ("torch-symbols", ["a", 1], "a text at 1"),
    "a text": ("exports", "yes", "true or false"),
    "a number for a truth value": ("torch-header", 1, "true or false"),
    "a table without a field": ("source", {"text": "", "encoding": "utf-8"}, "complete at sha256"),
    "a truth value for a line": (
        "project-python",
        nested({**ROW, "line": True}),
        "a whole number at files/setup.py/nvcc/0/line",
    ),
    "a negative line": (
        "project-python",
        nested({**ROW, "line": -1}),
        "a whole number at files/setup.py/nvcc/0/line",
    ),
    "a line of 5,000 digits": (
        "project-mentions",
        [["a", 10**4000, False]],
        "a whole number at 0/line",
    ),
    "an unknown kind": (
        "project-python",
        nested({**ROW, "archs": [["elf", "sm_90"]]}),
        "one of cubin, ptx, hip, native, dynamic at files/setup.py/nvcc/0/archs/0/kind",
    ),
    "a row too short": ("project-mentions", [["a", 1]], "a list of 3 at 0"),
    "a long name": ("project-toml", {"files": {"x" * 500: 1}, "gaps": []}, f"a table at files/{'x' * 100}"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_of_a_snapshot_is_a_gap(case: str) -> None:
    question, value, expected = WRONG[case]
    view = View(b.facts(answers={f"{question}:s": value}))
    ask = getattr(view, question.replace("-", "_"))
    assert ask("s") is None
    assert ask("s") is None
    (gap,) = view.gaps
    assert (gap.section, gap.subject) == (question, "s")
    assert gap.reason == f"the snapshot's answer is not {expected}"


def project(**given: Any) -> Facts:
    sources = [
        SourceFile(path=path, kind=kind, size=1) for kind, paths in PATHS.items() for path in paths
    ]
    found = {f"project-{name}:{ROOT}": value for name, value in given.items()}
    return b.healthy(project=b.project(sources=sources), answers=found)


def test_the_doctor_completes_on_a_snapshot_of_wrong_answers() -> None:
    kinds = ("python", "cmake", "shell", "docker", "requirements", "toml", "cxx", "hip")
    facts = project(**{kind: [1] for kind in kinds})
    report = diagnose(facts, Request(gpus=("sm_120",)))
    assert not [f for f in report.findings if f.code.startswith("DOC")]
    assert {g.section for g in report.gaps} == {f"project-{kind}" for kind in kinds[:-1]}
    assert {g.reason for g in report.gaps} == {"the snapshot's answer is not a table"}


def test_a_choice_of_a_back_end_by_no_variable_is_no_choice() -> None:
    """No source makes one; the answers below once did, and RUN801 crashed."""
    choice = {"variables": [], "accepts": [], "default": "xformers", "line": 1}
    facts = project(python={"files": {"setup.py": {"choices": [choice]}}, "gaps": []})
    assert not judge(b.view(facts, "sm_120"), [r for r in builtin_rules() if r.code == "RUN801"])


@pytest.mark.parametrize("examples", [12, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("gpu", ["sm_120", pytest.param("gfx1100", marks=pytest.mark.slow)])
def test_no_rule_crashes_on_an_answer_of_the_right_shape(gpu: str, examples: int) -> None:
    rules = [rule for rule in builtin_rules() if rule.doctor]
    kinds = [
        q for q in QUESTIONS if q.startswith("project-") and q[8:] not in ("mentions", "holders")
    ]
    every = st.fixed_dictionaries({q[8:]: answers(answer_kind(q)) for q in kinds})

    @settings(max_examples=examples, derandomize=True)
    @given(every)
    def judged(given: dict[str, object]) -> None:
        amd = gpu.startswith("gfx")
        facts = project(**{kind: encode(answer) for kind, answer in given.items()})
        numpy = [*facts.distributions, b.dist("numpy", "2.0.0")]
        torch = b.healthy_amd().torch if amd else facts.torch
        facts = replace(facts, torch=torch, distributions=numpy)
        found = judge(b.view(facts, gpu), rules)
        assert not [f.message for f in found if f.code.startswith("DOC")]

    judged()


class Recorder:
    """Answers whatever is asked, and notes it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        def answer(*subject: str) -> None:
            self.asked.append((name, subject))

        return answer


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_view_asks_each_question_by_its_name(question: str) -> None:
    name = question.replace("-", "_")
    parameters = list(inspect.signature(getattr(Questions, name)).parameters)[1:]
    assert list(inspect.signature(getattr(View, name)).parameters)[1:] == parameters
    recorder = Recorder()
    view = View(b.facts(), ask=recorder)  # type: ignore[arg-type]
    for _ in range(2):
        getattr(view, name)(*parameters)
    assert recorder.asked == [(name, tuple(parameters))]
    assert view.answers == {f"{question}:{' '.join(parameters)}": None}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_replay_without_the_answer_is_a_gap(question: str) -> None:
    name = question.replace("-", "_")
    view = View(b.facts())
    subject = list(inspect.signature(getattr(View, name)).parameters)[1:]
    assert getattr(view, name)(*subject) is None
    assert [g.reason for g in view.gaps] == ["the snapshot holds no answer"]


def test_a_view_with_other_facts_asks_through_the_first() -> None:
    first = View(b.facts(answers={"exports:a": True, "exports:b": 3}))
    other = first.with_facts(b.facts())
    assert other.exports("a") is True
    assert other.exports("b") is None
    assert (len(first.gaps), len(other.gaps)) == (1, 0)


def records(kind: Any) -> Iterator[Any]:
    """The dataclasses and rows that an answer is made of."""
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        yield kind
        for hint in get_type_hints(kind).values():
            yield from records(hint)
    for part in (get_origin(kind), *get_args(kind)):
        if part is not None and part is not kind:
            yield from records(part)


def test_every_record_is_frozen() -> None:
    found = {kind for question in QUESTIONS for kind in records(answer_kind(question))}
    assert {PythonFacts, NvccFlag, Scanned, Include} <= found
    for kind in found:
        assert issubclass(kind, tuple) or kind.__dataclass_params__.frozen, kind
        assert issubclass(kind, tuple) or fields(kind), kind
