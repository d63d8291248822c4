"""A budget is a hard stop (rule 8): device seconds, their price, and the month's limit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from labeling.selectors import projects
from ml.errors import MlError
from ml.selectors import spending

if TYPE_CHECKING:
    from datetime import datetime

    from labeling.selectors.projects import ProjectRow

SECONDS_AN_HOUR = Decimal(3600)


class BudgetExhaustedError(MlError):
    """The month's training budget is spent; nothing is started and what runs is stopped."""

    code = "budget_exhausted"
    status = 409


def cost(project: ProjectRow, seconds: float) -> Decimal:
    """Price device seconds, a CPU's too, at the project's price an hour."""
    price = Decimal(str(seconds)) * project.price_per_device_hour / SECONDS_AN_HOUR
    return price.quantize(Decimal("0.0001"))


def left(project: ProjectRow, *, now: datetime, except_run: int | None = None) -> Decimal:
    """Give what may still be spent this month; never below 0."""
    spent = spending.this_month(project, now=now, except_run=except_run)
    return max(Decimal(0), project.monthly_budget - spent)


def check(project_id: int, *, now: datetime) -> Decimal:
    """Give what is left, or refuse.

    Raises:
        BudgetExhaustedError: nothing is left this month.
    """
    project = projects.by_id(project_id)
    rest = left(project, now=now)
    if rest <= 0:
        raise BudgetExhaustedError(
            f"This month's training budget of {project.monthly_budget} is spent; raise it in the "
            f"project's settings, or wait until next month.",
            monthly_budget=str(project.monthly_budget),
        )
    return rest
