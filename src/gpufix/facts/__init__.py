"""Looks at the world. Each collector fills one section of Facts and reports what it could not see."""
