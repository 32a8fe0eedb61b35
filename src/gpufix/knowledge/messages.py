"""Error messages that people paste: what they look like, what they mean, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from gpufix.knowledge.table import table

FILES = (
    "cuda",
    "driver",
    "memory",
    "rocm",
    "loader",
    "abi",
    "compile",
    "toolkit",
    "extension",
    "torch",
    "source",
    "packages",
    "python",
    "libraries",
    "backends",
    "distributed",
)

# cause: says what is wrong. symptom: something failed, the reason may stand elsewhere. notice: a
# warning, true by itself. unknown: an error of which no more is known than what it says. wrapper:
# only says that something before it failed.
Role = Literal["cause", "symptom", "unknown", "notice", "wrapper"]


@dataclass(frozen=True, slots=True)
class Message:
    """One known message. `rule` None: explained without a rule of the catalogue.

    `texts` are in the language of message_text; `near` holds texts of which one must stand within
    some kilobytes, `unless` such that none may. `refine` names the code that looks closer.
    """

    id: str
    texts: tuple[str, ...]
    rule: str | None
    what: str
    do: str
    source: str
    role: Role = "cause"
    versions: str | None = None
    near: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    refine: str | None = None
    cuda: tuple[int, ...] = ()  # error numbers of CUDA that say the same


@cache
def messages() -> tuple[Message, ...]:
    """Every known message; of two that match one place the earlier decides."""
    known: list[Message] = []
    for name in FILES:
        loaded = table(f"messages/{name}")
        sources = loaded["sources"]
        known += [_message(row, sources) for row in loaded["messages"]]
    return (*known, _other_cuda(known))


def _message(row: dict[str, Any], sources: dict[str, str]) -> Message:
    return Message(
        id=row["id"],
        texts=tuple(row["texts"]),
        rule=row["rule"],
        what=row["what"],
        do=row["do"],
        source=sources[row["source"]],
        role=row.get("role", "cause"),
        versions=row.get("versions"),
        near=tuple(row.get("near", ())),
        unless=tuple(row.get("unless", ())),
        refine=row.get("refine"),
        cuda=tuple(row.get("cuda", ())),
    )


@cache
def cuda_errors() -> dict[int, tuple[str, str]]:
    """CUDA's error numbers: (name, text), as cudaGetErrorName and cudaGetErrorString give them."""
    rows = table("messages/cuda_errors")["errors"]
    return {int(number): (row[0], row[1]) for number, row in rows.items()}


def _other_cuda(known: list[Message]) -> Message:
    """CUDA's errors that have no row of their own, and all of them by number."""
    told = {number for message in known for number in message.cuda}
    others = [pair for number, pair in cuda_errors().items() if number not in told and number > 0]
    return Message(
        id="cuda-other",
        texts=(
            "cuda error {(|}{number}",
            "cuda error: {|code |code=}{number}",
            "cuda error code{:|=|: |= | = | }{number}",
            "cuda failure {number}",
            "cuda failure: {number}",
            "cuda runtime error {(|}{number}",
            "cuda driver error {(|}{number}",
            "code={number}(cudaError{name})",
            *(f"{name}{{.}}" for name, _ in others),
            *(f"cuda error: {string}" for _, string in others),
        ),
        rule=None,
        what="A CUDA call failed.",
        do="Set CUDA_LAUNCH_BLOCKING=1 to learn which call it was; compute-sanitizer shows faults "
        "inside kernels.",
        source=table("messages/cuda_errors")["source"],
        role="symptom",
        refine="cuda-code",
    )
