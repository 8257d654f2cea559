"""The token endpoints: `/oauth2/access_token` and `auth/simple-token/`."""

from collections.abc import Mapping

from exist_async.sandbox.calls import PublicCall
from exist_async.sandbox.grants import Grants
from exist_async.sandbox.replies import ApiError, Reply, json_reply
from exist_async.sandbox.services import Service
from exist_async.sandbox.tokens import TokenPair

__all__ = ["create_simple_token", "create_tokens"]


def create_tokens(call: PublicCall) -> Reply:
    """Answer `/oauth2/access_token`: exchange a code or a refresh token; every error is a 400, even a wrong secret."""
    form, grants = call.form, call.state.grants
    service = call.state.service_by_client_id(form.get("client_id", ""))
    if service is None or form.get("client_secret") != service.client_secret:
        raise _token_error("invalid_client")
    match form.get("grant_type"):
        case "authorization_code":
            pair = _exchange_code(grants, form, service)
        case "refresh_token":
            pair = grants.refresh(_require_field(form, "refresh_token"), service)
        case None:
            raise _token_error("invalid_request", "grant_type is missing")
        case _:
            raise _token_error("unsupported_grant_type")
    if pair is None:
        raise _token_error("invalid_grant")
    return json_reply(
        {
            "access_token": pair.access.value,
            "token_type": "Bearer",
            "expires_in": pair.expires_in,
            "refresh_token": pair.refresh_token,
            "scope": " ".join(sorted(pair.access.scopes)),
        }
    )


def create_simple_token(call: PublicCall) -> Reply:
    """Answer `auth/simple-token/`: the read-only token of a user, for username and password."""
    missing = [field for field in ("username", "password") if not call.form.get(field)]
    if missing:
        raise ApiError(json_reply({field: ["This field is required."] for field in missing}, 400))
    user = call.state.user(call.form["username"])
    if user is None or call.form["password"] != user.password:
        raise ApiError(json_reply({"non_field_errors": ["Unable to log in with provided credentials."]}, 400))
    return json_reply({"token": call.state.grants.simple_token(user).value})


def _exchange_code(grants: Grants, form: Mapping[str, str], service: Service) -> TokenPair | None:
    code, redirect_uri = _require_field(form, "code"), _require_field(form, "redirect_uri")
    # Codes are only ever sent to the registered redirect URI, so comparing with it is enough.
    return grants.exchange_code(code, service) if redirect_uri == service.redirect_uri else None


def _require_field(form: Mapping[str, str], field: str) -> str:
    if not form.get(field):
        raise _token_error("invalid_request", f"{field} is missing")
    return form[field]


def _token_error(error: str, description: str | None = None) -> ApiError:
    return ApiError(json_reply({"error": error} | ({"error_description": description} if description else {}), 400))
