"""Settings: the command line over `[tool.gpufix]` of the project's pyproject.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpufix.cli.choices import FailOn
from gpufix.cli.examine import fail
from gpufix.cli.values import GPUS, RULES, split
from gpufix.frozen import Frozen

if TYPE_CHECKING:
    from gpufix.diagnosis.diagnose import Request
    from gpufix.model import Facts

# A project's configuration selects and ignores; it names no program, index, plugin or outside path.
KEYS = ("gpu", "select", "ignore", "exclude", "fail-on")


class Settings(Frozen):
    """What the user and the project asked for, the user first."""

    request: Request
    fail_on: FailOn


def settings(
    facts: Facts,
    gpu: list[str] | None,
    select: list[str] | None,
    ignore: list[str] | None,
    fail_on: FailOn | None,
) -> Settings:
    """Merge both; a project's table with an unknown key or a wrong type is a usage error."""
    from gpufix.checks.judge import Selection
    from gpufix.diagnosis.diagnose import Request

    config = facts.project.config if facts.project else {}
    unknown = sorted(set(config) - set(KEYS))
    if unknown:
        names = ", ".join(map(repr, unknown))
        raise fail(f"[tool.gpufix] has no key {names}; it knows {', '.join(KEYS)}")
    selection = Selection(
        select=split("--select", select, RULES) or _strings(config, "select", RULES),
        ignore=(*split("--ignore", ignore, RULES), *_strings(config, "ignore", RULES)),
    )
    gpus = split("--gpu", gpu, GPUS)
    of_project = () if gpus else _strings(config, "gpu", GPUS)
    request = Request(gpus=gpus, project_gpus=of_project, selection=selection)
    return Settings(request, fail_on or _fail_on(config))


def _strings(config: dict[str, Any], key: str, needed: str) -> tuple[str, ...]:
    value = config.get(key, [])
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise fail(f"[tool.gpufix] {key}: expected a string or a list of strings, found {value!r}")
    return split(f"[tool.gpufix] {key}:", values, needed)


def _fail_on(config: dict[str, Any]) -> FailOn:
    value = config.get("fail-on", "error")
    try:
        return FailOn(value)
    except ValueError:
        known = ", ".join(f.value for f in FailOn)
        raise fail(f"[tool.gpufix] fail-on: {value!r} is none of {known}") from None
