"""The activities: where validation and I/O live."""

from activities.registration import activities, activity_names

__all__ = ["activities", "activity_names"]
