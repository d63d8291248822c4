"""How often one client may ask for predictions."""

from __future__ import annotations

from labeling.api.throttling import SteadyThrottle


class PredictThrottle(SteadyThrottle):
    """Requests to predict, by user or address (`LARDER_RATE_PREDICT`)."""

    scope = "predict"
