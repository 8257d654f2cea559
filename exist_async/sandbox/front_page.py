"""The front page of the Exist sandbox at `/`: how to connect, one user's attributes, the requests, and the services."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Final

import attrs

from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.calls import PublicCall
from exist_async.sandbox.groups import Group
from exist_async.sandbox.html_pages import MAX_USERS_LISTED, html_reply
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.request_rows import read_request_log
from exist_async.sandbox.sparklines import VIEW_BOX, Sparkline, draw_sparkline
from exist_async.sandbox.value_text import format_value, shorten
from exist_async.sandbox.value_types import describe_value_type

__all__ = ["show_front_page"]

# A page of more would take seconds to make, and nobody reads it.
_ATTRIBUTES_SHOWN: Final = 1_000
_SERVICES_SHOWN: Final = 100

_VALUE_SHOWN: Final = 80


@attrs.frozen
class _AttributeRow:
    """An attribute as a row of text, with its chart.

    Attributes:
        value: The last value in everyday units; None without a value.
        is_text: Whether the last value is a text, which needs more space than a number.
        day: Day of the last value.
        sparkline: Chart of the last 30 days, or None when they have no numbers.
    """

    label: str
    name: str
    active: bool
    value_type: str
    owner: str | None
    value: str | None
    is_text: bool
    day: date | None
    sparkline: Sparkline | None


@attrs.frozen
class _GroupRows:
    """A group and the rows of its attributes."""

    group: Group
    rows: Sequence[_AttributeRow]


def show_front_page(call: PublicCall) -> Reply:
    """Answer `/`, or `/?user=…` for a user other than the first, without secrets; 404 for an unknown user."""
    users, services = call.state.users, call.state.services
    username = call.request.query_params.get("user")
    user = users[0] if username is None else call.state.user(username)
    shown: Sequence[Attribute] = [] if user is None else user.attributes[:_ATTRIBUTES_SHOWN]
    now = call.settings.now()
    return html_reply(
        "front_page.html",
        404 if user is None else 200,
        url=str(call.request.base_url).rstrip("/"),
        user=user,
        username=username,
        users=users,
        max_users_listed=MAX_USERS_LISTED,
        groups=[] if user is None else _group_rows(shown, user.local_time(now).date()),
        attributes_shown=len(shown),
        view_box=VIEW_BOX,
        services=services[:_SERVICES_SHOWN],
        services_left=len(services[_SERVICES_SHOWN:]),
        log=read_request_log(call.recorder, now),
    )


def _group_rows(attributes: Sequence[Attribute], today: date) -> list[_GroupRows]:
    # Attributes are sorted by group.
    groups = groupby(attributes, key=lambda attribute: attribute.group)
    return [_GroupRows(group, [_to_row(attribute, today) for attribute in rows]) for group, rows in groups]


def _to_row(attribute: Attribute, today: date) -> _AttributeRow:
    history, value_type = attribute.history, attribute.value_type
    value = None if history.last is None else history.by_day[history.last]
    return _AttributeRow(
        label=attribute.label,
        name=attribute.name,
        active=attribute.active,
        value_type=describe_value_type(value_type),
        owner=None if attribute.service is None else attribute.service.label,
        value=None if value is None else shorten(format_value(value, value_type), _VALUE_SHOWN),
        is_text=isinstance(value, str),
        day=history.last,
        sparkline=draw_sparkline(history.by_day, value_type, today),
    )
