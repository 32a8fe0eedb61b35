"""What is tried: a machine, who works on it, what is on it, and where gpufix lies."""

from __future__ import annotations

from dataclasses import dataclass, replace

BLANK_AND_LETTERS = "Grüße aus Köln/gpu fix"


@dataclass(frozen=True)
class Row:
    """One clean machine. Every row ends green, or (`says`) with a message that names the cause."""

    suite: str
    user: bool = False  # an ordinary user; else root
    compilers: bool = False  # what tools/debian_packages.sh brings
    odd: bool = False  # a path with blanks and letters that are not ASCII
    tarball: bool = False  # without .git
    lang: str = "C.UTF-8"
    ci: bool = False  # .ci/run in place of the README's second command
    shm: bool = True  # /dev/shm; else all of the machine that can be written is one file system
    torch: bool = True  # else TORCH=no
    lacks: str = ""  # a package that the README names; installed after the message
    says: str = ""  # a pattern of the message with which the first command must fail
    suffix: str = ""

    @property
    def name(self) -> str:
        """The row's name, for --only."""
        parts = [self.suite, "user" if self.user else "root"]
        return "-".join([*parts, *(["compilers"] if self.compilers else []), *self.suffix.split()])

    def packages(self, named: tuple[str, ...]) -> tuple[str, ...]:
        """What of the README's packages is there before the first command, and a Python."""
        return ("python3", *(name for name in named if name != self.lacks))

    @property
    def furnished(self) -> bool:
        """Whether the compilers are there from the start: as root, .ci/run brings them itself."""
        return self.compilers and (self.user or not self.ci)


BOOKWORM, TRIXIE, FORKY = Row("bookworm"), Row("trixie"), Row("forky")
# All of suite, user and compilers; each value of the other columns with each of theirs, and with
# each of one another's (tests/tools/test_fresh.py).
ROWS = [
    replace(BOOKWORM),
    replace(BOOKWORM, user=True, odd=True, tarball=True, lang="C"),
    replace(BOOKWORM, compilers=True, odd=True, ci=True),
    replace(BOOKWORM, compilers=True, user=True, tarball=True),
    replace(TRIXIE, odd=True, tarball=True),
    replace(TRIXIE, user=True, lang="C", ci=True, shm=False),
    replace(TRIXIE, compilers=True, tarball=True, lang="C"),
    replace(TRIXIE, compilers=True, user=True, odd=True),
    replace(FORKY, tarball=True, lang="C"),
    replace(FORKY, user=True, odd=True),
    replace(FORKY, compilers=True),
    replace(FORKY, compilers=True, user=True, odd=True, tarball=True, lang="C", ci=True),
    replace(BOOKWORM, user=True, torch=False, suffix="no-torch"),
    replace(BOOKWORM, user=True, lacks="python3-venv", says="python3-venv", suffix="no-venv"),
    replace(Row("bullseye"), says=r"3\.9.*3\.10|3\.10.*3\.9"),
]
