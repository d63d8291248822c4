"""Measurements of the real product. Each compares with a floor or a contender in the same run."""
