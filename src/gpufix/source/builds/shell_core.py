"""What a run of a shell script knows: its variables and files, what it prints, and the ways that it may go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence

from gpufix.source.builds import shell_patterns
from gpufix.source.builds.run import UNKNOWN_PART, EnvironmentWrite, Place
from gpufix.source.builds.shell_expand import Expander, personal
from gpufix.source.builds.shell_parser import parse
from gpufix.source.builds.shell_state import (
    Exhausted,
    Leave,
    MissingPath,
    PlainVariable,
    ShellCommand,
    State,
    Unmatched,
    Value,
    joined,
    merged,
    within,
)
from gpufix.source.builds.shell_syntax import Assignment, Script, Simple, Word
from gpufix.source.builds.world import BuildWorld

TURNS, DEEPEST = 200, 40  # turns of a loop, calls within each other
_LONGEST = 1 << 16  # characters of an output
_EFFORT = 3_000_000  # steps and characters, in all

PythonPrints = Callable[[str, BuildWorld], "str | None"]


class ShellCore(ABC):
    """One run, without its commands. `path`: the script as it was called; `file`: the text at hand, relative to the root."""

    def __init__(
        self, text: str, file: str, world: BuildWorld, prints: PythonPrints | None = None
    ) -> None:
        self.world, self.path, self.file = world, file, file
        self.state = State()
        self.expander = Expander(self)
        self.prints = prints
        self.commands: list[ShellCommand] = []
        self.writes: list[EnvironmentWrite] = []
        self.plain: list[PlainVariable] = []
        self.missing: list[MissingPath] = []
        self.origins: list[tuple[str, str]] = []
        self.unmatched: list[Unmatched] = []
        self.asked: set[str] = set()
        self.beyond = self.cut = False
        self.lines = {file: text.split("\n")}
        self._given: list[str | None] = [None]  # what the command at hand reads
        self._kept: list[dict[str, Value | None]] = []  # what local variables hide, by function
        self._out: list[str] | None = None  # what is printed, where somebody reads it
        self._steps = self._depth = self._spent = 0
        self._notes = 100_000 + 32 * len(text)  # characters that may still be noted
        self._asks = False
        self.stops = False  # a command that fails ends it all: RUN of a Dockerfile
        self.state.folder = world.root
        for name, value in world.environment.items():
            self.state.variables[name] = value
            self.state.exported.add(name)
        self.state.arguments = list(world.argv[1:])

    @abstractmethod
    def script(self, script: Script) -> None:
        """Lists one after another. Raises Leave, Exhausted."""

    @property
    def given(self) -> str | None:
        """What the command at hand reads; None: only a run would tell."""
        return self._given[0]

    def goes_on(self, text: str) -> None:
        """A part of the input has been read."""
        self._given[0] = text

    def spend(self, effort: int) -> None:
        """Raises Exhausted when the script asks for more work than it is given."""
        self._spent += effort
        if self._spent > _EFFORT:
            raise Exhausted

    def _note(self, *texts: str) -> None:
        self._notes -= 50 + sum(map(len, texts))
        if self._notes < 0:
            raise Exhausted

    def match(self, pattern: str, text: str) -> bool | None:
        """Whether a pattern of the shell matches."""
        self.spend(len(pattern) * len(text) // 4)
        return shell_patterns.matches(pattern, text)

    def keep(self, names: Iterable[str]) -> None:
        """Variables that are a function's own: the old ones come back when it ends."""
        for name in names if self._kept else ():
            self._kept[-1].setdefault(name, self.state.variables.get(name))

    # --------------------------------------------------------------- looking

    def lookup_value(self, name: str) -> Value | None:
        """A variable of whatever kind; None: not set."""
        if name in self.world.environment:
            self.asked.add(name)
        if name in self.state.variables:
            return self.state.variables[name]
        if name in ("BASH_SOURCE", "FUNCNAME", "PIPESTATUS", "DIRSTACK"):
            return [self.file] if name == "BASH_SOURCE" else UNKNOWN_PART
        found = personal(name)
        if found is None:
            self.asked.add(name)
        return found

    def lookup(self, name: str) -> str | None:
        """A parameter as a text; None: not set."""
        state = self.state
        if name.isdigit():
            return self._argument(int(name))
        if name in ("#", "?", "$", "!", "-", "@", "*"):
            if name == "#":
                return UNKNOWN_PART if state.arguments is None else str(len(state.arguments))
            if name == "?":
                return {True: "0", "done": "0"}.get(state.status, UNKNOWN_PART)
            return UNKNOWN_PART
        if name == "PWD":
            return state.folder
        if name == "LINENO":
            return UNKNOWN_PART
        value = self.lookup_value(name)
        if isinstance(value, list):
            return value[0] if value else None
        return value.get("0") if isinstance(value, dict) else value

    def _argument(self, number: int) -> str | None:
        if not number:
            return self.path
        values = self.state.arguments
        if values is None:
            return UNKNOWN_PART
        if number > len(values):
            self.beyond |= number > 1 and self._depth == 0
            return None
        return values[number - 1]

    def number_of(self, name: str) -> str | None:
        """A variable within an arithmetic expression: unset is 0."""
        return self.lookup(name) or "0"

    def expanded(self, text: str) -> str:
        """A text that stands in double quotes."""
        script = parse(f': "{text}"')
        first = script.lists[0].first.commands[0] if script.lists and not script.error else None
        word = first.words[1] if isinstance(first, Simple) and len(first.words) == 2 else None
        return self.expander.text(word) if isinstance(word, Word) else UNKNOWN_PART

    def exists(self, path: str) -> bool | None:
        """Whether a file or folder lies there when the command at hand runs."""
        if not path.startswith("/"):
            path = joined(self.state.folder, path)
        if UNKNOWN_PART in path:
            return None
        if within(path, self.state.made):
            return True if path in self.state.made else None
        found = self.world.files.exists(path)
        if found is not False:
            return found
        return None if self.state.opaque else False

    def is_folder(self, path: str) -> bool | None:
        """The same of a folder."""
        if path in self.state.made:
            return None
        return self.world.files.is_folder(path)

    def read(self, path: str) -> str | None:
        """The text of a file."""
        path = joined(self.state.folder, path)
        if UNKNOWN_PART in path or within(path, self.state.made):
            return None
        return self.world.files.text(path)

    def search(self, pattern: str, text: str) -> bool | None:
        """text =~ pattern, with BASH_REMATCH."""
        expression = shell_patterns.regular(pattern, basic=False, longest=len(text))
        self.spend(shell_patterns.effort(pattern, len(text)) // 20 if expression else 1)
        if expression is None or UNKNOWN_PART in text:
            self.state.variables["BASH_REMATCH"] = UNKNOWN_PART
            return None
        found = expression.search(text)
        groups = [found.group(), *(g or "" for g in found.groups())] if found else []
        self.state.variables["BASH_REMATCH"] = groups
        return found is not None

    # --------------------------------------------------------------- setting

    def assign(self, name: str, value: Value, place: Place | None = None) -> None:
        """Sets a variable; what is exported is seen by programs from now on."""
        self.state.variables[name] = value
        self.spend(len(value))
        if not isinstance(value, str) or place is None:
            return
        hangs = self.state.conditions
        self._note(name, value, *hangs)
        if name in self.state.exported or "a" in self.state.options:
            self.state.exported.add(name)
            self.wrote(EnvironmentWrite(name, value, place, not hangs, hangs))
        elif self._depth < DEEPEST:
            self.plain.append(PlainVariable(name, value, place, hangs))

    def wrote(self, row: EnvironmentWrite) -> None:
        """Keeps a write of the environment; a loop's same one once."""
        if row != next((w for w in reversed(self.writes) if w.name == row.name), None):
            self.writes.append(row)

    def export(self, name: str, place: Place) -> None:
        """What is set already is exported with the place of the export."""
        new = name not in self.state.exported
        self.state.exported.add(name)
        value = self.state.variables.get(name)
        if new and isinstance(value, str):
            hangs = self.state.conditions
            before = next((p for p in reversed(self.plain) if p.name == name), None)
            at = before.place if before and before.value == value else place
            self.wrote(EnvironmentWrite(name, value, at, not hangs, hangs))

    def unset(self, name: str, place: Place) -> None:
        """Takes a variable away."""
        self.state.variables.pop(name, None)
        if name in self.state.exported:
            self.state.exported.discard(name)
            hangs = self.state.conditions
            self.wrote(EnvironmentWrite(name, None, place, not hangs, hangs))

    def assignment(self, each: Assignment, line: int) -> None:
        """NAME=value as a command sets it."""
        self.assign(each.name, self._value(each), Place(self.file, line))

    def _value(self, each: Assignment) -> Value:
        old = self.state.variables.get(each.name)
        if isinstance(each.value, tuple) and not isinstance(each.value, Word):
            return self._array(each, old)
        text = self.expander.text(each.value)
        if each.key is not None:
            return self._element(each, old, text)
        if not each.appends:
            return text
        before = self.lookup(each.name) or ""
        return (before + text)[:_LONGEST]

    def _array(self, each: Assignment, old: Value | None) -> Value:
        words: tuple[Word, ...] = each.value  # type: ignore[assignment]
        items = self.expander.fields(words)
        keyed = isinstance(old, dict) or any(
            item.startswith("[") and "]=" in item for item in items
        )
        if keyed:
            pairs = (item[1:].partition("]=") for item in items if item.startswith("["))
            base = dict(old) if isinstance(old, dict) and each.appends else {}
            return {**base, **{key: value for key, _, value in pairs}}
        if each.appends:
            before = [old] if isinstance(old, str) else list(old or ())
            return [*before, *items][: TURNS * 10]
        return items

    def _element(self, each: Assignment, old: Value | None, text: str) -> Value:
        key = self.expanded(each.key or "").strip("\"'")
        if isinstance(old, dict) or not (key.isdigit() and int(key) < 1000):
            return {**(old if isinstance(old, dict) else {}), key: text}
        items = list(old) if isinstance(old, list) else [old] if isinstance(old, str) else []
        items += [""] * (int(key) + 1 - len(items))
        items[int(key)] = items[int(key)] + text if each.appends else text
        return items

    # ---------------------------------------------------------------- output

    def say(self, text: str | None) -> None:
        """What a command prints; None: unknown."""
        if self._out is not None:
            self._out.append(UNKNOWN_PART if text is None else text[:_LONGEST])

    def output_of(self, script: Script) -> str:
        """$(…)."""
        if script.error:
            return UNKNOWN_PART
        before, asks = self._out, self._asks
        self.spend(20 + len(self.state.variables))
        outer, self.state = self.state, self.state.copy()
        self._out, self._asks = [], True
        try:
            self.script(script)
        except Leave as leave:
            self.state.status = leave.status
        finally:
            text = "".join(self._out)
            status, self.state = self.state.status, outer
            self._out, self._asks = before, asks
        self.state.status = status
        return text.rstrip("\n")[:_LONGEST]

    def _captured(self, run: Callable[[], None]) -> str:
        before, self._out = self._out, []
        try:
            run()
            return "".join(self._out)
        finally:
            self._out = before

    # -------------------------------------------------------------- branches

    def fork(self, branches: Sequence[tuple[str, Callable[[], None]]]) -> None:
        """One of these is done, and nobody knows which."""
        self.spend(20 + len(self.state.variables))
        base, ends, left = self.state, list[State](), list[tuple[str, Leave]]()
        for text, run in branches:
            self.state = base.copy()
            self.state.hangs = (*base.hangs, text)
            try:
                run()
                ends.append(self.state)
            except Leave as leave:
                left.append((text, leave))
        for state in ends:
            state.hangs = base.hangs
        if not ends:
            self.state = base
            raise left[-1][1]
        self.state = merged(ends)
        for text, way in left:
            if way.kind == "exit" and way.status not in (True, "done"):
                continue  # it fails: what follows runs whenever the script gets through
            if way.kind != "return" or way.status is not False:
                self.state.left += ((way.kind, f"unless {text}"),)

    def maybe(self, text: str, run: Callable[[], None]) -> None:
        """This is done, or it is not."""
        self.fork([(text, run), (f"not: {text}", lambda: None)])

    def _scope(self, kinds: Sequence[str], before: tuple[tuple[str, str], ...]) -> None:
        """A loop's or function's end is where its own ways out lead."""
        added = self.state.left[len(before) :]
        self.state.left = before + tuple(row for row in added if row[0] not in kinds)

    def ends(self) -> Leave:
        """What ${NAME:?} does."""
        return Leave("exit", status=False)
