"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# No test measures time: a busy machine is no reason to fail. All else stays as Hypothesis has it.
settings.register_profile("untimed", settings(deadline=None))
settings.load_profile("untimed")
