"""The activities, which validate inputs and send requests."""

from activities.registration import activities, activity_names

__all__ = ["activities", "activity_names"]
