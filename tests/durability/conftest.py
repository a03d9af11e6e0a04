"""What the tests of durability share."""

import uuid

import pytest


@pytest.fixture
def task_queue() -> str:
    """A task queue of the test's own."""
    return f"test-{uuid.uuid4()}"
