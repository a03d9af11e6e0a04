"""Writes the tables of docs/methods-and-providers.md from the code."""

import re
from pathlib import Path

from durable_analytics.providers import provider_class, provider_names
from durable_analytics.wire.messages import Message
from durable_analytics.wire.methods import METHODS, Method

PAGE = Path(__file__).parent.parent / "docs" / "methods-and-providers.md"


def methods_table() -> str:
    """The table of the providers that have each method."""
    providers = {name: provider_class(name) for name in provider_names()}
    rows = [
        [f"`{m.workflow}`", *("✓" if m.key in p.builders else "" for p in providers.values())]
        for m in METHODS.values()
    ]
    return _table(["method", *(p.title for p in providers.values())], rows)


def fields_table() -> str:
    """The table of the fields that the message of each method has."""
    common = ", ".join(f"`{name}`" for name in Message.model_fields)
    rows = [[f"`{m.workflow}`", f"`{m.key}`", _fields(m)] for m in METHODS.values()]
    table = _table(["method", "key", "fields (**required**)"], rows)
    return f"{table}\n\nEvery message may also have {common}."


def _fields(method: Method) -> str:
    fields = {n: f for n, f in method.message.model_fields.items() if n not in Message.model_fields}
    names = [
        f"**`{name}`**" if field.is_required() else f"`{name}`" for name, field in fields.items()
    ]
    if "user_id" in fields and "anonymous_id" in fields:
        names = [f for f in names if f not in ("`user_id`", "`anonymous_id`")]
        names.append("`user_id` or `anonymous_id` (**one**)")
    return ", ".join(sorted(names, key=lambda name: not name.startswith("**")))


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def with_current_tables(text: str) -> str:
    """Replace the generated tables in the text of the page by current ones."""
    for name, table in (("methods", methods_table()), ("fields", fields_table())):
        pattern = rf"(<!-- {name}:.*?-->\n).*?(<!-- /{name} -->)"
        text, count = re.subn(pattern, rf"\g<1>{table}\n\g<2>", text, flags=re.DOTALL)
        assert count == 1, f"the page has no marked table of {name}"
    return text


if __name__ == "__main__":
    PAGE.write_text(with_current_tables(PAGE.read_text()))
