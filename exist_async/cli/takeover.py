"""Tells which attributes a command takes from other services: asks before, and names them afterwards."""

import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from attrs import field, frozen

from exist_async.attributes import Attribute, ByName, ByTemplate
from exist_async.cli.connection import find_credentials
from exist_async.cli.output import one_line, print_error
from exist_async.cli.progress import OnOutcome
from exist_async.cli.questions import ask, can_ask
from exist_async.client import ExistClient
from exist_async.errors import ExistAsyncError, PermissionDeniedError
from exist_async.outcomes import FINE, Outcome, OutcomeStatus
from exist_async.values import ValueUpdate

OWNER_NOT_KNOWN = "the present owner can't be looked up with this token"


@frozen
class Takeovers:
    """Attributes that acquiring takes from other services.

    Attributes:
        owners: The services that own them now, by the names of the attributes.
        unlisted: Names of attributes that may have an owner, but that the token may not list.
    """

    owners: Mapping[str, str]
    unlisted: Sequence[str]


@frozen
class Ownership:
    """The user's attributes and their owners, before a command changes them.

    Attributes:
        listed: The attributes that the token may list.
        owned: Those that this service owns, also where the token may not list others.
        is_complete: Whether the token may list all attributes that it may acquire, as far as is known: Exist lists only
            the groups that the token may read.
    """

    listed: Sequence[Attribute]
    owned: Sequence[Attribute]
    is_complete: bool
    _by_name: Mapping[str, Attribute] = field(init=False)
    _by_template: Mapping[str, Attribute] = field(init=False)
    _owned_names: frozenset[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        everything = (*self.listed, *self.owned)
        object.__setattr__(self, "_by_name", {each.name: each for each in everything})
        object.__setattr__(self, "_by_template", {each.template: each for each in everything if each.template})
        object.__setattr__(self, "_owned_names", frozenset(each.name for each in self.owned))

    @classmethod
    async def look_up(cls, exist: ExistClient, base_url: str) -> "Ownership":
        """List the attributes of the user, and those that this service owns: at least two requests.

        Args:
            exist: The client.
            base_url: Origin of its service.
        """
        listed: Sequence[Attribute] = ()
        # Of a token in EXIST_TOKEN, the scopes are not known.
        stored = (await find_credentials(base_url)).stored
        is_complete = stored is None or _may_read_what_it_may_write(stored.scope)
        try:
            listed = await exist.attributes.list(include_inactive=True, include_low_priority=True).collect()
        except PermissionDeniedError:
            is_complete = False
        # Also a token with write scopes alone may list the owned attributes.
        owned = await exist.attributes.owned(include_inactive=True, include_low_priority=True).collect()
        # Both lists are empty for a new user, but also for a token without read scopes whose service owns nothing.
        is_complete = is_complete and {each.name for each in owned} <= {each.name for each in listed}
        return cls(listed, owned, is_complete)

    def find(self, item: ByName | ByTemplate | ValueUpdate) -> Attribute | None:
        """Return the attribute that would be acquired for an item, if the token may list it."""
        if isinstance(item, ByTemplate):
            return self._by_template.get(item.template)
        found = self._by_name.get(item.name)
        # For values of an attribute that the user does not have, the template with its name is acquired.
        return self._by_template.get(item.name) if found is None and isinstance(item, ValueUpdate) else found

    def is_owned(self, attribute: Attribute) -> bool:
        """Whether this service owns an attribute."""
        return attribute.name in self._owned_names

    def other_owner(self, attribute: Attribute) -> str | None:
        """Return the label of the other service that owns an attribute; None if there is none."""
        if attribute.service is None or self.is_owned(attribute):
            return None
        return owner_label(attribute)

    def takeovers(self, items: Iterable[ByName | ByTemplate | ValueUpdate]) -> Takeovers:
        """Return what acquiring the attributes of some items would take from other services."""
        owners: dict[str, str] = {}
        unlisted: dict[str, None] = {}
        for item in items:
            attribute = self.find(item)
            if attribute is not None:
                owner = self.other_owner(attribute)
                if owner is not None:
                    owners[attribute.name] = owner
            elif not self.is_complete:
                unlisted[item_name(item)] = None
        return Takeovers(owners, list(unlisted))


def _may_read_what_it_may_write(scopes: Iterable[str]) -> bool:
    written, read = (
        {scope.removesuffix(suffix) for scope in scopes if scope.endswith(suffix)} for suffix in ("_write", "_read")
    )
    return written <= read


def owner_label(attribute: Attribute) -> str:
    """Return the label of the service that owns an attribute, else its name; "" if there is none."""
    return (attribute.service.label or attribute.service.name) if attribute.service is not None else ""


def item_name(item: ByName | ByTemplate | ValueUpdate) -> str:
    """Return the name or the template in an item."""
    return item.template if isinstance(item, ByTemplate) else item.name


async def confirm_takeover(takeovers: Takeovers, *, yes: bool) -> bool:
    """Ask whether to take attributes from other services, and return whether to go on.

    Nothing is asked if there is nothing to take, with `yes`, or without a terminal, so that cron jobs go on.
    """
    if yes or not (takeovers.owners or takeovers.unlisted) or not can_ask():
        return True
    for name, owner in takeovers.owners.items():
        print(f"{one_line(name)}: from {one_line(owner)}", file=sys.stderr)
    if takeovers.unlisted:
        print(f"{one_line(', '.join(takeovers.unlisted))}: {OWNER_NOT_KNOWN}", file=sys.stderr)
    if await ask(_question(takeovers)):
        return True
    print_error("stopped: nothing was sent")
    return False


def _question(takeovers: Takeovers) -> str:
    count = len(takeovers.owners) + len(takeovers.unlisted)
    attributes, them = ("attribute", "it") if count == 1 else ("attributes", "them")
    if takeovers.unlisted:
        return f"Acquire {count} {attributes}, whoever owns {them}?"
    return f"Take {count} {attributes} from other services?"


@asynccontextmanager
async def naming_takeovers(
    exist: ExistClient, ownership: Ownership | None
) -> AsyncGenerator[Callable[[OnOutcome], OnOutcome], None]:
    """Name on standard error each attribute that a write takes from another service, once that is known.

    Args:
        exist: The client that sends the write.
        ownership: The owners before the write; None if it acquires nothing.

    Yields:
        A function that wraps the `on_outcome` of the write.
    """
    if ownership is None:
        yield lambda on_outcome: on_outcome
        return
    naming = _Naming(ownership)

    def wrap(on_outcome: OnOutcome) -> OnOutcome:
        def both(outcome: Outcome[Any, Any]) -> None:
            on_outcome(outcome)
            naming.on_outcome(outcome)

        return both

    try:
        yield wrap
    finally:
        # After Ctrl-C the client is closed, so that nothing more is sent.
        await naming.finish(exist)


class _Naming:
    """Names the attributes that a write takes, each once.

    Args:
        ownership: The owners before the write.
    """

    def __init__(self, ownership: Ownership) -> None:
        self._ownership = ownership
        self._named: set[str] = set()
        # The services of attributes that may have been taken, by the names of the attributes.
        self._uncertain: dict[str, str] = {}

    def on_outcome(self, outcome: Outcome[Any, Any]) -> None:
        """Name the attribute of an outcome if that proves that it was taken."""
        attribute = self._ownership.find(outcome.item)
        name = item_name(outcome.item) if attribute is None else attribute.name
        if name in self._named:
            return
        owner = None if attribute is None else self._ownership.other_owner(attribute)
        if outcome.status is OutcomeStatus.SUCCEEDED:
            if owner is not None:
                self._print_taken(name, owner)
            elif attribute is None and self._may_have_had_an_owner(outcome):
                self._named.add(name)
                print_error(f"{name}: acquired, but who owned it before can't be looked up with this token")
        elif owner is not None and _may_be_acquired(outcome):
            self._uncertain[name] = owner

    async def finish(self, exist: ExistClient) -> None:
        """Name attributes that were taken although no item succeeded, such as values that Exist then refused."""
        if not self._uncertain:
            return
        # If the hour's requests are used up, this is not worth waiting for.
        impatient = exist.with_options(max_wait=0.0, max_retries=0)
        try:
            owned = await impatient.attributes.owned(include_inactive=True, include_low_priority=True).collect()
        except ExistAsyncError:
            # The write failed as well, or was stopped, which is reported by itself.
            listed = ", ".join(f"{name} from {owner}" for name, owner in self._uncertain.items())
            print_error(f"may have been taken, as exist-async owned will show: {listed}")
            return
        for attribute in owned:
            if attribute.name in self._uncertain:
                self._print_taken(attribute.name, self._uncertain[attribute.name])

    def _print_taken(self, name: str, owner: str) -> None:
        self._named.add(name)
        self._uncertain.pop(name, None)
        print_error(f"{name}: taken from {owner}")

    def _may_have_had_an_owner(self, outcome: Outcome[Any, Any]) -> bool:
        """Whether another service may have owned an attribute that the token could not list."""
        acquired = outcome.value
        if isinstance(acquired, Attribute):
            # A former owner stays among them.
            return any(service != acquired.service for service in acquired.available_services)
        return not self._ownership.is_complete


def _may_be_acquired(outcome: Outcome[Any, Any]) -> bool:
    """Whether the attribute of an item that did not succeed may have been acquired all the same."""
    if isinstance(outcome.item, ValueUpdate):
        return outcome.status not in FINE
    return outcome.status is OutcomeStatus.UNKNOWN
