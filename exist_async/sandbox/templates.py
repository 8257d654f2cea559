"""Exist's attribute templates, and their endpoint: `attributes/templates/`."""

from typing import Final

import attrs

from exist_async.sandbox.calls import Call
from exist_async.sandbox.groups import GROUPS, Group
from exist_async.sandbox.pagination import paginate
from exist_async.sandbox.replies import Reply
from exist_async.sandbox.value_types import describe_value_type

__all__ = ["LOW_PRIORITY", "TEMPLATES", "Template", "list_templates"]

LOW_PRIORITY: Final = 10
"""Listings leave out attributes and templates from this priority on by default."""


@attrs.frozen
class Template:
    """A predefined attribute; its name and value type are the same for all users."""

    name: str
    label: str
    group: Group
    value_type: int
    priority: int

    def to_json(self) -> dict[str, object]:
        """Return the template as in Exist's replies."""
        return {
            "name": self.name,
            "label": self.label,
            "group": self.group.as_json,
            "priority": self.priority,
            "value_type": self.value_type,
            "value_type_description": describe_value_type(self.value_type),
        }


def list_templates(call: Call) -> Reply:
    """Answer `attributes/templates/`, independently of user and scopes."""
    groups = call.list_parameter("groups")
    low_priority = call.flag("include_low_priority")
    templates = [
        template
        for template in _SORTED
        if (low_priority or template.priority < LOW_PRIORITY) and (not groups or template.group.name in groups)
    ]
    return paginate(call, templates, Template.to_json)


# By group: name, label, value type, priority. Seven have a low priority: the documentation lists 86 templates, and the
# live service returned 79.
_ROWS: Final[dict[str, tuple[tuple[str, str, int, int], ...]]] = {
    "activity": (
        ("steps", "Steps", 0, 1),
        ("steps_active_min", "Active minutes", 3, 2),
        ("steps_distance", "Distance walked", 1, 3),
        ("steps_elevation", "Elevation", 1, 4),
        ("floors", "Floors", 0, 5),
        ("stand_hours", "Stand hours", 0, 6),
        ("cycle_min", "Cycling time", 3, 7),
        ("cycle_distance", "Cycling distance", 1, 8),
        ("active_energy", "Active energy", 1, 9),
    ),
    "workouts": (
        ("workouts", "Workouts", 0, 1),
        ("workouts_min", "Workout time", 3, 2),
        ("workouts_distance", "Workout distance", 1, 3),
    ),
    "productivity": (
        ("productive_min", "Productive time", 3, 1),
        ("neutral_min", "Neutral time", 3, 2),
        ("distracting_min", "Distracting time", 3, 3),
        ("commits", "Commits", 0, 4),
        ("tasks_completed", "Tasks completed", 0, 5),
        ("words_written", "Words written", 0, 6),
        ("emails_sent", "Emails sent", 0, 7),
        ("emails_received", "Emails received", 0, 8),
        ("pomodoros_min", "Pomodoro time", 3, 9),
        ("keystrokes", "Keystrokes", 0, 10),
    ),
    "food": (
        ("coffees", "Coffees", 0, 1),
        ("alcoholic_drinks", "Alcoholic drinks", 0, 2),
        ("energy", "Energy", 1, 3),
        ("water", "Water", 0, 4),
        ("carbohydrates", "Carbohydrates", 1, 5),
        ("fat", "Fat", 1, 6),
        ("fibre", "Fibre", 1, 7),
        ("protein", "Protein", 1, 7),
        ("sugar", "Sugar", 1, 8),
        ("sodium", "Sodium", 1, 9),
        ("caffeine", "Caffeine", 1, 9),
        ("cholesterol", "Cholesterol", 1, 10),
    ),
    "finance": (("money_spent", "Money spent", 1, 1),),
    "mood": (
        ("mood", "Mood", 8, 1),
        ("mood_note", "Mood note", 2, 2),
        ("energy_level", "Energy level", 8, 3),
        ("stress_level", "Stress level", 8, 4),
    ),
    "sleep": (
        ("time_in_bed", "Time in bed", 3, 1),
        ("sleep", "Time asleep", 3, 2),
        ("sleep_start", "Bedtime", 6, 3),
        ("sleep_end", "Wake time", 4, 4),
        ("sleep_awakenings", "Awakenings", 0, 5),
        ("sleep_light", "Light sleep", 3, 6),
        ("sleep_deep", "Deep sleep", 3, 7),
        ("sleep_rem", "REM sleep", 3, 8),
    ),
    "events": (
        ("events", "Events", 0, 1),
        ("events_duration", "Time in events", 3, 2),
    ),
    "health": (
        ("weight", "Weight", 1, 1),
        ("body_fat", "Body fat", 5, 2),
        ("lean_mass", "Lean mass", 1, 3),
        ("heartrate", "Heart rate", 0, 4),
        ("heartrate_resting", "Resting heart rate", 0, 5),
        ("heartrate_max", "Maximum heart rate", 0, 6),
        ("heartrate_variability", "Heart rate variability", 0, 7),
        ("meditation_min", "Meditation time", 3, 8),
        ("menstrual_flow", "Menstrual flow", 0, 9),
        ("sexual_activity", "Sexual activity", 0, 9),
    ),
    "location": (
        ("checkins", "Check-ins", 0, 1),
        ("location", "Location", 2, 10),
    ),
    "media": (
        ("tracks", "Tracks played", 0, 1),
        ("articles_read", "Articles read", 0, 2),
        ("pages_read", "Pages read", 0, 3),
        ("mobile_screen_min", "Mobile screen time", 3, 4),
        ("gaming_min", "Gaming time", 3, 5),
        ("tv_min", "TV time", 3, 6),
        ("movies_min", "Movie time", 3, 7),
    ),
    "social": (
        ("facebook_posts", "Facebook posts", 0, 1),
        ("facebook_reactions", "Facebook reactions", 0, 2),
        ("facebook_comments", "Facebook comments", 0, 10),
        ("mastodon_posts", "Mastodon posts", 0, 4),
        ("mastodon_replies", "Mastodon replies", 0, 5),
        ("mastodon_boosts", "Mastodon boosts", 0, 6),
        ("mastodon_favourites", "Mastodon favourites", 0, 7),
        ("tweets", "Tweets", 0, 8),
        ("twitter_mentions", "Twitter mentions", 0, 9),
        ("twitter_username", "Twitter username", 2, 11),
    ),
    "weather": (
        ("weather_temp_max", "Maximum temperature", 1, 1),
        ("weather_temp_min", "Minimum temperature", 1, 2),
        ("weather_precipitation", "Precipitation", 1, 3),
        ("weather_cloud_cover", "Cloud cover", 5, 4),
        ("weather_wind_speed", "Wind speed", 1, 5),
        ("day_length", "Day length", 3, 6),
        ("weather_summary", "Weather summary", 2, 10),
        ("weather_icon", "Weather icon", 2, 11),
    ),
}

TEMPLATES: Final = {
    name: Template(name, label, GROUPS[group], value_type, priority)
    for group, rows in _ROWS.items()
    for name, label, value_type, priority in rows
}

_SORTED: Final = sorted(
    TEMPLATES.values(), key=lambda template: (template.group.priority, template.group.name, template.priority)
)
