"""Lists, reads, creates and changes the attributes of objects and lists."""

from typing import Any, Final, Literal, TypeAlias, TypeVar, get_args
from urllib.parse import quote

from exist_async._checks import check_flag, check_text, safe_repr, wrong_type
from exist_async._http.call import Call, encode_query
from exist_async._http.session import Session
from exist_async._http.wrapped import Wrapped
from exist_async._json import encode_argument
from exist_async.attio.inputs import ConfigInput, RelationshipInput
from exist_async.attio.models import Attribute, AttributeType, DefaultValue, SelectOption, Status
from exist_async.attio.not_given import NOT_GIVEN, NotGiven
from exist_async.errors import ConfigurationError
from exist_async.paging import Paginator
from exist_async.paging.offset import OffsetPaginator

T = TypeVar("T")

ROOT: Final = "/v2/"
"""The path that all of Attio's API is below."""

Target: TypeAlias = Literal["objects", "lists"]
"""What attributes belong to."""

# Attio does not document its default and its largest page; of this size it gives pages for sure.
_PAGE: Final = 50


class Attributes:
    """The attributes of objects and lists.

    `target` says whether it is an object or a list, and `identifier` which: its slug or UUID. `attribute` is the slug
    or UUID of an attribute.
    """

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(
        self, target: Target, identifier: str, *, show_archived: bool = False, page_size: int = _PAGE
    ) -> Paginator[Attribute]:
        """List the attributes of an object or list.

        Args:
            target: "objects" or "lists".
            identifier: The slug or UUID of the object or list.
            show_archived: Also archived ones, which are hidden otherwise.
            page_size: Results to ask for in a page. The listing ends at a page that has fewer.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        path = f"{_owner(target, identifier)}/attributes"
        return OffsetPaginator(self._session, path, _archived(show_archived), Wrapped[tuple[Attribute, ...]], page_size)

    async def get(self, target: Target, identifier: str, attribute: str) -> Attribute:
        """Return an attribute.

        Raises:
            NotFoundError: There is no such attribute, object or list.
        """
        return await self._read(_path(target, identifier, attribute), Wrapped[Attribute])

    async def create(
        self,
        target: Target,
        identifier: str,
        *,
        title: str,
        api_slug: str,
        type: AttributeType | str,  # noqa: A002  (the API's own word)
        description: str | None = None,
        is_required: bool = False,
        is_unique: bool = False,
        is_multiselect: bool = False,
        config: ConfigInput = ConfigInput(),  # noqa: B008  (it is frozen)
        default_value: DefaultValue | NotGiven | None = NOT_GIVEN,
        relationship: RelationshipInput | None = None,
    ) -> Attribute:
        """Create an attribute.

        It is not sent again where nobody knows whether it was carried out. There is no way to delete one: it can be
        archived, with `update(…, is_archived=True)`.

        Args:
            target: "objects" or "lists".
            identifier: The slug or UUID of the object or list.
            title: Its name for people.
            api_slug: Its slug, unique in the object or list.
            type: What its values are.
            description: What it is for.
            is_required: Whether new records must have a value.
            is_unique: Whether no two new records may have the same value.
            is_multiselect: Whether it can have several values, which only some types can.
            config: How it is set up; types `currency` and `record-reference` need it.
            default_value: What it has where nobody gives a value.
            relationship: The attribute to make at the other end, for type `record-reference`.

        Raises:
            ConflictError: The slug is taken.
            BadRequestError: Attio found the request invalid; `validation_errors` says what is wrong with which field.
            OutcomeUnknownError: No readable answer came: it may have been created.
        """
        fields = {
            "title": title,
            "description": description,
            "api_slug": api_slug,
            "type": type,
            "is_required": is_required,
            "is_unique": is_unique,
            "is_multiselect": is_multiselect,
            "config": config,
            "default_value": default_value,
            "relationship": NOT_GIVEN if relationship is None else relationship,
        }
        check_text("type", type)
        path = f"{_owner(target, identifier)}/attributes"
        return await self._write("POST", path, fields, repeatable=False)

    async def update(
        self,
        target: Target,
        identifier: str,
        attribute: str,
        *,
        title: str | NotGiven = NOT_GIVEN,
        description: str | NotGiven | None = NOT_GIVEN,
        api_slug: str | NotGiven = NOT_GIVEN,
        is_required: bool | NotGiven = NOT_GIVEN,
        is_unique: bool | NotGiven = NOT_GIVEN,
        default_value: DefaultValue | NotGiven | None = NOT_GIVEN,
        config: ConfigInput | NotGiven = NOT_GIVEN,
        is_archived: bool | NotGiven = NOT_GIVEN,
    ) -> Attribute:
        """Change an attribute. What is not given is not sent, and stays as it is.

        Args:
            target: "objects" or "lists".
            identifier: The slug or UUID of the object or list.
            attribute: The slug or UUID of the attribute.
            title: Its name for people.
            description: What it is for; None takes it away.
            api_slug: Its slug, unique in the object or list.
            is_required: Whether new records must have a value. Those that are there already keep none.
            is_unique: Whether no two new records may have the same value.
            default_value: What it has where nobody gives a value; None takes it away.
            config: How it is set up.
            is_archived: True archives it, False restores it.

        Returns:
            The whole attribute, as it is now.

        Raises:
            ConfigurationError: Nothing was given to change, or an argument is wrong.
            BadRequestError: It is Attio's own and can't be edited, or the request is invalid.
            NotFoundError: There is no such attribute, object or list.
            OutcomeUnknownError: No readable answer came. Doing it again is harmless.
        """
        fields = {
            "title": title,
            "description": description,
            "api_slug": api_slug,
            "is_required": is_required,
            "is_unique": is_unique,
            "default_value": default_value,
            "config": config,
            "is_archived": is_archived,
        }
        if all(value is NOT_GIVEN for value in fields.values()):
            raise ConfigurationError(f"nothing to update was given: give one at least of {', '.join(fields)}")
        return await self._write("PATCH", _path(target, identifier, attribute), fields, repeatable=True)

    async def list_options(
        self, target: Target, identifier: str, attribute: str, *, show_archived: bool = False
    ) -> tuple[SelectOption, ...]:
        """Return the options of a select attribute.

        Args:
            target: "objects" or "lists".
            identifier: The slug or UUID of the object or list.
            attribute: The slug or UUID of the attribute.
            show_archived: Also archived ones, which are hidden otherwise.

        Raises:
            NotFoundError: There is no such attribute, object or list.
        """
        path = f"{_path(target, identifier, attribute)}/options"
        return await self._read(path, Wrapped[tuple[SelectOption, ...]], encode_query(_archived(show_archived)))

    async def list_statuses(
        self, target: Target, identifier: str, attribute: str, *, show_archived: bool = False
    ) -> tuple[Status, ...]:
        """Return the statuses of a status attribute.

        Args:
            target: "objects" or "lists".
            identifier: The slug or UUID of the object or list.
            attribute: The slug or UUID of the attribute.
            show_archived: Also archived ones, which are hidden otherwise.

        Raises:
            NotFoundError: There is no such attribute, object or list.
        """
        path = f"{_path(target, identifier, attribute)}/statuses"
        return await self._read(path, Wrapped[tuple[Status, ...]], encode_query(_archived(show_archived)))

    async def _read(self, path: str, answer: type[Wrapped[T]], query: str = "") -> T:
        wrapped = await self._session.send(Call("GET", path, query), answer)
        return wrapped.data

    async def _write(self, method: str, path: str, fields: dict[str, Any], *, repeatable: bool) -> Attribute:
        given = {name: value for name, value in fields.items() if value is not NOT_GIVEN}
        for name, value in given.items():
            _check(name, value)
        await self._session.prepare()
        body = encode_argument("the attribute", {"data": given})
        call = Call(method, path, body=body, repeatable=repeatable)
        wrapped = await self._session.send(call, Wrapped[Attribute])
        return wrapped.data


def _owner(target: str, identifier: str) -> str:
    if target not in get_args(Target):
        raise ConfigurationError(f"target is 'objects' or 'lists', not {safe_repr(target)}")
    return f"{ROOT}{target}/{_segment('identifier', identifier)}"


def _path(target: str, identifier: str, attribute: str) -> str:
    return f"{_owner(target, identifier)}/attributes/{_segment('attribute', attribute)}"


def _segment(name: str, value: str) -> str:
    """Encode a part of a path whole: slugs can hold slashes and emoji."""
    check_text(name, value)
    if value in (".", ".."):
        raise ConfigurationError(f"{name} {value!r} leads elsewhere: give a slug or UUID")
    return quote(value, safe="")


def _archived(show_archived: bool) -> dict[str, str]:
    check_flag("show_archived", show_archived)
    return {"show_archived": "true"} if show_archived else {}


def _check(name: str, value: object) -> None:
    """Check a field that was given.

    Raises:
        ConfigurationError: It is of a wrong class, or empty.
    """
    if name.startswith("is_"):
        check_flag(name, value)
    elif name == "config":
        if not isinstance(value, ConfigInput):
            raise wrong_type(name, "a ConfigInput", value)
    elif name == "relationship":
        if not isinstance(value, RelationshipInput):
            raise wrong_type(name, "a RelationshipInput", value)
    elif name == "default_value":
        if value is not None and not isinstance(value, DefaultValue):
            raise wrong_type(name, "a DefaultValue or None", value)
    elif name != "description":
        check_text(name, value)
    elif value is not None and not isinstance(value, str):
        raise wrong_type(name, "a string or None", value)
