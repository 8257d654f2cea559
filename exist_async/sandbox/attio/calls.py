"""A request as the endpoints receive it, with the objects that its path names and its parameters."""

from typing import Any, Final

import attrs
import msgspec
from starlette.requests import Request

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.errors import attio_error, invalid_request, not_found
from exist_async.sandbox.attio.paths import AttributePath
from exist_async.sandbox.attio.targets import ObjectOrList
from exist_async.sandbox.attio.validation import ValidationErrors
from exist_async.sandbox.attio.workspace import Workspace

__all__ = ["Call"]

_QUERY_ERROR: Final = "Query parameter validation error."


@attrs.frozen
class Call:
    """An authenticated request, with its whole body.

    Attributes:
        path: The parsed path.
        page_size: Maximum and default number of attributes on a page; None for Attio's own.
    """

    request: Request
    body: bytes
    path: AttributePath
    workspace: Workspace
    page_size: int | None

    def object_or_list(self) -> ObjectOrList:
        """Return the object or list that the path names.

        Raises:
            ApiError: 404 when it does not exist.
        """
        found = self.workspace.find_object_or_list(self.path.target, self.path.identifier)
        if found is None:
            noun = self.path.target.removesuffix("s")
            raise not_found(f'Could not find {noun} with slug/ID "{self.path.identifier}".')
        return found

    def attribute(self) -> Attribute:
        """Return the attribute that the path names, archived or not.

        Raises:
            ApiError: 404 when it, or its object or list, does not exist.
        """
        found = self.workspace.find_attribute(self.object_or_list(), self.path.attribute)
        if found is None:
            raise not_found(f'Could not find attribute with slug/ID "{self.path.attribute}".')
        return found

    def boolean_parameter(self, name: str) -> bool:
        """Return a query parameter that is "true" or "false"; False when it is absent.

        Raises:
            ApiError: 400 for any other value.
        """
        text = self.request.query_params.get(name, "false")
        if text not in {"true", "false"}:
            _raise_parameter_error(name, "boolean", text)
        return text == "true"

    def integer_parameter(self, name: str, default: int, minimum: int) -> int:
        """Return a query parameter as an integer.

        Raises:
            ApiError: 400 when it is not an integer or below the minimum.
        """
        text = self.request.query_params.get(name)
        if text is None:
            return default
        # At most nine digits, because int() raises for thousands of them.
        if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) < minimum:
            _raise_parameter_error(name, f"integer of at least {minimum}", text)
        return int(text)

    def json(self) -> Any:
        """Decode the body.

        Raises:
            ApiError: 415 when the Content-Type is not JSON (it may be absent), 400 when the body is not valid JSON.
        """
        content_type = self.request.headers.get("content-type", "application/json")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise attio_error(415, "unsupported_media_type", f'Unsupported media type "{content_type}".')
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise invalid_request(f"Body payload is no JSON: {error}.") from error


def _raise_parameter_error(name: str, expected: str, received: str) -> None:
    errors = ValidationErrors(_QUERY_ERROR)
    errors.add("invalid_type", (name,), f"Expected {expected}", expected=expected, received=received)
    errors.raise_if_any()
