"""Styled lines for people: cleaned of control characters, for a terminal or as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from gpufix.report import styles
from gpufix.report.folding import continued, folded
from gpufix.text.clean import clean

_COMMAND = re.compile(r" *\$ ")

Part = str | tuple[str, str]


class Lines:
    """Collects lines, each of parts with or without a style, then prints them."""

    def __init__(self) -> None:
        self._lines: list[Text] = []
        self._raw: set[int] = set()  # the numbers of those that are copied

    @property
    def some(self) -> bool:
        """Whether there is any line yet."""
        return bool(self._lines)

    def add(self, *parts: Part) -> None:
        """One line."""
        line = Text()
        for part in parts:
            content, style = (part, "") if isinstance(part, str) else part
            line.append(clean(content), style=style)
        self._lines.append(line)

    def raw(self, content: str, style: str = "") -> None:
        """One line that must survive being copied; commands of several lines stay one."""
        self._raw.add(len(self._lines))
        self.add((content, style))

    def print(self) -> None:
        """To standard output, with styles where it is a terminal."""
        console = Console()
        for number, line in enumerate(self._lines):
            for part in self._shown(number, line, console):
                console.print(part, soft_wrap=True, highlight=False)

    def _shown(self, number: int, line: Text, console: Console) -> Iterable[Text]:
        """As it is; on a terminal folded between words, a command so that it may be copied."""
        if not console.is_terminal or line.cell_len <= console.width:
            return [line]
        found = _COMMAND.match(line.plain)
        if found:
            parts = continued(line.plain[found.end() :], found[0], console.width)
            return [Text(part, line.style or styles.GOOD) for part in parts]
        if number in self._raw:  # of a diff: its spaces mean something
            return [line]
        indent = " " * (len(line.plain) - len(line.plain.lstrip()))
        inner = list(folded(line[len(indent) :], max(console.width - len(indent) - 2, 20)))
        return [Text(indent + ("  " if n else "")) + part for n, part in enumerate(inner)]

    def plain(self) -> str:
        """The text without styles."""
        return "".join(f"{line.plain}\n" for line in self._lines)
