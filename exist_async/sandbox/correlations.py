"""The correlation endpoints: `correlations/` and `correlations/combo/`."""

from typing import Final

from exist_async.sandbox.calls import Call
from exist_async.sandbox.findings import Correlation
from exist_async.sandbox.pagination import paginate
from exist_async.sandbox.replies import ApiError, Reply, json_reply

__all__ = ["get_correlation", "list_correlations"]

# Exist does not document the threshold of a strong correlation, only that confident ones have five stars.
_STRONG: Final = 0.5
_CONFIDENT: Final = 5


def list_correlations(call: Call) -> Reply:
    """Answer `correlations/`: newest first, then strongest first."""
    strong, confident, name = call.flag("strong"), call.flag("confident"), call.parameter("attribute")
    correlations = [
        correlation
        for correlation in _readable_correlations(call)
        if (not strong or abs(correlation.value) >= _STRONG)
        and (not confident or correlation.stars == _CONFIDENT)
        and (not name or name in correlation.names)
    ]
    correlations.sort(key=lambda correlation: (correlation.date, abs(correlation.value)), reverse=True)
    return paginate(call, correlations, Correlation.to_json)


def get_correlation(call: Call) -> Reply:
    """Answer `correlations/combo/`: the newest correlation of two attributes, named in any order.

    Raises:
        ApiError: 404 when there is none.
    """
    names = {call.parameter("attribute"), call.parameter("attribute2")}
    matches = [correlation for correlation in _readable_correlations(call) if correlation.names == names]
    if not matches:
        raise ApiError(json_reply({"error": "not_found"}, 404))
    return json_reply(max(matches, key=lambda correlation: correlation.date).to_json())


def _readable_correlations(call: Call) -> list[Correlation]:
    """Return the correlations of which the token may read at least one attribute, as documented."""
    may_read = call.token.may_read
    return [
        correlation
        for correlation in call.token.user.correlations
        if may_read(correlation.attribute) or may_read(correlation.attribute2)
    ]
