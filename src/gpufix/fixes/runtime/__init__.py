"""Run-time variables and back ends."""
