# mypy: ignore-errors
"""What the programs of all peers do with messages: validate them and send them."""

import os
from typing import Any, Literal

import httpx
from pydantic import AwareDatetime, BaseModel, Field

Messages = list[dict[str, Any]]
"""In Segment's format."""


class Track(BaseModel):
    """A message in Segment's format."""

    type: Literal["track"]
    messageId: str = Field(min_length=1)  # noqa: N815  # Segment's name
    userId: str = Field(min_length=1)  # noqa: N815
    event: str = Field(min_length=1)
    properties: dict[str, Any]
    timestamp: AwareDatetime


class Batch(BaseModel):
    """The body of a request."""

    batch: list[Track]


provider = httpx.Client(base_url=os.environ["PROVIDER"], timeout=10)


def deliver(messages: Messages) -> None:
    """Validate messages and send them in one request; raise an error if it fails."""
    body = Batch(batch=messages).model_dump_json()
    headers = {"Content-Type": "application/json"}
    provider.post("/v1/batch", content=body, headers=headers).raise_for_status()
