"""Names and untrusted text, made comparable and fit for display."""
