"""The Attio sandbox: its settings, its tokens and its workspace."""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Unpack
from uuid import uuid4

from exist_async.sandbox.attio.app import App, reply_headers
from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.errors import attio_error_body
from exist_async.sandbox.attio.options import Option, Status
from exist_async.sandbox.attio.reading import MAX_PAGE_SIZE
from exist_async.sandbox.attio.seeding import AttributeFields, require_attribute, require_object_or_list, seed_attribute
from exist_async.sandbox.attio.standard_objects import add_standard_objects
from exist_async.sandbox.attio.targets import ObjectOrList, Target
from exist_async.sandbox.attio.tokens import TokenRegistry
from exist_async.sandbox.attio.workspace import Workspace
from exist_async.sandbox.base import BaseSandbox, utc_now
from exist_async.sandbox.middleware import Middleware
from exist_async.sandbox.throttle import Throttle, validate_limit

__all__ = ["AttioSandbox"]

# Attio's own limits, in requests per second.
_READ_LIMIT, _WRITE_LIMIT = 100, 25


class AttioSandbox(BaseSandbox):
    """An in-memory Attio server with the attributes of objects and lists, and a token that may read and write.

    It contains the objects `people`, `companies` and `deals` and the lists `sales` and `hiring`. Each has system
    attributes, which can't be updated, such as `name`. Among the custom attributes, `lead_source` of people has
    options, one of them archived; `old_score` of people is archived; `annual_revenue` of companies is a currency;
    `advisers` of companies is a record reference; and `stage` of sales has statuses.

    Attributes:
        latency: Seconds that each request waits before it is handled.
        token: Access token that may read and write.
        workspace_id: UUID of the workspace.
        currencies: Valid currency codes, initially the documented ones; more may be added at any time.
    """

    def __init__(
        self,
        *,
        latency: float = 0.0,
        rate_limited: bool = False,
        read_limit: int | None = None,
        write_limit: int | None = None,
        page_size: int | None = None,
        token: str = "sandbox-token",  # noqa: S107  (valid for this sandbox only)
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        """Create a sandbox.

        Args:
            latency: Seconds that each request waits before it is handled.
            rate_limited: Whether Attio's own limits apply: 100 reads and 25 writes per token in any second.
            read_limit: Reads per token in any second; None for Attio's own limit if `rate_limited`, otherwise no limit.
            write_limit: Writes per token in any second; None as for `read_limit`.
            page_size: Maximum and default number of attributes on a page. With None the default is 50 and the maximum
                500; Attio documents neither.
            token: Access token that may read and write.
            clock: Monotonic clock in seconds, for the rate limits.
            now: Returns the current time, in any time zone, for times of creation and for Retry-After.

        Raises:
            ValueError: A number is out of range.
        """
        if page_size is not None and not 1 <= page_size <= MAX_PAGE_SIZE:
            raise ValueError(f"page_size must be from 1 to {MAX_PAGE_SIZE}, or None, not {page_size}")
        reads, writes = (_READ_LIMIT, _WRITE_LIMIT) if rate_limited else (None, None)
        self._reads = Throttle(validate_limit(reads if read_limit is None else read_limit, "read_limit"), clock, 1.0)
        self._writes = Throttle(
            validate_limit(writes if write_limit is None else write_limit, "write_limit"), clock, 1.0
        )
        self._workspace = Workspace(now)
        self._tokens = TokenRegistry()
        self.currencies = self._workspace.currencies
        self.workspace_id = self._workspace.id
        self.token = self.issue_token(token=token)
        add_standard_objects(self._workspace)
        middleware = Middleware(now, reply_headers=partial(reply_headers, now))
        app = App(self._workspace, self._tokens, self._reads, self._writes, middleware, page_size, now)
        super().__init__(app, middleware, attio_error_body, latency)

    @property
    def read_limit(self) -> int | None:
        """Reads per token in any second, or None for no limit; may be set at any time."""
        return self._reads.limit

    @read_limit.setter
    def read_limit(self, reads: int | None) -> None:
        self._reads.limit = validate_limit(reads, "read_limit")

    @property
    def write_limit(self) -> int | None:
        """Writes per token in any second, or None for no limit; may be set at any time."""
        return self._writes.limit

    @write_limit.setter
    def write_limit(self, writes: int | None) -> None:
        self._writes.limit = validate_limit(writes, "write_limit")

    def issue_token(self, *, read_only: bool = False, token: str | None = None) -> str:
        """Issue an access token, for the header `Authorization: Bearer …`.

        Args:
            read_only: Whether it lacks the scopes to create and update.
            token: Value of the token; random by default.

        Raises:
            ValueError: The token is in use.
        """
        return self._tokens.issue_token(token, read_only=read_only).value

    # Content of the workspace

    def add_object(self, slug: str) -> ObjectOrList:
        """Add an object without attributes.

        Raises:
            ValueError: The slug is empty, or in use.
        """
        return self._workspace.add_object_or_list("objects", slug)

    def add_list(self, slug: str) -> ObjectOrList:
        """Add a list without attributes.

        Raises:
            ValueError: The slug is empty, or in use.
        """
        return self._workspace.add_object_or_list("lists", slug)

    def add_attribute(
        self,
        target: Target,
        identifier: str,
        *,
        title: str,
        api_slug: str,
        type: str,  # noqa: A002  (the name in the API)
        **fields: Unpack[AttributeFields],
    ) -> Attribute:
        """Add an attribute to an object or a list directly, without the restrictions of the API.

        Args:
            target: "objects" or "lists".
            identifier: Slug or UUID of the object or list.
            title: Display name.
            api_slug: Slug of the attribute in paths.
            type: Type; those that can't be created or that Attio does not define are allowed.
            **fields: Other fields, see `AttributeFields`.

        Returns:
            The attribute; its fields may be set later.

        Raises:
            ValueError: The object or list, or one in the config, does not exist, or the slug is in use.
        """
        parent = require_object_or_list(self._workspace, target, identifier)
        return seed_attribute(self._workspace, parent, title, api_slug, type, fields)

    def add_option(
        self, target: Target, identifier: str, attribute: str, title: str, *, is_archived: bool = False
    ) -> Option:
        """Add an option to a select attribute, given by slug or UUID.

        Raises:
            ValueError: The attribute does not exist, or is not a select attribute.
        """
        found = self._require_type("select", target, identifier, attribute)
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
        """Add a status to a status attribute, given by slug or UUID; the target time is an ISO-8601 duration.

        Raises:
            ValueError: The attribute does not exist, or is not a status attribute.
        """
        found = self._require_type("status", target, identifier, attribute)
        status = Status(str(uuid4()), title, is_archived, celebration_enabled, target_time_in_status)
        found.statuses.append(status)
        return status

    def attributes(self, target: Target, identifier: str) -> Sequence[Attribute]:
        """Return the attributes of an object or list in order of creation, archived ones included.

        Raises:
            ValueError: The object or list does not exist.
        """
        return list(self._workspace.attributes(require_object_or_list(self._workspace, target, identifier)))

    def attribute(self, target: Target, identifier: str, attribute: str) -> Attribute:
        """Return an attribute, archived or not, by its slug or UUID; its fields may be set.

        Raises:
            ValueError: The attribute, or its object or list, does not exist.
        """
        return require_attribute(self._workspace, target, identifier, attribute)

    def _require_type(self, type_: str, target: Target, identifier: str, attribute: str) -> Attribute:
        found = self.attribute(target, identifier, attribute)
        if found.type != type_:
            raise ValueError(f"attribute {attribute!r} has the type {found.type!r}, not {type_!r}")
        return found
