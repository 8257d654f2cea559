"""Names what an app can ask a user for."""

from enum import StrEnum


class Scope(StrEnum):
    """What a token may do: read or write the attributes of one group, or those that the user tracks by hand.

    The two manual ones cut across: they open such attributes of every group.
    """

    ACTIVITY_READ = "activity_read"
    ACTIVITY_WRITE = "activity_write"
    PRODUCTIVITY_READ = "productivity_read"
    PRODUCTIVITY_WRITE = "productivity_write"
    MOOD_READ = "mood_read"
    MOOD_WRITE = "mood_write"
    SLEEP_READ = "sleep_read"
    SLEEP_WRITE = "sleep_write"
    WORKOUTS_READ = "workouts_read"
    WORKOUTS_WRITE = "workouts_write"
    EVENTS_READ = "events_read"
    EVENTS_WRITE = "events_write"
    FINANCE_READ = "finance_read"
    FINANCE_WRITE = "finance_write"
    FOOD_READ = "food_read"
    FOOD_WRITE = "food_write"
    HEALTH_READ = "health_read"
    HEALTH_WRITE = "health_write"
    LOCATION_READ = "location_read"
    LOCATION_WRITE = "location_write"
    MEDIA_READ = "media_read"
    MEDIA_WRITE = "media_write"
    SOCIAL_READ = "social_read"
    SOCIAL_WRITE = "social_write"
    WEATHER_READ = "weather_read"
    WEATHER_WRITE = "weather_write"
    SYMPTOMS_READ = "symptoms_read"
    SYMPTOMS_WRITE = "symptoms_write"
    MEDICATION_READ = "medication_read"
    MEDICATION_WRITE = "medication_write"
    CUSTOM_READ = "custom_read"
    CUSTOM_WRITE = "custom_write"
    MANUAL_READ = "manual_read"
    MANUAL_WRITE = "manual_write"
