"""Results as a Markdown table and as JSON."""

import json

from bench.results import Results, Row

HEAD = "| figure | unit | n | min | median | max | ratio | target | |"
RULE = "|---|---|---:|---:|---:|---:|---:|---:|---|"


def markdown(results: Results) -> str:
    rows = [_line(results, row) for row in results.rows.values() if row.samples]
    notes = [f"- {note}" for note in results.notes]
    return "\n".join([HEAD, RULE, *rows, *([""] if notes else []), *notes])


def _line(results: Results, row: Row) -> str:
    ratio = results.ratio(row)
    low, middle, high = (_short(value) for value in (min(row.samples), row.median, max(row.samples)))
    cells = [
        row.what,
        row.unit,
        str(len(row.samples)),
        low,
        middle,
        high,
        "" if ratio is None else f"{ratio:.2f}",
        str(row.target or ""),
        results.verdict(row),
    ]
    return f"| {' | '.join(cells)} |"


def _short(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def as_json(results: Results, machine: str) -> str:
    rows = [
        {
            "figure": row.what,
            "unit": row.unit,
            "samples": row.samples,
            "floor": row.floor,
            "ratio": results.ratio(row),
            "target": str(row.target or ""),
            "verdict": results.verdict(row),
        }
        for row in results.rows.values()
        if row.samples
    ]
    return json.dumps({"machine": machine, "rows": rows, "notes": results.notes}, indent=1)
