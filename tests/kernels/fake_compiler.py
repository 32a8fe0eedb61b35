"""A stand-in for nvcc: an executable that logs each call and does as a file beside it says."""

from __future__ import annotations

from pathlib import Path

from programs import write_program

SCRIPT = """\
import os, sys, time
here = {here!r}
if sys.argv[1:] == ["--version"]:
    print(open(here + "/version").read())
    sys.exit(0)
with open(here + "/calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
behaviour = open(here + "/behaviour").read()
source = [a for a in sys.argv if a.endswith(".cu")][0]
if behaviour == "hang":
    time.sleep(600)
if behaviour == "crash":
    os.abort()
if behaviour == "fail:" + os.path.basename(source):
    print(source + "(3): error: identifier is undefined", file=sys.stderr)
    sys.exit(2)
if behaviour == "nothing":
    sys.exit(0)
output = sys.argv[sys.argv.index("-o") + 1]
with open(output, "w") as program:
    program.write("#!/bin/sh\\necho built\\n")
os.chmod(output, 0o755)
"""


class FakeCompiler:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "nvcc"
        write_program(self.path, SCRIPT.format(here=str(folder)))
        (folder / "calls").write_text("")
        self.version("fake nvcc 1.0")
        self.behave("work")

    def version(self, text: str) -> None:
        (self.folder / "version").write_text(text)

    def behave(self, how: str) -> None:
        (self.folder / "behaviour").write_text(how)

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()
