"""Writes the README's tables of methods from the code: `python -m tests.readme_tables`."""

import re
from pathlib import Path

from durable_analytics.contract import METHODS, Method
from durable_analytics.messages import Message
from durable_analytics.providers import provider_class, provider_names

README = Path(__file__).parent.parent / "README.md"


def methods_table() -> str:
    """Which provider has which method."""
    providers = {name: provider_class(name) for name in provider_names()}
    rows = [
        [f"`{m.workflow}`", *("✓" if hasattr(p, m.key) else "" for p in providers.values())]
        for m in METHODS.values()
    ]
    return _table(["method", *(p.title for p in providers.values())], rows)


def fields_table() -> str:
    """What the message of each method holds."""
    common = ", ".join(f"`{name}`" for name in Message.model_fields)
    rows = [[f"`{m.workflow}`", f"`{m.key}`", _fields(m)] for m in METHODS.values()]
    table = _table(["method", "key", "fields (**required**)"], rows)
    return f"{table}\n\nEvery message may hold {common} besides."


def _fields(method: Method) -> str:
    fields = {n: f for n, f in method.message.model_fields.items() if n not in Message.model_fields}
    told = [
        f"**`{name}`**" if field.is_required() else f"`{name}`" for name, field in fields.items()
    ]
    if "user_id" in fields and "anonymous_id" in fields:
        told = [f for f in told if f not in ("`user_id`", "`anonymous_id`")]
        told.append("`user_id` or `anonymous_id` (**one**)")
    return ", ".join(sorted(told, key=lambda name: not name.startswith("**")))


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def written(text: str) -> str:
    """The README with its tables as the code has them."""
    for name, table in (("methods", methods_table()), ("fields", fields_table())):
        pattern = rf"(<!-- {name}:.*?-->\n).*?(<!-- /{name} -->)"
        text, count = re.subn(pattern, rf"\g<1>{table}\n\g<2>", text, flags=re.DOTALL)
        assert count == 1, f"the README has no place for the table of {name}"
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
