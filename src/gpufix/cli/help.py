"""`--help` on one screen, usage errors in one style, and what the shell completes."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

from gpufix.cli.pages import FLEET, PAGES, Page, overview

WIDTH = 80
_COLUMN = 27  # where the options' texts begin
USAGE = 2


class CommandGroup(TyperGroup):
    """The root command. Its help needs no width, no colour and no option of its own."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """What a newcomer needs first, then a line for each other command."""
        formatter.write(overview())

    def main(self, *args: Any, **options: Any) -> Any:
        """As Typer's, but every usage error is one line in gpufix's own style."""
        options["standalone_mode"] = False
        try:
            code = super().main(*args, **options)
        except Exception as error:
            if not hasattr(error, "format_message"):  # a ClickException of whichever click
                if type(error).__name__ == "Abort":
                    print("gpufix: interrupted", file=sys.stderr)
                    sys.exit(1)
                _unwritable(error)
                raise
            _refuse(error)
        sys.exit(code if isinstance(code, int) else 0)


class Command(TyperCommand):
    """A command whose help is its page (cli/pages.py) and its options by purpose."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Synopsis, what it does, examples, options by purpose, exit codes."""
        formatter.write(command_help(PAGES[str(self.name)], self))


class FleetCommand(TyperCommand):
    """One below `gpufix fleet`."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """As a command's."""
        formatter.write(command_help(FLEET[str(self.name)], self))


class CommandFamily(TyperGroup):
    """Several commands below one name."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """As a command's, and a line for each of its own."""
        formatter.write(command_help(PAGES[str(self.name)], self))


def command_help(page: Page, command: Any) -> str:
    """The whole text, 80 columns wide."""
    lines = [f"usage: {page.synopsis}", "", *_filled(command.help or page.about, ""), ""]
    width = max(len(example) for example, _ in page.examples)
    lines += [f"  {example:<{width}}  {about}" for example, about in page.examples]
    arguments = [each for each in command.params if each.opts[0][:1] != "-"]
    lines += [""] * bool(arguments)
    for argument in arguments:
        lines += _row(f"  {_bare(argument)}", argument.help or "")
    for purpose, options in grouped(page, command):
        lines += ["", f"{purpose}:"]
        for option in options:
            lines += _option(option)
    if below := getattr(command, "commands", {}):
        lines += ["", "Commands:"]
        for each in below.values():
            lines += _row(f"  {each.name}", FLEET[str(each.name)].about)
    if page.exits:
        lines += ["", *_filled(f"Exit code: {page.exits}.", "")]
    return "\n".join(lines)


def grouped(page: Page, command: Any) -> list[tuple[str, list[Any]]]:
    """The declared options by purpose; those that no group names come last."""
    named = {option.opts[0]: option for option in command.params if option.opts[0][:1] == "-"}
    found = [
        (purpose, [named.pop(name) for name in names if name in named])
        for purpose, names in page.groups
    ]
    named.pop("--help", None)
    return [row for row in [*found, ("Other", list(named.values()))] if row[1]]


def _option(option: Any) -> list[str]:
    """Its names and value, then its text, folded beside them."""
    return _row(f"  {option_names(option)}", option.help or "")


def option_names(option: Any) -> str:
    """ "-o, --output FILE"."""
    names = ", ".join(sorted([*option.opts, *option.secondary_opts], key=len))
    return f"{names} {'' if option.is_flag else _value(option)}".rstrip()


def _row(head: str, text: str) -> list[str]:
    body = _filled(text, " " * _COLUMN)
    if len(head) + 2 > _COLUMN:
        return [head, *body]
    return [f"{head:<{_COLUMN}}{body[0].lstrip()}", *body[1:]] if body else [head]


def _value(option: Any) -> str:
    return str(option.metavar or "VALUE")


def _bare(argument: Any) -> str:
    """An argument's name as the synopsis has it."""
    return str(argument.metavar or argument.name).strip("{}.").removeprefix("-- ").strip(".")


def _filled(text: str, margin: str) -> list[str]:
    """Folded between words; names of options are kept whole."""
    out: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        out += [""] * bool(out)
        out += textwrap.wrap(
            " ".join(paragraph.split()),
            WIDTH,
            initial_indent=margin,
            subsequent_indent=margin,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return out


def _unwritable(error: Exception) -> None:
    """Ends the process where the shell's files are what cannot be written."""
    if isinstance(error, OSError) and sys.argv[1:2] == ["--install-completion"]:
        print(f"gpufix: --install-completion: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(USAGE)


_CHOICE = re.compile(r"(?:Value error, )?'(.*)' is not one of (.*?)\.?", re.DOTALL)


def _refuse(error: Any) -> None:
    """Say what was mistyped and where the options stand; ends the process."""
    from gpufix.text.clean import clean

    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "") if context else _typed(sys.argv[1:])
    command = re.sub(r"^.*?(?=\bgpufix\b)", "", str(command)) or "gpufix"
    from gpufix.cli import first_words

    first_words.wipe()
    print(f"gpufix: {clean(refusal(error))}", file=sys.stderr)
    print(f"gpufix: `{clean(command)} --help` shows examples and options", file=sys.stderr)
    sys.exit(getattr(error, "exit_code", USAGE))


def _typed(arguments: Sequence[str]) -> str:
    """The command that they begin with: an option without its value is an error of no context."""
    named = arguments[:1] if arguments[:1] and arguments[0] in PAGES else []
    below = (
        arguments[1:2] if named == ["fleet"] and arguments[1:2] and arguments[1] in FLEET else []
    )
    return " ".join(["gpufix", *named, *below])


_NO_COMMAND = re.compile(r"No such command ['\"](.*)['\"]")


def refusal(error: Any) -> str:
    """The message of a usage error, without the library's own phrases."""
    option = getattr(error, "param", None)
    hint = getattr(error, "param_hint", None)
    name = option.opts[0] if option is not None and option.opts else str(hint or "")
    if option is not None and not name.startswith("-"):
        name = _bare(option)
    message = str(getattr(error, "message", "") or "")
    found = _CHOICE.fullmatch(message.strip())
    if found:
        known = [each.strip(" '\"") for each in found[2].split(",")]
        return f"{name} {found[1]!r}: expected {', '.join(known)}{suggestion(found[1], known)}"
    if possible := getattr(error, "possibilities", None):
        typed = str(error.option_name)
        return f"no such option: {typed}{suggestion(typed, possible)}"
    if "valid integer" in message or "valid number" in message:
        return f"{name}: expected a number"
    text = str(error.format_message()).strip().rstrip(".")
    if (mistyped := _NO_COMMAND.fullmatch(text)) is not None:  # Typer before 0.16 suggests nothing
        group = getattr(getattr(error, "ctx", None), "command", None)
        text += suggestion(mistyped[1], [f"'{each}'" for each in getattr(group, "commands", PAGES)])
    text = re.sub(r"^Invalid value for (?:'[^']+'(?: / )?)+: ", f"{name}: ", text)
    text = re.sub(r"^Got unexpected extra arguments?(?:\(s\))? \((.*)\)", r"unexpected: \1", text)
    text = re.sub(r"\. Choose from:\s*", ": ", text)
    text = re.sub(r",\s+", ", ", text)
    text = text.replace("Value error, ", "").replace(". Did you mean", "; did you mean")
    return text[:1].lower() + text[1:]


def suggestion(typed: str, known: Iterable[str]) -> str:
    """ "; did you mean X?" where one is close, else nothing."""
    import difflib

    near = difflib.get_close_matches(typed, list(known), 1, 0.6)
    return f"; did you mean {near[0]}?" if near else ""


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
