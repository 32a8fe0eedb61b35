"""SYM4xx: undefined symbols and missing libraries."""
