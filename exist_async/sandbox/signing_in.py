"""Gives tokens to those who prove who they are: `/oauth2/access_token` and `auth/simple-token/`."""

from collections.abc import Mapping

from exist_async.sandbox.calls import Visit
from exist_async.sandbox.grants import Grants
from exist_async.sandbox.replies import ApiError, Reply, json_reply
from exist_async.sandbox.services import Service
from exist_async.sandbox.tokens import TokenPair

__all__ = ["give_simple_token", "give_tokens"]


def give_tokens(visit: Visit) -> Reply:
    """Answer `/oauth2/access_token`; every error is a 400, also that of a service that is not who it says."""
    form, grants = visit.form, visit.world.grants
    service = visit.world.client(form.get("client_id", ""))
    if service is None or form.get("client_secret") != service.client_secret:
        raise _refuse("invalid_client")
    match form.get("grant_type"):
        case "authorization_code":
            pair = _redeem(grants, form, service)
        case "refresh_token":
            pair = grants.renew(_required(form, "refresh_token"), service)
        case None:
            raise _refuse("invalid_request", "grant_type is missing")
        case _:
            raise _refuse("unsupported_grant_type")
    if pair is None:
        raise _refuse("invalid_grant")
    return json_reply(
        {
            "access_token": pair.access.value,
            "token_type": "Bearer",
            "expires_in": pair.expires_in,
            "refresh_token": pair.refresh_token,
            "scope": " ".join(sorted(pair.access.scopes)),
        }
    )


def give_simple_token(visit: Visit) -> Reply:
    """Answer `auth/simple-token/`: a user's own token, that reads, for their name and password."""
    missing = [field for field in ("username", "password") if not visit.form.get(field)]
    if missing:
        raise ApiError(json_reply({field: ["This field is required."] for field in missing}, 400))
    user = visit.world.user(visit.form["username"])
    if user is None or visit.form["password"] != user.password:
        raise ApiError(json_reply({"non_field_errors": ["Unable to log in with provided credentials."]}, 400))
    return json_reply({"token": visit.world.grants.simple(user).value})


def _redeem(grants: Grants, form: Mapping[str, str], service: Service) -> TokenPair | None:
    code, redirect_uri = _required(form, "code"), _required(form, "redirect_uri")
    # Codes are sent to no other address than this, so it is theirs too.
    return grants.redeem(code, service) if redirect_uri == service.redirect_uri else None


def _required(form: Mapping[str, str], field: str) -> str:
    if not form.get(field):
        raise _refuse("invalid_request", f"{field} is missing")
    return form[field]


def _refuse(error: str, description: str | None = None) -> ApiError:
    return ApiError(json_reply({"error": error} | ({"error_description": description} if description else {}), 400))
