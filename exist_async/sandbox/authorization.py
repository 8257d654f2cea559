"""Asks a user whether a service may have what it wants: `/oauth2/authorize`."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import attrs

from exist_async.sandbox.calls import Visit
from exist_async.sandbox.groups import SCOPES, describe_scope
from exist_async.sandbox.rendering import PageError, html_reply
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.services import Service
from exist_async.sandbox.settings import Settings
from exist_async.sandbox.users import User
from exist_async.sandbox.world import World

__all__ = ["AUTHORIZE", "ask_user", "press", "take_answer"]

AUTHORIZE: Final = "/oauth2/authorize"

_FIELDS: Final = ("response_type", "client_id", "redirect_uri", "scope", "state")


@attrs.frozen
class _Wish:
    """What a service asks for, and what is wrong with that, of which it will be told."""

    service: Service
    scopes: frozenset[str]
    error: Mapping[str, str]
    # As the browser has to send it again.
    fields: Mapping[str, str] = attrs.field(repr=False)

    def callback(self, answer: Mapping[str, str], settings: Settings) -> str:
        """Return the URL that takes the answer to the service."""
        state = {"state": self.fields["state"]} if settings.passes_state and "state" in self.fields else {}
        url = urlsplit(self.service.redirect_uri)
        query = parse_qsl(url.query, keep_blank_values=True)
        return url._replace(query=urlencode([*query, *answer.items(), *state.items()])).geturl()


def ask_user(visit: Visit) -> Reply:
    """Answer GET `/oauth2/authorize`: a page with the buttons Allow and Deny."""
    wish = _wish(visit.world, visit.request.query_params)
    if wish.error:
        return _redirect(wish.callback(wish.error, visit.settings))
    return html_reply(
        "authorize.html",
        action=AUTHORIZE,
        service=wish.service,
        users=visit.world.users,
        scopes=sorted((describe_scope(scope), scope) for scope in wish.scopes),
        fields=wish.fields,
    )


def take_answer(visit: Visit) -> Reply:
    """Answer POST `/oauth2/authorize`: which button was pressed, and who pressed it."""
    decision = visit.form.get("decision")
    if decision not in {"allow", "deny"}:
        raise PageError("The form says neither Allow nor Deny.")
    username = visit.form.get("user")
    user = visit.world.users[0] if username is None else visit.world.user(username)
    if user is None:
        raise PageError(f"There is no user {username!r}.")
    return _redirect(_callback(visit.world, visit.settings, visit.form, user if decision == "allow" else None))


def press(world: World, settings: Settings, url: str, user: User | None) -> str:
    """Return where the browser goes after this user pressed Allow on the page of an authorisation URL.

    Args:
        world: Where the services are known, and what is allowed is kept.
        settings: Whether `state` is passed through.
        url: The authorisation URL, of any origin.
        user: Who allows it; None presses Deny.

    Raises:
        ValueError: It is no authorisation URL, or there is nobody to be sent back to.
    """
    wanted = urlsplit(url)
    if wanted.path != AUTHORIZE:
        raise ValueError(f"An authorisation URL has the path {AUTHORIZE}, not {wanted.path!r}")
    try:
        return _callback(world, settings, dict(parse_qsl(wanted.query, keep_blank_values=True)), user)
    except PageError as error:
        raise ValueError(error.problem) from None


def _callback(world: World, settings: Settings, fields: Mapping[str, str], user: User | None) -> str:
    wish = _wish(world, fields)
    if wish.error:
        return wish.callback(wish.error, settings)
    if user is None:
        return wish.callback({"error": "access_denied"}, settings)
    return wish.callback({"code": world.grants.consent(user, wish.service, wish.scopes)}, settings)


def _wish(world: World, fields: Mapping[str, str]) -> _Wish:
    service = world.client(fields.get("client_id", ""))
    # Neither of these may be told to the redirect URI: whose it is, is not known.
    if service is None:
        raise PageError("There is no service with this client_id.")
    if fields.get("redirect_uri") != service.redirect_uri:
        raise PageError(f"The redirect_uri is not the one that {service.label} is registered with.")
    asked = frozenset(fields.get("scope", "").split())
    sent = {name: fields[name] for name in _FIELDS if name in fields}
    return _Wish(service, asked & service.scopes, _error(fields.get("response_type"), asked, service), sent)


def _error(response_type: str | None, asked: frozenset[str], service: Service) -> Mapping[str, str]:
    if response_type is None:
        return {"error": "invalid_request", "error_description": "response_type is missing"}
    if response_type != "code":
        return {"error": "unsupported_response_type"}
    if not asked:
        return {"error": "invalid_scope", "error_description": "scope is missing"}
    if unknown := asked - SCOPES:
        return {"error": "invalid_scope", "error_description": f"Unknown scopes: {' '.join(sorted(unknown))}"}
    if not asked & service.scopes:
        return {"error": "invalid_scope", "error_description": "None of these scopes is the service's"}
    return {}


def _redirect(url: str) -> Reply:
    return Reply(302, headers={"location": url})
