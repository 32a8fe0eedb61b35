"""One rule, one code, one file. See registry.py for how a rule is written and found."""
