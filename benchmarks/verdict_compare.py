"""Compares what the doctor says of a package with what its import did."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from verdict_envs import normal
from verdict_truth import Import

_WORD = re.compile(r"[\w.+-]+")


@dataclass
class Said:
    """Findings that name a package, and errors that name what its import fails by."""

    errors: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    of_cause: list[dict[str, Any]] = field(default_factory=list)


def flat(findings: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Findings and their consequences, at any depth."""
    for finding in findings:
        yield finding
        yield from flat(finding.get("consequences", []))


def said(
    report: dict[str, Any],
    name: str,
    files: set[str],
    truth: Import,
    others: dict[str, list[str]],
) -> Said:
    """Of the package `name`, whose files (absolute paths) are `files`.

    `others`: the modules of what is installed with it. A crash leaves no traceback: then an error of
    any of these is taken for its cause.
    """
    answer = Said()
    for finding in flat(report["findings"]):
        about = names(finding["subject"], name, files)
        if about and finding["severity"] == "error":
            answer.errors.append(finding)
        elif about and finding["severity"] == "warning":
            answer.warnings.append(finding)
        elif finding["severity"] == "error" and (
            mentions(finding, truth.detail) or _behind(finding["subject"], truth, others)
        ):
            answer.of_cause.append(finding)
    return answer


def names(subject: str, name: str, files: set[str]) -> bool:
    """A subject is a distribution, several, or a file."""
    return subject in files or name in {normal(word) for word in _WORD.findall(subject)}


def _behind(subject: str, truth: Import, others: dict[str, list[str]]) -> bool:
    """Whether the import fails within, or for want of, a distribution that the subject names."""
    modules = [m for word in _WORD.findall(subject) for m in others.get(normal(word), ())]
    paths = [f"/site-packages/{module.replace('.', '/')}" for module in modules]
    if truth.crashed:
        return bool(modules)
    if any(re.search(rf"\b{re.escape(m)}\b[\w.]* failed to import", truth.detail) for m in modules):
        return True  # Cython's message for what failed within
    missing = [m for m in modules if f"{m}.".startswith(f"{truth.detail}.")]  # or its namespace
    return (truth.kind == "module" and bool(missing)) or any(
        re.search(re.escape(path) + r"[/.]", truth.text) for path in paths
    )


def ends_in(truth: Import, modules: list[str]) -> bool:
    """Whether the failed import of another package ended in these: its traceback's last path."""
    paths = re.findall(r"/site-packages/([^\s\"':,]+)", truth.text + "\n" + truth.detail)
    return truth.kind != "works" and any(
        re.match(re.escape(module.replace(".", "/")) + r"[/.]", path)
        for module in modules
        for path in paths[-1:]
    )


def mentions(finding: dict[str, Any], detail: str) -> bool:
    """Whether it speaks of a library, symbol or version that the loader's message names."""
    evidence = [f"{one['text']} {one.get('path')}" for one in finding.get("evidence", [])]
    text = " ".join([finding["subject"], finding["message"], *evidence])
    named = re.findall(r"[\w.+-]+\.so[.\d]*|undefined symbol: (\w+)|version `([^']+)'", detail)
    libraries = re.findall(r"[\w.+-]+\.so[.\d]*", detail)
    words = {word for group in named for word in group if word} | set(libraries)
    return any(word in text for word in words)


def judge(truth: Import, answer: Said, claimed: bool) -> str:
    """healthy, warned, caught (as warning), missed, unclaimed, driver (blamed), (false) error.

    `claimed`: a rule speaks of what Python itself fails by (a requirement or file that is gone).
    """
    if truth.kind == "works":
        return "false error" if answer.errors else "warned" if answer.warnings else "healthy"
    if truth.kind == "driver":
        return "driver blamed" if answer.errors else "driver"
    if answer.errors or answer.of_cause:
        return "caught"
    if truth.kind == "library" or (truth.crashed and claimed):
        return "missed"
    if answer.warnings:
        return "caught as warning"
    return "missed" if claimed else "unclaimed"


WRONG = ("false error", "driver blamed", "missed")
