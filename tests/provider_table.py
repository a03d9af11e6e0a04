"""Writes the table of providers in docs/providers.md from their classes."""

import re
from pathlib import Path

from durable_analytics.providers import Provider, provider_class, provider_names
from durable_analytics.wire.methods import METHODS

GUIDE = Path(__file__).parent.parent / "docs" / "providers.md"

_HEAD = ("provider", "methods", "batch", "message", "repeated messages", "time", "delete")


def providers_table() -> str:
    """The table: one row a provider."""
    lines = [_HEAD, ["---"] * len(_HEAD)]
    lines += [_row(name, provider_class(name)) for name in provider_names()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _row(name: str, provider: type[Provider]) -> list[str]:
    methods = [key for key in METHODS if key in provider.builders]
    batches = [
        f"{limits.messages:,} messages, {_size(limits.body_bytes)}"
        for limits in provider.batch_limits.values()
    ]
    limit = provider.message_limit_bytes
    ids = {
        field: [method for method in methods if provider.message_id_fields.get(method) == field]
        for field in provider.message_id_fields.values()
    }
    return [
        f"{provider.title} (`{name}`)",
        _list(methods),
        "; ".join(batches),
        _size(limit) if limit else "",
        "; ".join(f"`{field}`: {_list(of)}" for field, of in ids.items()),
        _list([method for method in methods if method in provider.timestamped_methods]),
        "✓" if "delete" in methods else "",
    ]


def _list(methods: list[str]) -> str:
    return ", ".join(methods)


def _size(size: int) -> str:
    return f"{size // 1024} KiB" if size % 1024 == 0 else f"{size // 1000:,} kB"


def with_current_table(text: str) -> str:
    """Replace the table in the text of the guide by the current one."""
    pattern = r"(<!-- providers:.*?-->\n).*?(<!-- /providers -->)"
    text, count = re.subn(pattern, rf"\g<1>{providers_table()}\n\g<2>", text, flags=re.DOTALL)
    assert count == 1, "the guide has no marked table of providers"
    return text


if __name__ == "__main__":
    GUIDE.write_text(with_current_table(GUIDE.read_text()))
