"""Lists, creates, acquires and releases attributes."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, overload

from exist_async._checks import check_text
from exist_async.attributes import ensure, writes
from exist_async.attributes.models import Attribute, AttributeEcho, AttributeTemplate
from exist_async.attributes.requests import Acquirable, ByName, Creatable, Ensurable
from exist_async.batch.items import Items
from exist_async.batch.writes import write
from exist_async.errors import ConfigurationError
from exist_async.outcomes import BatchResult, Outcome
from exist_async.paging import LARGEST_PAGE, NumberedPaginator, PageBody, Paginator
from exist_async.resource import ROOT, Resource, encode_filters


class Attributes(Resource):
    """The user's attributes, and the templates that Exist has for them.

    A service has to own an attribute before it writes values into it, and owns it by creating or acquiring it, once.
    Items of every write are sent 35 a request, concurrently; `on_outcome` is called with each outcome as requests end.
    """

    __slots__ = ()

    def templates(
        self,
        *,
        groups: Iterable[str] | None = None,
        include_low_priority: bool = False,
        page_size: int = LARGEST_PAGE,
    ) -> Paginator[AttributeTemplate]:
        """List the templates that Exist has.

        Args:
            groups: Only those of these groups.
            include_low_priority: Also those of priority 10 and more, which are hidden otherwise.
            page_size: Results to ask for in a page, 1 to 100.
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

        Inactive attributes, and those of priority 10 and more, are hidden unless asked for.

        Args:
            groups: Only those of these groups.
            attributes: Only those of these names. Exist has ignored this at times: compare the names where it matters.
            exclude_custom: Only those that have a template.
            manual: True for those entered by hand alone, False for the others alone.
            include_inactive: Also those that the user does not track now.
            include_low_priority: Also those of priority 10 and more.
            owned: Only those that this service owns; the older way to ask for what `owned()` lists.
            page_size: Results to ask for in a page, 1 to 100.
        """
        flags = {
            "exclude_custom": exclude_custom,
            "include_inactive": include_inactive,
            "include_low_priority": include_low_priority,
            "owned": owned,
        }
        return self._listing("attributes/", groups, attributes, flags, manual, page_size)

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
        """List the attributes that this service owns; a token that may only write can ask for it too.

        Inactive attributes, and those of priority 10 and more, are hidden unless asked for. The arguments are those of
        `list()`.
        """
        flags = {
            "exclude_custom": exclude_custom,
            "include_inactive": include_inactive,
            "include_low_priority": include_low_priority,
        }
        return self._listing("attributes/owned/", groups, attributes, flags, manual, page_size)

    async def get(self, name: str) -> Attribute | None:
        """Return the user's attribute of this name, inactive and low-priority ones included, or None."""
        check_text("name", name)
        if "," in name:
            raise ConfigurationError(f"name {name!r} holds a comma, which no attribute's name does")
        begun = Attributes(self._session.begin())
        async for attribute in begun.list(attributes=[name], include_inactive=True, include_low_priority=True):
            if attribute.name == name:
                return attribute
        return None

    @overload
    async def create(
        self,
        items: Items[str | Creatable],
        *,
        success_objects: Literal[True] = True,
        on_outcome: Callable[[Outcome[Creatable, Attribute]], None] | None = None,
    ) -> BatchResult[Creatable, Attribute]: ...
    @overload
    async def create(
        self,
        items: Items[str | Creatable],
        *,
        success_objects: Literal[False],
        on_outcome: Callable[[Outcome[Creatable, AttributeEcho]], None] | None = None,
    ) -> BatchResult[Creatable, AttributeEcho]: ...
    @overload
    async def create(
        self,
        items: Items[str | Creatable],
        *,
        success_objects: bool,
        on_outcome: Callable[[Outcome[Creatable, Attribute | AttributeEcho]], None] | None = None,
    ) -> BatchResult[Creatable, Attribute | AttributeEcho]: ...
    async def create(
        self, items: Items[str | Creatable], *, success_objects: bool = True, on_outcome: Any = None
    ) -> BatchResult[Creatable, Any]:
        """Create attributes that the user lacks, and own them.

        One whose template or label the user has already is refused as `exists`; `ensure()` takes that in its stride.

        Args:
            items: Templates by name or as ByTemplate, and CustomAttributes; any number.
            success_objects: Whether to be answered whole attributes, or what was sent.
            on_outcome: Called with each outcome as requests end.

        Returns:
            One outcome for each item, in the order given.

        Raises:
            ConfigurationError: An item is wrong; of a sequence nothing was sent then.
            ExistAsyncError: Some item was not answered; `result` holds every outcome.
        """
        endpoint = writes.creation(success_objects=success_objects)
        return await write(self._session, endpoint, items, on_outcome)

    @overload
    async def acquire(
        self,
        items: Items[str | Acquirable],
        *,
        success_objects: Literal[True] = True,
        allow_user_defined: bool = False,
        on_outcome: Callable[[Outcome[Acquirable, Attribute]], None] | None = None,
    ) -> BatchResult[Acquirable, Attribute]: ...
    @overload
    async def acquire(
        self,
        items: Items[str | Acquirable],
        *,
        success_objects: Literal[False],
        allow_user_defined: bool = False,
        on_outcome: Callable[[Outcome[Acquirable, AttributeEcho]], None] | None = None,
    ) -> BatchResult[Acquirable, AttributeEcho]: ...
    @overload
    async def acquire(
        self,
        items: Items[str | Acquirable],
        *,
        success_objects: bool,
        allow_user_defined: bool = False,
        on_outcome: Callable[[Outcome[Acquirable, Attribute | AttributeEcho]], None] | None = None,
    ) -> BatchResult[Acquirable, Attribute | AttributeEcho]: ...
    async def acquire(
        self,
        items: Items[str | Acquirable],
        *,
        success_objects: bool = True,
        allow_user_defined: bool = False,
        on_outcome: Any = None,
    ) -> BatchResult[Acquirable, Any]:
        """Make this service the owner of attributes, whoever owned them before.

        By template, an attribute that the user lacks is created; by name, it never is. Tell your users before: Exist
        does not ask them.

        Args:
            items: Templates by name or as ByTemplate, and attributes as ByName; any number.
            success_objects: Whether to be answered whole attributes, or what was sent.
            allow_user_defined: The older service's flag for taking attributes without a template by their name.
            on_outcome: Called with each outcome as requests end.

        Returns:
            One outcome for each item, in the order given.

        Raises:
            ConfigurationError: An item is wrong; of a sequence nothing was sent then.
            ExistAsyncError: Some item was not answered; `result` holds every outcome.
        """
        endpoint = writes.acquisition(success_objects=success_objects, allow_user_defined=allow_user_defined)
        return await write(self._session, endpoint, items, on_outcome)

    async def release(
        self,
        items: Items[str | ByName | Attribute],
        *,
        on_outcome: Callable[[Outcome[ByName, AttributeEcho]], None] | None = None,
    ) -> BatchResult[ByName, AttributeEcho]:
        """Give attributes back: another service of the user's that can provide them gets them, or they become inactive.

        Args:
            items: Attribute names, or attributes; any number. A listing is read whole before the first is sent.
            on_outcome: Called with each outcome as requests end.

        Returns:
            One outcome for each item, in the order given. What this service does not own is `unauthorised`.

        Raises:
            ConfigurationError: An item is wrong; of a sequence nothing was sent then.
            ExistAsyncError: Some item was not answered; `result` holds every outcome.
        """
        if isinstance(items, Paginator):
            # What is released leaves the listing, whose pages would move under the reader.
            items = await items.collect()
        return await write(self._session, writes.release(), items, on_outcome)

    async def ensure(
        self,
        items: Items[str | Ensurable],
        *,
        on_outcome: Callable[[Outcome[Ensurable, Attribute]], None] | None = None,
    ) -> BatchResult[Ensurable, Attribute]:
        """Own attributes, whether they have to be created, acquired or nothing: safe to call at every start.

        What this service owns already is left alone. A template or a name is acquired. A custom attribute is looked for
        by its label among the owned ones; else it is created; else, where the label `exists`, the attribute that has it
        is acquired. One that has the label and another value type is refused as `exists`.

        Args:
            items: Templates by name or as ByTemplate, attributes as ByName, and CustomAttributes; any number. They are
                read whole before the first is sent.
            on_outcome: Called with each outcome once it is known.

        Returns:
            One outcome for each item, in the order given.

        Raises:
            ConfigurationError: An item is wrong; nothing was sent then.
            ExistAsyncError: Some item was not answered; `result` holds every outcome.
        """
        session = self._session.begin()
        begun = Attributes(session)
        return await ensure.ensure(
            session,
            items,
            owned=begun.owned(include_inactive=True, include_low_priority=True),
            everything=begun.list(include_inactive=True, include_low_priority=True),
            on_outcome=on_outcome,
        )

    def _listing(
        self,
        path: str,
        groups: Iterable[str] | None,
        attributes: Iterable[str] | None,
        flags: dict[str, bool],
        manual: bool | None,
        page_size: int,
    ) -> Paginator[Attribute]:
        params = encode_filters(lists={"groups": groups, "attributes": attributes}, flags=flags, manual=manual)
        return NumberedPaginator(self._session, ROOT + path, params, PageBody[Attribute], page_size)
