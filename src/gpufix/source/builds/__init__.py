"""Build files run abstractly: what each would do in a given world. Nothing is executed."""
