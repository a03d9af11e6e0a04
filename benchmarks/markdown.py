"""`python -m benchmarks.markdown`: write the tables of docs/performance.md, from the JSON files."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.goals import GOALS
from benchmarks.measures.figures import sum_own_cpu

_FOLDER = Path(__file__).parent
_DOCUMENT = _FOLDER.parent / "docs" / "performance.md"
_PARTS = ("client", "worker", "server")

Json = Mapping[str, Any]


def main() -> None:
    """Replace each table between its marks."""
    results, million, peers = map(_read, ("results.json", "million.json", "peers.json"))
    tables = {
        "figures": figures({**results, **million}),
        "split": split(results),
        "systems": systems(peers),
    }
    text = _DOCUMENT.read_text()
    for name, table in tables.items():
        text = replace_table(text, name, table)
    _DOCUMENT.write_text(text)


def replace_table(text: str, name: str, table: str) -> str:
    """Put a table between its marks."""
    start, end = f"<!-- table: {name} -->", "<!-- end of table -->"
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}\n{table}\n{end}{after}"


def figures(results: Json) -> str:
    """The figures, and the CPU of both sides."""
    header = ["name", "codec", "ours", "other", "ratio", "rounds", "CPU a message, µs", "goal"]
    rows = [_figure(name, results[name]) for name in results if name != "about"]
    return _table(header, rows)


def split(results: Json) -> str:
    """The CPU of a message before and after, by part."""
    header = ["part", "before, µs", "after, µs"]
    row = results.get("batch_vs_before", {})
    by_side = row.get("cpu_seconds_per_message")
    if not by_side:
        return _table(header, [[row.get("error", "not measured"), "", ""]])
    before, after = by_side["other"], by_side["ours"]
    rows = [[part, _micro(before.get(part, 0)), _micro(after.get(part, 0))] for part in _PARTS]
    limit = results["cpu_per_message_vs_before"]["json_once_cpu_seconds"]
    sums = [_micro(sum_own_cpu(side)) for side in (before, after)]
    return _table(
        header, [*rows, ["all", *sums], ["its JSON read and written once", *[_micro(limit)] * 2]]
    )


def systems(results: Json) -> str:
    """The comparison with other systems."""
    if not results:
        return "Not measured."
    header = ["system", "messages/s", "with 20 ms", "CPU a message, µs", "lost", "sent twice"]
    rows = [_system(name, results[name]) for name in results if name != "about"]
    return _table([*header, "lines"], rows)


def _figure(name: str, row: Json) -> list[str]:
    if "error" in row:
        return [f"`{name}`", "", "", "", "failed", row["error"], "", ""]
    goal = GOALS.get(name)
    missed = goal is not None and not goal.is_met(row["ratio"])
    cpu = [_micro(sum_own_cpu(side)) for side in row.get("cpu_seconds_per_message", {}).values()]
    rounds = row["rounds"]
    return [
        f"`{name}`",
        row.get("codec", ""),
        f"{_number(row['ours'])} {row['unit']}",
        _number(row["other"]),
        f"**{row['ratio']:.3g}**",
        f"{min(rounds):.3g} to {max(rounds):.3g}",
        " / ".join(cpu),
        f"{goal or ''}{', missed' if missed else ''}",
    ]


def _system(name: str, row: Json) -> list[str]:
    at_once, delayed, killed = (row.get(key, {}) for key in ("at_once", "after_20_ms", "killed"))
    return [
        name.replace("_", " "),
        _value(at_once, "messages_per_second"),
        _value(delayed, "messages_per_second"),
        _value(at_once, "cpu_seconds_per_message", 1e6),
        _value(killed, "lost"),
        _value(killed, "sent_twice"),
        str(row["program_lines"]),
    ]


def _value(cell: Json, key: str, factor: float = 1) -> str:
    return _number(cell[key] * factor) if key in cell else cell.get("error", "not measured")


def _table(header: list[str], rows: Iterable[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _micro(seconds: float) -> str:
    return _number(seconds * 1e6)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _read(name: str) -> dict[str, Any]:
    file = _FOLDER / name
    return json.loads(file.read_text()) if file.exists() else {}


if __name__ == "__main__":
    main()
