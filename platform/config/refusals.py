"""What is logged of requests that were refused, as against requests that failed."""

from __future__ import annotations

import logging

FAILED = 500


class Refused(logging.Filter):
    """Let an answer under 500 be no warning: who asked has been told, and nothing is to be mended.

    A page that looks whether somebody is signed in is refused by design. The line stays in the log
    of the web process, and `make run` repeats warnings and errors only.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record; what Django warns of a refused request becomes information."""
        status = getattr(record, "status_code", None)
        if record.name == "django.request" and isinstance(status, int) and status < FAILED:
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True
