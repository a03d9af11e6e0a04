"""The base of the arguments of signals and updates."""

from typing import Any, Self

import pydantic
from pydantic import BaseModel, ConfigDict

from durable_analytics.wire.problems import to_validation_error


class Argument(BaseModel):
    """An argument, checked when it is read."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    @classmethod
    def read(cls, argument: Any) -> Self:
        """Read the argument.

        Raises:
            ValidationError: It is wrong; the error names the field.
        """
        try:
            return cls.model_validate(argument)
        except pydantic.ValidationError as error:
            raise to_validation_error(cls, error) from None

    def as_json(self) -> dict[str, Any]:
        """Return the argument as it is sent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
