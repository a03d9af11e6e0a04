"""The settings of workers, as far as the commands need them."""

from typing import ClassVar

from pydantic_settings import SettingsConfigDict

from durable_analytics.settings.base import AnalyticsSettings
from durable_analytics.settings.integrations import ConfiguredIntegrations


class DeliverySettings(ConfiguredIntegrations):
    """The integrations, with their credentials."""

    model_config = SettingsConfigDict(extra="ignore")
    checks_names: ClassVar = False
    examples: ClassVar = {"integrations": "INTEGRATIONS__SEGMENT__WRITE_KEY"}


class CommonSettings(AnalyticsSettings):
    """What every program has."""

    model_config = SettingsConfigDict(extra="ignore")
    checks_names: ClassVar = False
