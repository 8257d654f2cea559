"""Shows which attributes go together: `correlations/` and `correlations/combo/`."""

from typing import Final

from exist_async.sandbox.calls import Call
from exist_async.sandbox.findings import Correlation
from exist_async.sandbox.pages import page_of
from exist_async.sandbox.replies import ApiError, Reply, json_reply

__all__ = ["list_correlations", "show_correlation"]

# Exist does not say from where on a correlation is a strong one, only that five stars are confident.
_STRONG: Final = 0.5
_CONFIDENT: Final = 5


def list_correlations(call: Call) -> Reply:
    """Answer `correlations/`: newest first, then strongest first."""
    strong, confident, name = call.flag("strong"), call.flag("confident"), call.parameter("attribute")
    wanted = [
        correlation
        for correlation in _readable(call)
        if (not strong or abs(correlation.value) >= _STRONG)
        and (not confident or correlation.stars == _CONFIDENT)
        and (not name or name in correlation.names)
    ]
    wanted.sort(key=lambda correlation: (correlation.date, abs(correlation.value)), reverse=True)
    return page_of(call, wanted, Correlation.shape)


def show_correlation(call: Call) -> Reply:
    """Answer `correlations/combo/`: the newest correlation of two attributes, named in any order.

    Raises:
        ApiError: 404 when there is none.
    """
    names = {call.parameter("attribute"), call.parameter("attribute2")}
    found = [one for one in _readable(call) if one.names == names]
    if not found:
        raise ApiError(json_reply({"error": "not_found"}, 404))
    return json_reply(max(found, key=lambda one: one.date).shape())


def _readable(call: Call) -> list[Correlation]:
    """Return what the read scopes reach, and for that one of the two attributes is enough, as documented."""
    may_read = call.token.may_read
    return [one for one in call.token.user.correlations if may_read(one.attribute) or may_read(one.attribute2)]
