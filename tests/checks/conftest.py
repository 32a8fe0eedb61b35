"""Lets the tests in this folder's families import `builders`, `rows` and `source_tree`."""

import pytest

pytest.register_assert_rewrite("rows")  # what a fault differs in is shown
