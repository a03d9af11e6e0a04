"""The ids of persons that a provider accepts: other ids are refused, or left out."""

from collections.abc import Mapping

from durable_analytics.errors import FieldProblem, ValidationError
from durable_analytics.providers._deliveries import Delivery
from durable_analytics.providers._unsupported_fields import UnsupportedFields
from durable_analytics.wire.field_types import is_filled
from durable_analytics.wire.messages import Message, PersonMessage

PLACEHOLDER_IDS = frozenset(
    {
        "anonymous",
        "nil",
        "none",
        "null",
        "n/a",
        "na",
        "undefined",
        "unknown",
        "{}",
        "0",
        "-1",
        "00000000-0000-0000-0000-000000000000",
    }
)
"""Ids, in lower case, that providers refuse or drop: different people would share them."""


def single_new_id(new_user_id: str | list[str], title: str) -> str:
    """Return the new id of an alias, for a provider that accepts one id.

    Args:
        new_user_id: The new id, or a list of new ids.
        title: The name of the provider.

    Raises:
        ValidationError: The alias has a list of new ids.
    """
    if isinstance(new_user_id, str):
        return new_user_id
    raise ValidationError.at("alias.new_user_id", f"must be one id, not a list, at {title}")


class PersonIds(UnsupportedFields):
    """The part of a provider that checks the ids of persons."""

    def id_problem(self, value: str) -> str:
        """Return why the provider does not accept the id of a person; "" if it accepts the id."""
        del value
        return ""

    def check_ids(self, delivery: Delivery[Message], *names: str) -> None:
        """Check the ids in these fields, each of which the provider needs.

        Raises:
            ValidationError: The provider does not accept one of them.
        """
        problems = self._id_problems(delivery, delivery.given(*names))
        if problems:
            raise ValidationError.of(problems.values())

    def accepted_ids(self, delivery: Delivery[PersonMessage]) -> tuple[str | None, str | None]:
        """Return the user id and the anonymous id of a message; None for an id that is not set.

        Without `strict`, an id that the provider does not accept is left out.

        Raises:
            ValidationError: The provider does not accept an id of a strict input, or it accepts
                none of the ids.
        """
        names = ("user_id", "anonymous_id")
        given = {n: v for n, v in delivery.given(*names).items() if is_filled(v)}
        problems = self._id_problems(delivery, given)
        if problems and (delivery.strict or problems.keys() == given.keys()):
            raise ValidationError.of(problems.values())
        delivery.left_out.update(problems)
        user_id, anonymous_id = (None if n in problems else given.get(n) for n in names)
        return user_id, anonymous_id

    def single_id(self, delivery: Delivery[PersonMessage]) -> tuple[str | None, str | None]:
        """Return the user id, or the anonymous id, for a provider that accepts one of them.

        If both are set, the anonymous id is refused or left out.

        Returns:
            The user id and the anonymous id; one of them is None.

        Raises:
            ValidationError: The input is strict and has both ids.
        """
        person = delivery.message
        if not is_filled(person.user_id):
            return None, person.anonymous_id
        if is_filled(person.anonymous_id):
            reason = (
                f"cannot be sent beside user_id: {self.title} accepts one id; "
                "remove it, or send an alias"
            )
            problem = FieldProblem(f"{delivery.method}.anonymous_id", reason)
            self.refuse_or_leave_out(delivery, [problem])
        return person.user_id, None

    def _id_problems(
        self, delivery: Delivery[Message], ids: Mapping[str, str]
    ) -> dict[str, FieldProblem]:
        return {
            name: FieldProblem(f"{delivery.method}.{name}", problem)
            for name, id_ in ids.items()
            if (problem := self.id_problem(id_))
        }
