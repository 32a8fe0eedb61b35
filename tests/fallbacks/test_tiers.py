"""The choice of a tier: order, reasons, variables, and one line about it."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

import needs

torch = needs.module("torch")
tiers = needs.module("torch", "gpufix.fallbacks.common.tiers")
pytestmark = pytest.mark.needs("torch")
CPU = torch.device("cpu") if torch else None
VARIABLES = ("GPUFIX_DEMO_TIER", "GPUFIX_FALLBACK_TIER")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def works(name: str) -> Callable[[Any], str]:
    return lambda device: f"{name} {device}"


def fails(error: BaseException) -> Callable[[Any], str]:
    def load(device: Any) -> str:
        raise error

    return load


def all_work() -> tiers.Tiers:
    return tiers.Tiers("demo", {name: works(name) for name in tiers.NAMES})


def test_the_first_that_runs_is_taken() -> None:
    tier = all_work().tier("cpu")
    assert (tier.name, tier.reasons, tier.implementation) == ("cuda", {}, "cuda cpu")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, "no Triton here"),
        (
            RuntimeError("Failed to find C compiler.\nmore"),
            "RuntimeError: Failed to find C compiler.",
        ),
        (ValueError(), "ValueError: "),
        (OSError("x" * 900), "OSError: " + "x" * 288 + "..."),
    ],
)
def test_what_fails_is_passed_over_with_its_reason(error: Exception | None, said: str) -> None:
    loaders = {"triton": fails(error or tiers.Unusable(said)), "eager": works("eager")}
    tier = tiers.Tiers("demo", loaders).choose(CPU)
    assert (tier.name, tier.reasons) == ("eager", {"triton": said})


def test_a_failed_compiler_names_the_absent_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers.sysconfig, "get_paths", lambda: {"include": "/nowhere"})
    error = subprocess.CalledProcessError(1, ["gcc", "main.c"])
    tier = tiers.Tiers("demo", {"triton": fails(error), "eager": works("eager")}).choose(CPU)
    assert "/nowhere/Python.h is absent" in tier.reasons["triton"]


def test_memory_that_ran_out_is_no_reason() -> None:
    demo = tiers.Tiers(
        "demo", {"triton": fails(torch.cuda.OutOfMemoryError()), "eager": works("e")}
    )
    with pytest.raises(torch.cuda.OutOfMemoryError):
        demo.choose(CPU)


def test_nothing_runs() -> None:
    demo = tiers.Tiers("demo", {"eager": fails(ValueError("odd"))})
    with pytest.raises(RuntimeError, match=r"demo.*nothing runs on cpu: eager: ValueError: odd"):
        demo.choose(CPU)


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("wanted", ["triton", "compile", "eager"])
def test_a_variable_names_where_to_begin(
    monkeypatch: pytest.MonkeyPatch, variable: str, wanted: str
) -> None:
    monkeypatch.setenv(variable, wanted.upper())
    tier = all_work().tier("cpu")
    assert tier.name == wanted
    skipped = tiers.NAMES[: tiers.NAMES.index(wanted)]
    assert tier.reasons == dict.fromkeys(skipped, f"{variable}={wanted}")


def test_a_module_without_the_wanted_tier_takes_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUFIX_FALLBACK_TIER", "compile")
    demo = tiers.Tiers("demo", {"triton": works("triton"), "eager": works("eager")})
    assert demo.tier("cpu").name == "eager"


def test_the_modules_own_variable_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUFIX_FALLBACK_TIER", "eager")
    monkeypatch.setenv("GPUFIX_DEMO_TIER", "compile")
    assert all_work().tier("cpu").name == "compile"


def test_an_unknown_tier_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUFIX_DEMO_TIER", "fast")
    with pytest.raises(RuntimeError, match="GPUFIX_DEMO_TIER=fast: choose one of cuda, triton"):
        all_work().on(CPU)


def test_the_choice_is_made_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[Any] = []
    demo = tiers.Tiers("demo", {"triton": fails(tiers.Unusable("old")), "eager": calls.append})
    with caplog.at_level(logging.WARNING):
        demo.on(CPU)
        demo.on(CPU)
        demo.on(torch.device("meta"))
    assert [str(device) for device in calls] == ["cpu", "meta"]
    assert caplog.messages == [
        "demo (gpufix): eager on cpu; not triton: old",
        "demo (gpufix): eager on meta; not triton: old",
    ]


def test_loaders_run_without_the_callers_modes() -> None:
    seen: list[tuple[bool, bool]] = []

    def load(device: Any) -> None:
        seen.append((torch.is_grad_enabled(), (torch.ones(2, 2) @ torch.ones(2, 2)).dtype))

    with torch.autocast("cpu", torch.bfloat16):
        tiers.Tiers("demo", {"eager": load}).on(CPU)
    assert seen == [(False, torch.float32)]


def test_triton_for_cpu_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(tiers.Unusable, match="compiles nothing for cpu tensors"):
        tiers.need_triton(CPU)


def test_triton_that_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers.importlib.util, "find_spec", lambda name: None)
    cuda = torch.device("cuda", 0)
    with pytest.raises(tiers.Unusable, match="triton is not installed"):
        tiers.need_triton(cuda)
    with pytest.raises(tiers.Unusable, match="triton is not installed"):
        tiers.need_compile(cuda)
    tiers.need_compile(CPU)


def test_outside_graphs() -> None:
    graphs: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append([node.target for node in graph.graph.nodes if node.op == "call_function"])
        return graph

    inner = tiers.outside_graphs(lambda x: torch.sin(x))
    step = torch.compile(lambda x: inner(x + 1) * 2, backend=backend)
    x = torch.ones(3)
    torch.testing.assert_close(step(x), torch.sin(x + 1) * 2)
    assert graphs and torch.sin not in [target for graph in graphs for target in graph]
