"""The profile endpoint: `accounts/profile/`."""

from exist_async.sandbox.calls import Call
from exist_async.sandbox.replies import Reply, json_reply

__all__ = ["get_profile"]


def get_profile(call: Call) -> Reply:
    """Answer `accounts/profile/`, which requires no scope."""
    user = call.token.user
    return json_reply(
        {
            "username": user.username,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "avatar": user.avatar,
            "timezone": user.timezone,
            "local_time": call.local_time().isoformat(timespec="microseconds"),
            "imperial_distance": user.imperial_distance,
            "imperial_weight": user.imperial_weight,
            "imperial_energy": user.imperial_energy,
            "imperial_liquid": user.imperial_liquid,
            "imperial_temperature": user.imperial_temperature,
            "trial": user.trial,
            "delinquent": user.delinquent,
        }
    )
