"""Shows the user's profile: `accounts/profile/`."""

from exist_async.sandbox.calls import Call
from exist_async.sandbox.days import local_time
from exist_async.sandbox.replies import Reply, json_reply

__all__ = ["show_profile"]


def show_profile(call: Call) -> Reply:
    """Answer `accounts/profile/`: every client may see it, whatever its scopes."""
    user = call.token.user
    return json_reply(
        {
            "username": user.username,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "avatar": user.avatar,
            "timezone": user.timezone,
            "local_time": local_time(call).isoformat(timespec="microseconds"),
            "imperial_distance": user.imperial_distance,
            "imperial_weight": user.imperial_weight,
            "imperial_energy": user.imperial_energy,
            "imperial_liquid": user.imperial_liquid,
            "imperial_temperature": user.imperial_temperature,
            "trial": user.trial,
            "delinquent": user.delinquent,
        }
    )
