"""The insights endpoint: `insights/`."""

from datetime import date

from exist_async.sandbox.calls import Call
from exist_async.sandbox.findings import Insight
from exist_async.sandbox.pagination import paginate
from exist_async.sandbox.replies import Reply

__all__ = ["list_insights"]


def list_insights(call: Call) -> Reply:
    """Answer `insights/`: those about readable attributes, newest first."""
    earliest, latest = call.date_parameter("date_min") or date.min, call.date_parameter("date_max") or date.max
    priority = call.integer_parameter("priority", 1, 4)
    insights = [
        insight
        for insight in call.token.user.insights
        if call.token.may_read(insight.attribute)
        and earliest <= insight.day <= latest
        and (priority is None or insight.priority == priority)
    ]
    insights.sort(key=lambda insight: (insight.created, insight.day), reverse=True)
    return paginate(call, insights, Insight.to_json)
