"""One fix, one file. A fix turns a finding into a plan, or says why it has none."""
