"""Distributions of pip and packages of conda."""
