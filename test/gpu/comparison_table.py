"""The table of docs/comparison.md: `python test/gpu/comparison_table.py RECORD`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

# Forms in the order of the table, and what they are called there.
FORMS = {
    "dense": "dense bf16",
    "semi_structured": "2:4 bf16",
    "fp8": "dense FP8",
    "ffn": "active neurons, given",
    "ffn_predicted": "active neurons, predicted",
}


def table(record: dict[str, Any]) -> str:
    """Microseconds of a layer, in Markdown: a row for each number of tokens, the fastest in bold."""
    times = {(result["form"], result["tokens"]): result["microseconds"] for result in record["results"]}
    lines = [f"| tokens | {' | '.join(FORMS.values())} |", f"|{'---|' * (1 + len(FORMS))}"]
    for tokens in sorted({tokens for _, tokens in times}):
        row = [times.get((form, tokens)) for form in FORMS]
        least = min(time for time in row if time is not None)
        cells = ["-" if time is None else f"**{time:.1f}**" if time == least else f"{time:.1f}" for time in row]
        lines.append(f"| {tokens} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
