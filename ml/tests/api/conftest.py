"""The same kitchen as the tests of serving."""

from ml.tests.serving.conftest import _fresh_process_memory, kitchen, served

__all__ = ["_fresh_process_memory", "kitchen", "served"]
