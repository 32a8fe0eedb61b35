"""Clean root file systems in which the README's commands are tried (tools/fresh.py)."""
