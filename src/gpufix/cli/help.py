"""`gpufix --help`: one screen that teaches, in place of a list of panels."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

_HEAD = """\
gpufix finds why GPU code will not import, run or build in a Python environment,
repairs it, proves the repair, and can undo it.

  gpufix doctor                        what is wrong, and what would mend it
  gpufix fix --apply                   mend it; what does not help is undone
  gpufix undo                          put the last repair back, byte for byte
  gpufix explain build.log             what an error message means

  gpufix doctor --gpu "RTX 5080"       for a GPU that is not in this machine
  gpufix doctor --python ENV PROJECT   another environment, and a project for it

Further commands:
"""
_FOOT = """
gpufix COMMAND --help tells the rest. Also: --version, --install-completion.
"""
_SHOWN = ("doctor", "fix", "undo", "explain")
_WIDTH = 80


class Group(TyperGroup):
    """The root command. Its help needs no width, no colour and no option of its own."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """What a newcomer needs first, then a line for each other command."""
        rest = [n for n in self.list_commands(ctx) if n not in _SHOWN]
        indent = max(len(name) for name in rest) + 4
        lines = [
            f"  {name:<{indent - 2}}{self._about(ctx, name, _WIDTH - indent)}" for name in rest
        ]
        formatter.write(_HEAD + "\n".join(lines) + "\n" + _FOOT)

    def _about(self, ctx: Any, name: str, room: int) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(room) if command else ""
