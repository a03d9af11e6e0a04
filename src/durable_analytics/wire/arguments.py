"""The base class of the arguments that signals and updates of workflows take."""

from typing import Any, Self

import pydantic
from pydantic import BaseModel, ConfigDict

from durable_analytics.wire.problems import to_validation_error


class Argument(BaseModel):
    """The argument of a signal or an update. A workflow validates it with `read`."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    @classmethod
    def read(cls, argument: Any) -> Self:
        """Validate an argument that a workflow received.

        Raises:
            ValidationError: The argument is invalid; the error names the field.
        """
        try:
            return cls.model_validate(argument)
        except pydantic.ValidationError as error:
            raise to_validation_error(cls, error) from None

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object that a client sends."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
