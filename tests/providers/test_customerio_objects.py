"""The object that an identify relates a person to at Customer.io."""

import pytest

from tests.providers.building import built, refusal
from tests.support.goldens.customerio import CUSTOMERIO, PERSON, TIME, UNIX
from tests.support.json_objects import Json


@pytest.mark.parametrize(
    ("traits", "attributes", "relationship"),
    [
        (
            {"objectId": "g-1", "plan": "pro"},
            {"objectId": "g-1", "plan": "pro"},
            {"identifiers": {"object_type_id": "1", "object_id": "g-1"}},
        ),
        (
            {
                "objectId": 7,
                "objectTypeId": 2,
                "relationshipAttributes": {"role": "owner", "since": TIME},
            },
            {"objectId": 7},
            {
                "identifiers": {"object_type_id": "2", "object_id": "7"},
                "relationship_attributes": {"role": "owner", "since": UNIX},
            },
        ),
    ],
)
def test_an_identify_relates_a_person_to_an_object(
    traits: Json, attributes: Json, relationship: Json
) -> None:
    """The traits that describe the relationship are no attributes of the person."""
    body = built(CUSTOMERIO, "identify", {**PERSON, "traits": traits}).body

    assert body["attributes"] == attributes
    assert body["cio_relationships"] == [relationship]


def test_traits_of_a_relationship_without_an_object_are_attributes() -> None:
    """Nothing is dropped: without `objectId` there is no relationship that they describe."""
    traits = {"object_type_id": "2", "relationshipAttributes": {"role": "owner"}, "objectId": ""}

    body = built(CUSTOMERIO, "identify", {**PERSON, "traits": traits}).body

    assert body["attributes"] == traits
    assert "cio_relationships" not in body


def test_the_id_of_an_object_has_a_limit() -> None:
    traits = {"objectId": "g" * 151}

    assert refusal(CUSTOMERIO, "identify", {**PERSON, "traits": traits}) == {
        "identify.traits.objectId": "must have at most 150 bytes at Customer.io"
    }
