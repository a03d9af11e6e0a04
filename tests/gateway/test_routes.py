"""The routes that accept messages."""

from gateway.routes import BEACON, ROUTES


def test_servers_use_long_names_and_browsers_short_ones() -> None:
    """Each type has a route of either kind, and so have lists."""
    routes = {route.name: (route.message_type, route.is_for_browsers) for route in ROUTES}

    types = ("identify", "track", "page", "screen", "group", "alias")
    assert routes == {
        **{name: (name, False) for name in types},
        **dict.fromkeys(("batch", "import"), (None, False)),
        "i": ("identify", True),
        "t": ("track", True),
        "p": ("page", True),
        "s": ("screen", True),
        "g": ("group", True),
        "a": ("alias", True),
        "b": (None, True),
    }
    assert BEACON.is_for_browsers
