"""The sandbox of Attio: one workspace, its tokens, and the knobs to turn."""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Unpack
from uuid import uuid4

from exist_async.sandbox.attio.app import App, stamp
from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.choices import Option, Status
from exist_async.sandbox.attio.furniture import furnish
from exist_async.sandbox.attio.holders import Holder, Target
from exist_async.sandbox.attio.reading import LARGEST_PAGE
from exist_async.sandbox.attio.refusals import plain
from exist_async.sandbox.attio.seeding import AttributeFields, attribute_of, holder_of, seed_attribute
from exist_async.sandbox.attio.tokens import Tokens
from exist_async.sandbox.attio.workspace import Workspace
from exist_async.sandbox.harness import Harness
from exist_async.sandbox.intake import Intake
from exist_async.sandbox.throttle import Throttle, checked_limit

__all__ = ["AttioSandbox"]

_READS, _WRITES = 100, 25


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class AttioSandbox(Harness):
    """An Attio in memory: the attributes of its objects and lists, and a token that reads and writes.

    It begins with the objects `people`, `companies` and `deals` and the lists `sales` and `hiring`. Each has system
    attributes, which can't be updated, such as `name`. Of the others `lead_source` of people has options, one of them
    archived, `old_score` of people is archived, `annual_revenue` of companies is a currency, `advisers` of companies a
    record reference, and `stage` of sales has statuses.

    Attributes:
        latency: Seconds that every request waits before it is handled.
        token: The access token that reads and writes.
        workspace_id: The UUID of the workspace.
        currencies: The currency codes that can be set, those of the documentation; more may be added at any time.
    """

    def __init__(
        self,
        *,
        latency: float = 0.0,
        rate_limited: bool = False,
        read_limit: int | None = None,
        write_limit: int | None = None,
        page_size: int | None = None,
        token: str = "sandbox-token",  # noqa: S107  (it opens nothing but this)
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = _utc_now,
    ) -> None:
        """Set up an Attio.

        Args:
            latency: Seconds that every request waits before it is handled.
            rate_limited: Whether a token has Attio's own limits, 100 reads and 25 writes in any second.
            read_limit: Reads that a token has in any second instead; None for Attio's own limit or none.
            write_limit: Writes that a token has in any second instead; None for Attio's own limit or none.
            page_size: Attributes on a page, however many more are asked for; by default it is 50 unless the caller says
                otherwise, 500 at most. Attio documents neither.
            token: The access token that reads and writes.
            clock: Seconds, by which the limits are counted.
            now: The moment, in any time zone, at which attributes are created, and from which waits are counted.

        Raises:
            ValueError: A number is out of its range.
        """
        if page_size is not None and not 1 <= page_size <= LARGEST_PAGE:
            raise ValueError(f"page_size must be from 1 to {LARGEST_PAGE}, or None, not {page_size}")
        reads, writes = (_READS, _WRITES) if rate_limited else (None, None)
        self._reads = Throttle(checked_limit(reads if read_limit is None else read_limit, "read_limit"), clock, 1.0)
        self._writes = Throttle(
            checked_limit(writes if write_limit is None else write_limit, "write_limit"), clock, 1.0
        )
        self._workspace = Workspace(now)
        self._tokens = Tokens()
        self.currencies = self._workspace.currencies
        self.workspace_id = self._workspace.id
        self.token = self.issue_token(token=token)
        furnish(self._workspace)
        intake = Intake(stamp=partial(stamp, now))
        app = App(self._workspace, self._tokens, self._reads, self._writes, intake, page_size, now)
        super().__init__(app, intake, plain, latency)

    @property
    def read_limit(self) -> int | None:
        """Reads that a token has in any second, or None; may be set at any time."""
        return self._reads.limit

    @read_limit.setter
    def read_limit(self, reads: int | None) -> None:
        self._reads.limit = checked_limit(reads, "read_limit")

    @property
    def write_limit(self) -> int | None:
        """Writes that a token has in any second, or None; may be set at any time."""
        return self._writes.limit

    @write_limit.setter
    def write_limit(self, writes: int | None) -> None:
        self._writes.limit = checked_limit(writes, "write_limit")

    def issue_token(self, *, read_only: bool = False, token: str | None = None) -> str:
        """Return an access token, for the header `Authorization: Bearer …`.

        Args:
            read_only: Whether it lacks the scopes to create and update.
            token: The token itself; made up by default.

        Raises:
            ValueError: The token is taken.
        """
        return self._tokens.issue(token, read_only=read_only).value

    # What there is

    def add_object(self, slug: str) -> Holder:
        """Add an object without attributes.

        Raises:
            ValueError: The slug is empty, or taken.
        """
        return self._workspace.add_holder("objects", slug)

    def add_list(self, slug: str) -> Holder:
        """Add a list without attributes.

        Raises:
            ValueError: The slug is empty, or taken.
        """
        return self._workspace.add_holder("lists", slug)

    def add_attribute(
        self,
        target: Target,
        identifier: str,
        *,
        title: str,
        api_slug: str,
        type: str,  # noqa: A002  (the API's own word)
        **fields: Unpack[AttributeFields],
    ) -> Attribute:
        """Give an object or a list an attribute, past the API and its rules.

        Args:
            target: "objects" or "lists".
            identifier: The slug or UUID of the object or list.
            title: What people read.
            api_slug: What stands in paths.
            type: Also one that can't be created, or that Attio does not have yet.
            **fields: The rest, see `AttributeFields`.

        Returns:
            The attribute, whose fields may be set later.

        Raises:
            ValueError: There is no such object or list, also in the config, or the slug is taken.
        """
        holder = holder_of(self._workspace, target, identifier)
        return seed_attribute(self._workspace, holder, title, api_slug, type, fields)

    def add_option(
        self, target: Target, identifier: str, attribute: str, title: str, *, is_archived: bool = False
    ) -> Option:
        """Give a select attribute, named by slug or UUID, an option.

        Raises:
            ValueError: There is no such attribute, or it is no select.
        """
        found = self._of_type("select", target, identifier, attribute)
        option = Option(str(uuid4()), title, is_archived)
        found.options.append(option)
        return option

    def add_status(
        self,
        target: Target,
        identifier: str,
        attribute: str,
        title: str,
        *,
        is_archived: bool = False,
        celebration_enabled: bool = False,
        target_time_in_status: str | None = None,
    ) -> Status:
        """Give a status attribute, named by slug or UUID, a status; its target time is an ISO-8601 duration.

        Raises:
            ValueError: There is no such attribute, or it is no status.
        """
        found = self._of_type("status", target, identifier, attribute)
        status = Status(str(uuid4()), title, is_archived, celebration_enabled, target_time_in_status)
        found.statuses.append(status)
        return status

    def attributes(self, target: Target, identifier: str) -> Sequence[Attribute]:
        """Return the attributes of an object or list in the order of their creation, archived ones included.

        Raises:
            ValueError: There is no such object or list.
        """
        return list(self._workspace.attributes(holder_of(self._workspace, target, identifier)))

    def attribute(self, target: Target, identifier: str, attribute: str) -> Attribute:
        """Return an attribute, archived or not, by its slug or UUID; its fields may be set.

        Raises:
            ValueError: There is none, or no such object or list.
        """
        return attribute_of(self._workspace, target, identifier, attribute)

    def _of_type(self, type_: str, target: Target, identifier: str, attribute: str) -> Attribute:
        found = self.attribute(target, identifier, attribute)
        if found.type != type_:
            raise ValueError(f"The attribute {attribute!r} is of the type {found.type!r}, not {type_!r}")
        return found
