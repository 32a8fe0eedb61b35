"""Styled lines for people: cleaned of control characters, for a terminal or as plain text."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from gpufix.text.clean import clean

Part = str | tuple[str, str]


class Lines:
    """Collects lines, each of parts with or without a style, then prints them."""

    def __init__(self) -> None:
        self._lines: list[Text] = []

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
        self.add((content, style))

    def print(self) -> None:
        """To standard output, with styles where it is a terminal."""
        console = Console()
        for line in self._lines:
            console.print(line, soft_wrap=True, highlight=False)

    def plain(self) -> str:
        """The text without styles."""
        return "".join(f"{line.plain}\n" for line in self._lines)
