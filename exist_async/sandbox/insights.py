"""Lists what stands out in a user's data: `insights/`."""

from datetime import date

from exist_async.sandbox.calls import Call
from exist_async.sandbox.days import day_parameter, number_parameter
from exist_async.sandbox.findings import Insight
from exist_async.sandbox.pages import page_of
from exist_async.sandbox.replies import Reply

__all__ = ["list_insights"]


def list_insights(call: Call) -> Reply:
    """Answer `insights/`: those about attributes that the read scopes reach, newest first."""
    earliest, latest = day_parameter(call, "date_min") or date.min, day_parameter(call, "date_max") or date.max
    priority = number_parameter(call, "priority", 1, 4)
    wanted = [
        insight
        for insight in call.token.user.insights
        if call.token.may_read(insight.attribute)
        and earliest <= insight.day <= latest
        and (priority is None or insight.priority == priority)
    ]
    wanted.sort(key=lambda insight: (insight.created, insight.day), reverse=True)
    return page_of(call, wanted, Insight.shape)
