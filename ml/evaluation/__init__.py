"""Honest numbers: metrics with intervals, splits by group, comparison tests. Pure NumPy."""
