"""`gpufix-mcp`: a Model Context Protocol server, so that coding agents ask instead of guessing.

    pip install '.[mcp]'           in a checkout
    gpufix-mcp                     on standard input and output, as MCP clients start it

Tools: doctor, explain and plan change nothing. apply carries plans out, and only after the person at
the client has agreed to their titles, asked by the protocol's elicitation; a client that cannot ask
is refused.
"""

from __future__ import annotations

import shlex
import sys
from typing import Annotated, Any

from pydantic import BaseModel, Field

import gpufix
from gpufix import api
from gpufix.process import Limits, Program, run

_INSTRUCTIONS = (
    "Finds and repairs what keeps GPU code in a Python environment from importing, running or "
    "building. Ask doctor before you change versions; show plan before apply."
)
_SHOWN = 60_000  # characters of an answer: an agent's context is not for logs


class Consent(BaseModel):
    """What the person is asked before anything changes."""

    apply: bool = Field(description="Apply these plans? `gpufix undo` restores what they change.")


def doctor(
    environment: str | None = None, project: str | None = None, gpus: list[str] | None = None
) -> str:
    """Judge a Python GPU environment without importing anything: findings, evidence, repairs.

    environment: a folder such as .venv, or an interpreter. gpus: "sm_120", "RTX 5080".
    """
    return _cut(str(api.diagnose(environment, project, gpus=gpus or ())))


def explain(text: str) -> str:
    """The cause in an error message, traceback or build log, and what to do."""
    found = api.explain_error(text)
    if found is None:
        return "No message that gpufix knows is in this text."
    rule = f"rule {found.rule}" if found.rule else "no rule of gpufix"
    notes = "".join(f"\n{note}" for note in found.notes)
    return f"line {found.line}: {found.shown}\n{rule}: {found.what}{notes}\ndo: {found.do}"


def plan(
    environment: str | None = None,
    project: str | None = None,
    gpus: list[str] | None = None,
    unsafe: bool = False,
) -> str:
    """What `gpufix fix` would do, with commands and diffs. Changes nothing.

    unsafe: also plans that change a version that somebody chose.
    """
    from gpufix.report.plans import proposed

    found = api.plan(environment, project, gpus=gpus or (), unsafe=unsafe)
    return _cut(proposed(found).plain())


def repaired(environment: str | None, project: str | None, unsafe: bool) -> str:
    """`gpufix fix --apply` in a process of its own: its output."""
    command = [sys.executable, "-m", "gpufix", "fix", "--apply", *(["--unsafe"] if unsafe else [])]
    command += [
        *(["--python", environment] if environment else []),
        *([project] if project else []),
    ]
    # It undoes what it had begun when it is asked to end.
    done = run(Program(command), Limits(grace_s=60.0))
    return _cut((done.out + done.err).decode("utf-8", "replace"))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}\n… cut"


def server() -> Any:
    """The server with its tools. Raises ImportError without the extra."""
    from mcp.server.mcpserver import AcceptedElicitation, ElicitationResult, MCPServer
    from mcp.server.mcpserver.resolve import Elicit, Resolve

    made = MCPServer("gpufix", instructions=_INSTRUCTIONS, version=gpufix.__version__)
    for tool in (doctor, explain, plan):
        made.tool()(tool)

    def ask(
        environment: str | None = None, project: str | None = None, unsafe: bool = False
    ) -> Any:
        return Elicit(question(environment, project, unsafe), Consent)

    async def apply(
        answer: Any,
        environment: str | None = None,
        project: str | None = None,
        unsafe: bool = False,
    ) -> str:
        """Carry the plans out, after the person has agreed to them. `gpufix undo` restores."""
        if not isinstance(answer, AcceptedElicitation) or not answer.data.apply:
            return "Not applied: the person did not agree."
        return repaired(environment, project, unsafe)

    # What these annotations name is imported here only.
    ask.__annotations__["return"] = Elicit[Consent]
    apply.__annotations__["answer"] = Annotated[ElicitationResult[Consent], Resolve(ask)]
    made.tool()(apply)
    return made


def question(environment: str | None, project: str | None, unsafe: bool) -> str:
    """What the person is asked: the titles of the plans at hand."""
    found = api.plan(environment, project, unsafe=unsafe).plans
    titles = "".join(f"\n- {each.title} ({each.safety})" for each in found)
    return f"gpufix would apply:{titles or ' nothing'}"


def main() -> None:
    """Serve on standard input and output."""
    try:
        made = server()
    except ImportError as error:
        install = shlex.join([sys.executable, "-m", "pip", "install", "mcp>=2"])
        print(f"gpufix: {error}; needed: {install}", file=sys.stderr)
        sys.exit(2)
    made.run()


if __name__ == "__main__":
    main()
