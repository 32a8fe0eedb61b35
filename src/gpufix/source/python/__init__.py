"""Python sources as plain facts, and edits of them."""
