"""`gpufix --help` on one screen, and what the shell completes."""

from __future__ import annotations

import re
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


class CommandGroup(TyperGroup):
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


_VENDOR = re.compile(r"^(?:(?:NVIDIA|AMD|GeForce|Radeon|Instinct) )+")


def codes(incomplete: str) -> list[tuple[str, str]]:
    """Rules and families that begin so."""
    from gpufix.plugins import all_rules

    rules = all_rules()[0]
    offered = {rule.code[:3]: "the whole family" for rule in rules}
    offered |= {rule.code: rule.name for rule in rules}
    return _beginning(offered, incomplete)


def fallbacks(incomplete: str) -> list[tuple[str, str]]:
    """What `--fallback` takes."""
    from gpufix.fallbacks.catalogue import every

    offered = {fallback.name: fallback.summary for fallback in every()}
    return _beginning({**offered, "list": "what there is"}, incomplete)


def gpus(incomplete: str) -> list[tuple[str, str]]:
    """Architectures and products. With hyphens for spaces, so that they need no quotes."""
    from gpufix.knowledge.data_table import table
    from gpufix.knowledge.gpus.models import resolve

    table_ = table("gpus")
    named = {name: row[0] for name, row in table_["nvidia"]["names"].items()}
    named |= {name: arch for arch, row in table_["amd"].items() for name in row[0]}
    numbers = [n for n in table("cuda_toolkits")["sm"] if n.isdigit()]  # no variants: sm_90a
    # sm_101 is what an earlier toolkit called sm_110.
    archs = dict.fromkeys(resolve(f"sm_{number}").arch for number in numbers)
    offered = dict.fromkeys(archs, "NVIDIA")
    offered |= dict.fromkeys(table_["amd"], "AMD")
    offered |= {_VENDOR.sub("", name): arch for name, arch in named.items()}
    if " " not in incomplete:
        offered = {re.sub(r"[^\w.+]+", "-", n).strip("-"): about for n, about in offered.items()}
    return _beginning(offered, incomplete)


def _beginning(offered: dict[str, str], typed: str) -> list[tuple[str, str]]:
    """In whatever case it was typed, which is left as it is: shells compare letter by letter."""
    return [
        (typed + value[len(typed) :], about)
        for value, about in offered.items()
        if value.lower().startswith(typed.lower())
    ]
