"""The fixtures of the buffering client's tests."""

from tests.support.buffering import connected, gate, make

__all__ = ["connected", "gate", "make"]
