"""The resource `exist.attributes`: lists, creates, acquires and releases attributes."""

from collections.abc import Iterable
from typing import Any, Literal, TypeVar, overload

from attrs import evolve

from exist_async._checks import check_text
from exist_async._http.call import encode_query
from exist_async.attributes import ensure, writes
from exist_async.attributes.models import Attribute, AttributeEcho, AttributeTemplate
from exist_async.attributes.requests import Acquirable, ByName, Creatable, Ensurable
from exist_async.batch.items import Items
from exist_async.batch.journal import WriteJournal
from exist_async.batch.matching import Reply
from exist_async.batch.operation import OnOutcome, WriteOperation
from exist_async.batch.writes import write
from exist_async.errors import ConfigurationError
from exist_async.outcomes import BatchResult
from exist_async.paging import LARGEST_PAGE, NumberedPaginator, PageBody, Paginator
from exist_async.resource import ROOT, Resource, encode_filters

I = TypeVar("I")  # noqa: E741  (the letter for an item, as T is for an answer)


class Attributes(Resource):
    """The user's attributes, and Exist's templates for them.

    A service must own an attribute to write values of it: it creates or acquires the attribute once.

    `create`, `acquire`, `release` and `ensure` send their items concurrently, up to 35 in a request. They call
    `on_outcome` with each outcome as requests end, and return one outcome for each item, in the order given. A wrong
    item raises ConfigurationError, before anything is sent if the items are a sequence. If items were not answered, the
    ExistAsyncError that is raised has all outcomes in its `result`.
    """

    __slots__ = ()

    def templates(
        self, *, groups: Iterable[str] | None = None, include_low_priority: bool = False, page_size: int = LARGEST_PAGE
    ) -> Paginator[AttributeTemplate]:
        """List Exist's templates.

        Args:
            groups: Only templates in these groups.
            include_low_priority: Whether to include those of priority 10 and more.
            page_size: Number of results to request in a page, 1 to 100.
        """
        params = encode_filters(lists={"groups": groups}, flags={"include_low_priority": include_low_priority})
        path = f"{ROOT}attributes/templates/"
        return NumberedPaginator(self._session, path, params, PageBody[AttributeTemplate], page_size)

    def list(
        self,
        *,
        groups: Iterable[str] | None = None,
        attributes: Iterable[str] | None = None,
        exclude_custom: bool = False,
        manual: bool | None = None,
        include_inactive: bool = False,
        include_low_priority: bool = False,
        owned: bool = False,
        page_size: int = LARGEST_PAGE,
    ) -> Paginator[Attribute]:
        """List the user's attributes in the groups that the token may read.

        Args:
            groups: Only attributes in these groups.
            attributes: Only those with these names. At times, Exist has ignored this: compare the names if it matters.
            exclude_custom: Whether to omit attributes without a template.
            manual: True for only those entered by hand, False for only the others.
            include_inactive: Whether to include attributes that the user does not track now.
            include_low_priority: Whether to include those of priority 10 and more.
            owned: Whether to list only those that this service owns; the older form of `owned()`.
            page_size: Number of results to request in a page, 1 to 100.
        """
        flags = {
            "exclude_custom": exclude_custom,
            "include_inactive": include_inactive,
            "include_low_priority": include_low_priority,
            "owned": owned,
        }
        params = encode_filters(lists={"groups": groups, "attributes": attributes}, flags=flags, manual=manual)
        return NumberedPaginator(self._session, f"{ROOT}attributes/", params, PageBody[Attribute], page_size)

    def owned(
        self,
        *,
        groups: Iterable[str] | None = None,
        attributes: Iterable[str] | None = None,
        exclude_custom: bool = False,
        manual: bool | None = None,
        include_inactive: bool = False,
        include_low_priority: bool = False,
        page_size: int = LARGEST_PAGE,
    ) -> Paginator[Attribute]:
        """List the attributes that this service owns, which also works without read scopes.

        The arguments are those of `list()`: inactive attributes, and those of priority 10 and more, are omitted by
        default.
        """
        flags = {
            "exclude_custom": exclude_custom,
            "include_inactive": include_inactive,
            "include_low_priority": include_low_priority,
        }
        params = encode_filters(lists={"groups": groups, "attributes": attributes}, flags=flags, manual=manual)
        return NumberedPaginator(self._session, f"{ROOT}attributes/owned/", params, PageBody[Attribute], page_size)

    async def get(self, name: str) -> Attribute | None:
        """Return the user's attribute with this name, which may be inactive or of low priority, or None."""
        check_text("name", name)
        if "," in name:
            raise ConfigurationError(f"name {name!r} contains a comma, which no attribute's name does")
        listing = Attributes(self._session.with_deadline())
        async for attribute in listing.list(attributes=[name], include_inactive=True, include_low_priority=True):
            if attribute.name == name:
                return attribute
        return None

    @overload
    async def create(
        self,
        items: Items[str | Creatable],
        *,
        success_objects: Literal[True] = True,
        on_outcome: OnOutcome[Creatable, Attribute] = None,
        journal: WriteJournal | None = None,
    ) -> BatchResult[Creatable, Attribute]: ...
    @overload
    async def create(
        self,
        items: Items[str | Creatable],
        *,
        success_objects: Literal[False],
        on_outcome: OnOutcome[Creatable, AttributeEcho] = None,
        journal: WriteJournal | None = None,
    ) -> BatchResult[Creatable, AttributeEcho]: ...
    @overload
    async def create(
        self,
        items: Items[str | Creatable],
        *,
        success_objects: bool,
        on_outcome: OnOutcome[Creatable, Attribute | AttributeEcho] = None,
        journal: WriteJournal | None = None,
    ) -> BatchResult[Creatable, Attribute | AttributeEcho]: ...
    async def create(
        self,
        items: Items[str | Creatable],
        *,
        success_objects: bool = True,
        on_outcome: Any = None,
        journal: WriteJournal | None = None,
    ) -> BatchResult[Creatable, Any]:
        """Create attributes that the user does not have. This service then owns them.

        If the user already has an attribute with the template or label, the item is refused, most likely as `exists`;
        `ensure()` handles that.

        Args:
            items: Templates, as names or ByTemplate, and CustomAttributes; any number.
            success_objects: Whether the outcomes have whole attributes as values, or only echoes of the items.
            on_outcome: Called with each outcome.
            journal: A `Journal`, with which the same call goes on where an earlier one stopped. Items that were being
                sent when a program ended are `unknown`, and are not sent again: `ensure()` finds out about them.
        """
        operation = _with_flags(writes.CREATE, success_objects=success_objects)
        return await write(self._session, operation, items, on_outcome, journal)

    @overload
    async def acquire(
        self,
        items: Items[str | Acquirable],
        *,
        success_objects: Literal[True] = True,
        allow_user_defined: bool = False,
        on_outcome: OnOutcome[Acquirable, Attribute] = None,
        journal: WriteJournal | None = None,
    ) -> BatchResult[Acquirable, Attribute]: ...
    @overload
    async def acquire(
        self,
        items: Items[str | Acquirable],
        *,
        success_objects: Literal[False],
        allow_user_defined: bool = False,
        on_outcome: OnOutcome[Acquirable, AttributeEcho] = None,
        journal: WriteJournal | None = None,
    ) -> BatchResult[Acquirable, AttributeEcho]: ...
    @overload
    async def acquire(
        self,
        items: Items[str | Acquirable],
        *,
        success_objects: bool,
        allow_user_defined: bool = False,
        on_outcome: OnOutcome[Acquirable, Attribute | AttributeEcho] = None,
        journal: WriteJournal | None = None,
    ) -> BatchResult[Acquirable, Attribute | AttributeEcho]: ...
    async def acquire(
        self,
        items: Items[str | Acquirable],
        *,
        success_objects: bool = True,
        allow_user_defined: bool = False,
        on_outcome: Any = None,
        journal: WriteJournal | None = None,
    ) -> BatchResult[Acquirable, Any]:
        """Make this service the owner of attributes, also of those that another service owns.

        If the user does not have an attribute, it is created if acquired by template, and refused if by name. Inform
        your users before: Exist does not ask them.

        Args:
            items: Templates, as names or ByTemplate, and attributes as ByName; any number.
            success_objects: Whether the outcomes have whole attributes as values, or only echoes of the items.
            allow_user_defined: The older API's flag for acquiring attributes without a template by their name.
            on_outcome: Called with each outcome.
            journal: A `Journal`, with which the same call goes on where an earlier one stopped.
        """
        operation = _with_flags(writes.ACQUIRE, success_objects=success_objects, allow_user_defined=allow_user_defined)
        return await write(self._session, operation, items, on_outcome, journal)

    async def release(
        self,
        items: Items[str | ByName | Attribute],
        *,
        on_outcome: OnOutcome[ByName, AttributeEcho] = None,
        journal: WriteJournal | None = None,
    ) -> BatchResult[ByName, AttributeEcho]:
        """Give attributes back: another service that can provide them becomes the owner, or they become inactive.

        Attributes that this service does not own are refused as `unauthorised`.

        Args:
            items: Attributes, or their names; any number. A listing is read to its end before anything is sent.
            on_outcome: Called with each outcome.
            journal: A `Journal`, with which the same call goes on where an earlier one stopped.
        """
        if isinstance(items, Paginator):
            # Released attributes disappear from the listing, so its pages would shift while they are read.
            items = await items.collect()
        return await write(self._session, writes.RELEASE, items, on_outcome, journal)

    async def ensure(
        self,
        items: Items[str | Ensurable],
        *,
        on_outcome: OnOutcome[Ensurable, Attribute] = None,
        journal: WriteJournal | None = None,
    ) -> BatchResult[Ensurable, Attribute]:
        """Create or acquire the attributes that this service does not own yet: safe to call at every start.

        Attributes that it owns are not changed, unless they are inactive or have another `manual` than the item: these
        are acquired again. Others are acquired if given by template or name. A custom attribute is looked up by its
        label among the owned, and else created; if it is not certain that this created it, the attribute with its label
        is looked up among all, and acquired. If that has another value type, the item is refused as `exists`.

        Labels are equal if they look the same: differences in case, in spaces, in the composition of characters and in
        invisible characters don't count.

        Args:
            items: Templates, as names or ByTemplate, attributes as ByName, and CustomAttributes; any number. They are
                read to their end before anything is sent.
            on_outcome: Called with each outcome.
            journal: A `Journal`, from which the outcomes of an earlier call come. The others are looked up again.
        """
        session = self._session.with_deadline()
        owned = Attributes(session).owned(include_inactive=True, include_low_priority=True)
        everything = Attributes(session).list(include_inactive=True, include_low_priority=True)
        return await ensure.ensure(session, items, owned, everything, on_outcome, journal)


def _with_flags(operation: WriteOperation[I, Any], *, success_objects: bool, **flags: bool) -> WriteOperation[I, Any]:
    """Return an operation with the given flags in its query, and the type of its replies that follows from them."""
    if success_objects is True and all(flag is False for flag in flags.values()):
        return operation
    query = encode_query(encode_filters(flags={"success_objects": success_objects, **flags}))
    return evolve(operation, query=query, reply=Reply[Attribute] if success_objects else Reply[AttributeEcho])
