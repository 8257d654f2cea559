"""The OAuth2 authorisation endpoint, on which a user allows or denies a service access: `/oauth2/authorize`."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import attrs
from starlette.requests import Request

from exist_async.sandbox.calls import PublicCall
from exist_async.sandbox.groups import SCOPES, group_access
from exist_async.sandbox.html_pages import MAX_USERS_LISTED, HtmlError, html_reply
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.services import Service
from exist_async.sandbox.settings import Settings
from exist_async.sandbox.state import State
from exist_async.sandbox.users import User
from exist_async.sandbox.value_text import shorten

__all__ = ["AUTHORIZE_PATH", "authorize_url", "decide", "show_authorization"]

AUTHORIZE_PATH: Final = "/oauth2/authorize"

_OPEN_AGAIN: Final = "Open the authorisation URL of the app again, and"

# Characters of a name, and services, in a message.
_SHOWN: Final = 80
_SERVICES_NAMED: Final = 10

_FIELDS: Final = ("response_type", "client_id", "redirect_uri", "scope", "state")


@attrs.frozen
class _AuthorizationRequest:
    """An authorisation request of a known service.

    Attributes:
        service: The service that requests access.
        scopes: The requested scopes, without those that it isn't registered with.
        error: The parameters of the error response for an invalid request; empty for a valid one.
        fields: The parameters, as the form sends them again.
    """

    service: Service
    scopes: frozenset[str]
    error: Mapping[str, str]
    fields: Mapping[str, str] = attrs.field(repr=False)

    def redirect_url(self, parameters: Mapping[str, str], settings: Settings) -> str:
        """Return the service's redirect URI with these parameters and the `state` added."""
        state = {"state": self.fields["state"]} if settings.passes_state and "state" in self.fields else {}
        url = urlsplit(self.service.redirect_uri)
        query = parse_qsl(url.query, keep_blank_values=True)
        return url._replace(query=urlencode([*query, *parameters.items(), *state.items()])).geturl()


def show_authorization(call: PublicCall) -> Reply:
    """Answer GET `/oauth2/authorize`: the HTML page with the buttons Allow and Deny."""
    request = _parse_request(call.state, call.request.query_params)
    if request.error:
        return _redirect(request.redirect_url(request.error, call.settings))
    return html_reply(
        "authorize.html",
        action=AUTHORIZE_PATH,
        service=request.service,
        users=call.state.users,
        max_users_listed=MAX_USERS_LISTED,
        rows=group_access(request.scopes),
        fields=request.fields,
    )


def decide(call: PublicCall) -> Reply:
    """Answer POST `/oauth2/authorize`: the form of the page, with the button pressed and the user chosen."""
    _check_origin(call.request)
    decision = call.form.get("decision")
    if decision not in {"allow", "deny"}:
        raise HtmlError("The form field decision must be allow or deny.", f"{_OPEN_AGAIN} press Allow or Deny.")
    username = call.form.get("user")
    user = call.state.users[0] if username is None else call.state.user(username)
    if user is None:
        raise HtmlError(
            f"User {shorten(username or '', _SHOWN)!r} does not exist.", f"{_OPEN_AGAIN} choose another user."
        )
    return _redirect(_response_url(call.state, call.settings, call.form, user if decision == "allow" else None))


def _check_origin(request: Request) -> None:
    """Raise an HtmlError for a form of another site's page. Programs that are no browser send neither header."""
    origin = request.headers.get("origin", request.headers.get("referer"))
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HtmlError("The form was not sent by the sandbox's own page.", f"{_OPEN_AGAIN} press Allow there.")


def authorize_url(state: State, settings: Settings, url: str, user: User | None) -> str:
    """Return the URL to which the browser is redirected after the user's decision, without showing the page.

    Args:
        state: The services, and the store of the code.
        settings: Whether `state` is passed through.
        url: The authorisation URL, of any origin.
        user: The user who presses Allow; None presses Deny.

    Raises:
        ValueError: `url` is not an authorisation URL, or its client ID or redirect URI is wrong.
    """
    parts = urlsplit(url)
    if parts.path != AUTHORIZE_PATH:
        raise ValueError(f"url must be an authorisation URL with the path {AUTHORIZE_PATH}, not {parts.path!r}")
    try:
        return _response_url(state, settings, dict(parse_qsl(parts.query, keep_blank_values=True)), user)
    except HtmlError as error:
        raise ValueError(error.message) from None


def _response_url(state: State, settings: Settings, fields: Mapping[str, str], user: User | None) -> str:
    request = _parse_request(state, fields)
    if request.error:
        return request.redirect_url(request.error, settings)
    if user is None:
        return request.redirect_url({"error": "access_denied"}, settings)
    return request.redirect_url({"code": state.grants.issue_code(user, request.service, request.scopes)}, settings)


def _parse_request(state: State, fields: Mapping[str, str]) -> _AuthorizationRequest:
    service = state.service_by_client_id(fields.get("client_id", ""))
    redirect_uri = fields.get("redirect_uri")
    # These two errors must not be sent to the redirect URI, because it may not belong to the service.
    if service is None:
        raise _unknown_client(state, fields.get("client_id"))
    if redirect_uri != service.redirect_uri:
        raise _wrong_redirect_uri(service, redirect_uri)
    requested = frozenset(fields.get("scope", "").split())
    sent = {name: fields[name] for name in _FIELDS if name in fields}
    error = _request_error(fields.get("response_type"), requested, service)
    return _AuthorizationRequest(service, requested & service.scopes, error, sent)


def _unknown_client(state: State, client_id: str | None) -> HtmlError:
    known = [service.client_id for service in state.services]
    return HtmlError(
        "There is no service with this client_id.",
        "Set the client ID of the app (for exist-async: EXIST_CLIENT_ID) to one that exists here.",
        {"The app sent": client_id, "Client IDs here": ", ".join(known[:_SERVICES_NAMED])},
    )


def _wrong_redirect_uri(service: Service, redirect_uri: str | None) -> HtmlError:
    return HtmlError(
        f"The redirect_uri is not the one that {shorten(service.label, _SHOWN)} is registered with.",
        "Make the two equal to the last character: change the one in the app (for exist-async: EXIST_REDIRECT_URI), or "
        "start the sandbox with the option --redirect-uri.",
        {"The app sent": redirect_uri, "Registered": service.redirect_uri},
    )


def _request_error(response_type: str | None, requested: frozenset[str], service: Service) -> Mapping[str, str]:
    if response_type is None:
        return {"error": "invalid_request", "error_description": "response_type is missing"}
    if response_type != "code":
        return {"error": "unsupported_response_type"}
    if not requested:
        return {"error": "invalid_scope", "error_description": "scope is missing"}
    if unknown := requested - SCOPES:
        return {"error": "invalid_scope", "error_description": f"Unknown scopes: {' '.join(sorted(unknown))}"}
    if not requested & service.scopes:
        return {"error": "invalid_scope", "error_description": "None of these scopes is the service's"}
    return {}


def _redirect(url: str) -> Reply:
    return Reply(302, headers={"location": url})
