"""A file for each form in which a fleet's report is printed."""
