"""What rules, fixes, recommendations and builds conclude from facts. Pure."""
