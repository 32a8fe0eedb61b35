"""Styled lines for people: cleaned of control characters, for a terminal or a file."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console
from rich.text import Text

from gpufix.text.clean import clean

Part = str | tuple[str, str]


class Lines:
    """Collects lines, each of parts with or without a style, then delivers them."""

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

    def deliver(self, output: str | None = None) -> None:
        """To standard output, or into a file (plain). A file that cannot be written: usage error."""
        if output is None:
            console = Console()
            for line in self._lines:
                console.print(line, soft_wrap=True, highlight=False)
            return
        from gpufix.cli.examine import fail

        buffer = io.StringIO()
        for line in self._lines:
            buffer.write(f"{line.plain}\n")
        try:
            Path(output).write_text(buffer.getvalue(), encoding="utf-8")
        except OSError as error:
            raise fail(f"--output {output}: {error.strerror}") from None
