"""Lists, reads, creates and updates the attributes of objects and lists."""

from typing import Any, Final, Literal, TypeAlias, TypeVar, get_args
from urllib.parse import quote

from exist_async._checks import check_flag, check_text, safe_repr, wrong_type
from exist_async._http.call import Call, encode_query
from exist_async._http.session import Session
from exist_async._json import encode_argument
from exist_async.attio.inputs import NOT_GIVEN, ConfigInput, NotGiven, RelationshipInput
from exist_async.attio.models import Attribute, AttributeType, DefaultValue, SelectOption, Status
from exist_async.errors import ConfigurationError
from exist_async.paging.offset import Envelope, OffsetPaginator

T = TypeVar("T")

ROOT: Final = "/v2/"
"""Root path of Attio's API."""

Target: TypeAlias = Literal["objects", "lists"]
"""Kinds of owners of attributes."""

# Attio documents neither its default nor its largest page size; this one is known to work.
_PAGE_SIZE: Final = 50

_CLASSES: Final[dict[str, tuple[Any, str]]] = {
    "config": (ConfigInput, "a ConfigInput"),
    "relationship": (RelationshipInput, "a RelationshipInput"),
    "default_value": (DefaultValue | None, "a DefaultValue or None"),
    "description": (str | None, "a string or None"),
}


class Attributes:
    """The attributes of objects and lists.

    In all methods, `target` is "objects" or "lists", `identifier` the slug or UUID of the object or list, and
    `attribute` the slug or UUID of the attribute.
    """

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(
        self, target: Target, identifier: str, *, show_archived: bool = False, page_size: int = _PAGE_SIZE
    ) -> OffsetPaginator[Attribute]:
        """List the attributes of an object or list.

        Args:
            target: "objects" or "lists".
            identifier: The slug or UUID of the object or list.
            show_archived: Whether to include archived ones.
            page_size: Number of results to request in a page. Attio may send fewer: the listing ends at a page without
                new ones.

        Raises:
            ConfigurationError: An argument is wrong.
        """
        path = f"{_owner_path(target, identifier)}/attributes"
        return OffsetPaginator(
            self._session, path, _archived_params(show_archived), Envelope[tuple[Attribute, ...]], page_size
        )

    async def get(self, target: Target, identifier: str, attribute: str) -> Attribute:
        """Return an attribute.

        Raises:
            NotFoundError: There is no such attribute, object or list.
        """
        return await self._read(_attribute_path(target, identifier, attribute), Envelope[Attribute])

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

        The request is not repeated if it may have been carried out. An attribute can't be deleted, but archived, with
        `update(…, is_archived=True)`.

        Args:
            target: "objects" or "lists".
            identifier: The slug or UUID of the object or list.
            title: Display name.
            api_slug: Slug, unique in the object or list.
            type: Type of its values.
            description: Purpose of the attribute.
            is_required: Whether new records must have a value.
            is_unique: Whether no two new records may have the same value.
            is_multiselect: Whether it can have several values, which not all types support.
            config: Settings of its type; required for `currency` and `record-reference`.
            default_value: Value of records that are given none.
            relationship: Attribute to create at the other end, for type `record-reference`.

        Raises:
            ConflictError: The slug exists already.
            BadRequestError: Attio found the request invalid; `validation_errors` lists the problems by field.
            OutcomeUnknownError: No readable answer came: the attribute may have been created.
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
        path = f"{_owner_path(target, identifier)}/attributes"
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
        """Update an attribute. Fields that are not given are not sent and stay unchanged.

        Args:
            target: "objects" or "lists".
            identifier: The slug or UUID of the object or list.
            attribute: The slug or UUID of the attribute.
            title: Display name.
            description: Purpose of the attribute; None removes it.
            api_slug: Slug, unique in the object or list.
            is_required: Whether new records must have a value; existing ones may stay without.
            is_unique: Whether no two new records may have the same value.
            default_value: Value of records that are given none; None removes it.
            config: Settings of its type.
            is_archived: True archives it, False restores it.

        Returns:
            The whole attribute after the update.

        Raises:
            ConfigurationError: No field was given, or an argument is wrong.
            BadRequestError: The attribute is one of Attio's own, which can't be edited, or the request is invalid.
            NotFoundError: There is no such attribute, object or list.
            OutcomeUnknownError: No readable answer came. Repeating the update is harmless.
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
            raise ConfigurationError(f"no field to update was given: give at least one of {', '.join(fields)}")
        return await self._write("PATCH", _attribute_path(target, identifier, attribute), fields, repeatable=True)

    async def list_options(
        self, target: Target, identifier: str, attribute: str, *, show_archived: bool = False
    ) -> tuple[SelectOption, ...]:
        """Return the options of a select attribute; archived ones only with `show_archived`.

        Raises:
            NotFoundError: There is no such attribute, object or list.
        """
        path = f"{_attribute_path(target, identifier, attribute)}/options"
        return await self._read(path, Envelope[tuple[SelectOption, ...]], encode_query(_archived_params(show_archived)))

    async def list_statuses(
        self, target: Target, identifier: str, attribute: str, *, show_archived: bool = False
    ) -> tuple[Status, ...]:
        """Return the statuses of a status attribute; archived ones only with `show_archived`.

        Raises:
            NotFoundError: There is no such attribute, object or list.
        """
        path = f"{_attribute_path(target, identifier, attribute)}/statuses"
        return await self._read(path, Envelope[tuple[Status, ...]], encode_query(_archived_params(show_archived)))

    async def _read(self, path: str, answer: type[Envelope[T]], query: str = "") -> T:
        envelope = await self._session.send(Call("GET", path, query), answer)
        return envelope.data

    async def _write(self, method: str, path: str, fields: dict[str, Any], *, repeatable: bool) -> Attribute:
        given = {name: value for name, value in fields.items() if value is not NOT_GIVEN}
        for name, value in given.items():
            _check_field(name, value)
        await self._session.prepare()
        body = encode_argument("the attribute", {"data": given})
        call = Call(method, path, body=body, repeatable=repeatable)
        envelope = await self._session.send(call, Envelope[Attribute])
        return envelope.data


def _owner_path(target: str, identifier: str) -> str:
    if target not in get_args(Target):
        raise ConfigurationError(f"target must be 'objects' or 'lists', not {safe_repr(target)}")
    return f"{ROOT}{target}/{_segment('identifier', identifier)}"


def _attribute_path(target: str, identifier: str, attribute: str) -> str:
    return f"{_owner_path(target, identifier)}/attributes/{_segment('attribute', attribute)}"


def _segment(name: str, value: str) -> str:
    """Encode one segment of a path; slugs can contain slashes and emoji."""
    check_text(name, value)
    if value in (".", ".."):
        raise ConfigurationError(f"{name} must be a slug or UUID, not {value!r}")
    return quote(value, safe="")


def _archived_params(show_archived: bool) -> dict[str, str]:
    check_flag("show_archived", show_archived)
    return {"show_archived": "true"} if show_archived else {}


def _check_field(name: str, value: object) -> None:
    """Check a field that was given.

    Raises:
        ConfigurationError: It is of a wrong class, or empty.
    """
    if name in _CLASSES:
        expected, description = _CLASSES[name]
        if not isinstance(value, expected):
            raise wrong_type(name, description, value)
    elif name.startswith("is_"):
        check_flag(name, value)
    else:
        check_text(name, value)
