"""The command line: one file a command, each of which parses, calls, and sets the exit code."""
