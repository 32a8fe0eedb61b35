"""Each command with each of its options: what Typer, click and Rich make of it, in any version.

Only the commands' own work is left out. `tools/lowest.py` runs this with the versions that gpufix's
bounds admit.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from inspect import Parameter, signature
from typing import Annotated, Any, get_args, get_origin

import pytest
from typer.models import ArgumentInfo

from gpufix.cli.app import application

APP = application()
COMMANDS: dict[str, Callable[..., Any]] = {
    str(info.name): info.callback for info in APP.registered_commands if info.callback
}
Call = Callable[..., tuple[Any, dict[str, Any] | None]]


@dataclass(frozen=True)
class Asked:
    """One parameter of a command's function, as the function declares it."""

    name: str
    type: Any
    default: Any
    names: tuple[str, ...]  # of the option; none of an argument

    @classmethod
    def of(cls, parameter: Parameter) -> Asked:
        declared, info = get_args(parameter.annotation)
        inner = [arm for arm in get_args(declared) if arm is not type(None)]
        optional = get_origin(declared) is not list and inner
        # Within Annotated[], an option's first name is where its default was before.
        names = () if isinstance(info, ArgumentInfo) else (info.default, *info.param_decls)
        return cls(parameter.name, inner[0] if optional else declared, parameter.default, names)

    @property
    def required(self) -> bool:
        return self.default is Parameter.empty

    @property
    def repeats(self) -> bool:
        return get_origin(self.type) is list

    def value(self) -> Any:
        if isinstance(self.type, type) and issubclass(self.type, Enum):
            return list(self.type)[-1]
        return {int: 3, float: 0.5}.get(self.type, "word")

    def uses(self) -> list[tuple[list[str], Any]]:
        """What to type, and what the function shall receive."""
        value = self.value()
        text = str(value.value if isinstance(value, Enum) else value)
        if not self.names:
            return [([text], [value] if self.repeats else value)]
        if self.type is bool:
            spelled = [name.partition("/") for name in self.names]
            yes = [([on], True) for on, _, _ in spelled]
            return yes + [([off], False) for _, _, off in spelled if off]
        if self.repeats:
            return [([name, text, name, "more"], [value, "more"]) for name in self.names]
        return [([name, text], value) for name in self.names]


ASKED = {
    name: [
        Asked.of(parameter)
        for parameter in signature(function, eval_str=True).parameters.values()
        if get_origin(parameter.annotation) is Annotated
    ]
    for name, function in COMMANDS.items()
}
NEEDED = {name: [p for p in parameters if p.required] for name, parameters in ASKED.items()}


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs `gpufix` with arguments: its exit code, and what the command's function received."""
    received: list[dict[str, Any]] = []

    def recorded(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def record(**values: Any) -> None:
            received.append(values)

        return record

    for info in APP.registered_commands:
        assert info.callback
        monkeypatch.setattr(info, "callback", recorded(info.callback))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # Typer replaces it

    def run(*arguments: str) -> tuple[Any, dict[str, Any] | None]:
        with pytest.raises(SystemExit) as ended:
            APP([*arguments], prog_name="gpufix")
        return ended.value.code, received.pop() if received else None

    return run


def given(command: str) -> list[str]:
    return [word for parameter in NEEDED[command] for word in parameter.uses()[0][0]]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_not_given_has_its_default(command: str, call: Call) -> None:
    code, received = call(command, *given(command))
    assert code == 0 and received is not None
    assert received == {p.name: p.uses()[0][1] if p.required else p.default for p in ASKED[command]}


@pytest.mark.some(24)
@pytest.mark.parametrize(
    ("command", "parameter"),
    [pytest.param(c, p, id=f"{c}-{p.name}") for c in COMMANDS for p in ASKED[c] if not p.required],
)
def test_each_option_alone_is_received(command: str, parameter: Asked, call: Call) -> None:
    for words, value in parameter.uses():
        code, received = call(command, *words, *given(command))
        assert code == 0 and received is not None, words
        assert received.pop(parameter.name) == value, words
        others = [p for p in ASKED[command] if not p.required and p is not parameter]
        assert {p.name: received[p.name] for p in others} == {p.name: p.default for p in others}


@pytest.mark.parametrize("command", [name for name in COMMANDS if NEEDED[name]])
def test_without_what_it_needs_it_is_not_called(command: str, call: Call, capsys: Any) -> None:
    assert call(command) == (2, None)
    assert "missing argument" in capsys.readouterr().err


@pytest.mark.some(5)
@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_options_and_values_are_refused(command: str, call: Call, capsys: Any) -> None:
    choices = [p for p in ASKED[command] if isinstance(p.value(), Enum)]
    for words in (["--no-such-option"], *([p.names[0], "no-such-value"] for p in choices)):
        assert call(command, *words, *given(command)) == (2, None)
        assert words[-1] in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option(command: str, option: str, call: Call, capsys: Any) -> None:
    assert call(command, option) == (0, None)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for name in (n for p in ASKED[command] for names in p.names for n in names.split("/")):
        assert name in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_a_shell_completes_every_option(
    command: str, call: Call, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_GPUFIX_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"gpufix {command} --")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert call() == (0, None)
    offered = capsys.readouterr().out.split()
    long = [n for p in ASKED[command] for names in p.names for n in names.split("/")]
    assert {name for name in long if name.startswith("--")} <= set(offered)
