"""The MCP server: what its tools answer, and that nothing changes without consent."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gpufix import mcp_server


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)  # a folder that is no project
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return str(folder)


def test_doctor_and_plan_answer_in_text(venv: str) -> None:
    assert "nothing judged" in mcp_server.doctor(venv)
    assert "nothing to repair" in mcp_server.plan(venv)


def test_explain_names_the_cause() -> None:
    said = mcp_server.explain(
        "ImportError: libnccl.so.2: cannot open shared object file: No such file"
    )
    assert "rule SYM402" in said
    assert "No message" in mcp_server.explain("well")


def asked(tool: str, arguments: dict[str, Any], consents: bool | None = None) -> str:
    """What a client of the protocol gets; `consents` None: it cannot ask anybody."""

    async def ask() -> str:
        from mcp.client import Client
        from mcp.types import ElicitResult

        async def answer(*_: object) -> ElicitResult:
            return ElicitResult(action="accept", content={"apply": bool(consents)})

        asks = {} if consents is None else {"elicitation_callback": answer}
        async with Client(mcp_server.server(), **asks) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == ["doctor", "explain", "plan", "apply"]
            got = await client.call_tool(tool, arguments)
            return "".join(getattr(part, "text", "") for part in got.content)

    return asyncio.run(ask())


@pytest.mark.needs("mcp")
def test_a_client_asks_the_doctor(venv: str) -> None:
    assert "nothing judged" in asked("doctor", {"environment": venv})


@pytest.mark.needs("mcp")
@pytest.mark.parametrize("consents", [None, False, True])
def test_nothing_is_applied_without_consent(
    consents: bool | None, venv: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[bool] = []
    monkeypatch.setattr(mcp_server, "question", lambda *_: "gpufix would apply: everything")
    monkeypatch.setattr(mcp_server, "repaired", lambda *_: done.append(True) or "applied")
    try:
        said = asked("apply", {"environment": venv}, consents)
    except Exception:  # the protocol refuses a client that cannot ask
        said = "refused"
    assert bool(done) == bool(consents)
    assert (said == "applied") == bool(consents)
