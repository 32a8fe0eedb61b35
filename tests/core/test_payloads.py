"""What a rule hands to fixes has a declared type, and a field renamed on one side is a type error."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import gpufix
from gpufix.checks.registry import builtin_rules
from gpufix.diagnosis.diagnose import Request, examine
from gpufix.model import ADVICE, Facts, Fault, Finding, Payload, payload, source_payload
from gpufix.model.base import from_json, to_json
from gpufix.model.payload import EnvironmentVariable, JobLimit, MissingTool

SOURCE = Path(gpufix.__file__).parent
RULES = sorted([*(SOURCE / "checks").rglob("*.py"), *(SOURCE / "evidence").rglob("*.py")])
CLINIC = sorted(Path(__file__).parent.parent.glob("clinic/*/facts.json"))
DECLARED = {
    name: kind
    for module in (payload, source_payload)
    for name, kind in vars(module).items()
    if inspect.isclass(kind) and kind.__module__ == module.__name__
}
PAYLOADS = {name for name, kind in DECLARED.items() if issubclass(kind, Payload)}


@pytest.mark.parametrize("kind", DECLARED.values(), ids=DECLARED)
def test_a_payload_cannot_change_and_says_what_it_is(kind: type) -> None:
    assert dataclasses.is_dataclass(kind)
    assert vars(kind)["__dataclass_params__"].frozen
    assert kind.__doc__ and kind.__doc__.count("\n") == 0 and kind.__doc__.endswith(".")
    for field in dataclasses.fields(kind):
        for open_type in ("Any", "dict", "list", "set", "Mapping", "object"):
            assert open_type not in str(field.type), field


def _given(path: Path) -> Iterator[tuple[int, ast.expr]]:
    """The payloads of the faults that a module makes, by line; names are followed to their value."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    values = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id == "Fault":
            assert len(call.args) < 7, f"{path.name}:{call.lineno}: a payload is given by its name"
            for row in call.keywords:
                if row.arg == "payload":
                    name = row.value.id if isinstance(row.value, ast.Name) else ""
                    yield call.lineno, values.get(name, row.value)


def test_every_rule_hands_over_what_the_model_declares() -> None:
    used = set()
    for path in RULES:
        for line, value in _given(path):
            if isinstance(value, ast.Name):
                continue  # a parameter, whose type is annotated
            made = value.func if isinstance(value, ast.Call) else None
            assert isinstance(made, ast.Name) and made.id in PAYLOADS, f"{path.name}:{line}"
            used.add(made.id)
    assert used == PAYLOADS - {"Payload"}, "each is of some rule"


@pytest.mark.parametrize("path", CLINIC, ids=lambda p: p.parent.name)
def test_the_findings_of_recorded_patients(path: Path) -> None:
    facts = from_json(Facts, json.loads(path.read_text(encoding="utf-8")))
    for finding in _flat(examine(facts, Request(gpus=("sm_120",))).findings):
        assert finding.payload is None or type(finding.payload).__name__ in PAYLOADS


def _flat(findings: list[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield finding
        yield from _flat(finding.consequences)


@dataclasses.dataclass(frozen=True)
class Own(MissingTool):
    """A third party's."""

    where: str


def _finding(given: Payload | None) -> Finding:
    declared = builtin_rules()[0]
    return declared.finding(Fault(ADVICE, "s", "m", payload=given))


def test_a_finding_keeps_the_very_payload() -> None:
    own = Own("ninja", False, "PATH")
    finding = _finding(own)
    assert finding.payload is own
    assert replace(finding, consequences=[]).payload is own
    assert finding.payload_as(MissingTool) is own
    assert "payload" not in to_json(finding)


@pytest.mark.parametrize("given", [JobLimit(2), None])
def test_another_payload_is_refused(given: Payload | None) -> None:
    held = "JobLimit" if given else "no payload"
    with pytest.raises(TypeError) as raised:
        _finding(given).payload_as(EnvironmentVariable)
    assert str(raised.value) == f"ABI301 hands over {held}, not EnvironmentVariable"


@pytest.mark.parametrize("given", [{"name": "ninja"}, "ninja", MissingTool, object()])
def test_what_is_no_payload_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="instance of Payload"):
        _finding(given)  # type: ignore[arg-type]


FIX = """\
from gpufix.model.finding import Finding
from gpufix.model.payload import MissingTool


def tool(finding: Finding) -> str:
    return finding.payload_as(MissingTool).{field}


def made() -> MissingTool:
    return MissingTool({argument}="ninja", direct=False)
"""
CONFIG = (
    "[mypy]\nstrict = true\ndisallow_subclassing_any = false\ndisallow_untyped_decorators = false\n"
)


@pytest.mark.slow
@pytest.mark.needs("mypy")
def test_a_misspelt_field_is_a_type_error(tmp_path: Path) -> None:
    """On either side. Only the model itself is followed: pydantic would take mypy half a minute."""
    from mypy import api

    shutil.copytree(SOURCE / "model", tmp_path / "gpufix" / "model")
    shutil.copy(SOURCE / "frozen.py", tmp_path / "gpufix")
    (tmp_path / "gpufix" / "__init__.py").touch()
    (tmp_path / "mypy.ini").write_text(CONFIG)
    names = {"good": ("name", "name"), "reads": ("nmae", "name"), "makes": ("name", "nmae")}
    for name, (field, argument) in names.items():
        text = FIX.format(field=field, argument=argument)
        (tmp_path / f"{name}.py").write_text(text)
    needed = ("model/finding", "model/payload", "model/host", "model/base", "frozen")
    model = [str(tmp_path / "gpufix" / f"{name}.py") for name in needed]
    options = ["--config-file", str(tmp_path / "mypy.ini"), "--cache-dir", str(tmp_path / "cache")]
    said, error, _ = api.run(
        [*options, "--follow-imports=skip", "--no-error-summary", "--explicit-package-bases",
         *model, *(str(tmp_path / f"{name}.py") for name in names)]
    )  # fmt: skip
    assert error == ""
    lines = [line for line in said.splitlines() if ": error: " in line]
    assert any("reads.py:6:" in line and '"nmae"' in line for line in lines), said
    assert any("makes.py:10:" in line and '"nmae"' in line for line in lines), said
    assert not any("good.py" in line for line in lines), said
