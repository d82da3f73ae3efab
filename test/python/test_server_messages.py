"""Whatever stops a server is explained in docs/troubleshooting.md, and nothing is that no code says."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "plugins" / "turbosparse"
# What the adapters for servers say themselves, and what they have from the code that they share.
FOLDERS = ("families", "layers", "vllm")
ERRORS = ("TurboSparseError", "CheckpointError", "LibraryError")
# Where sentences are made that are raised elsewhere.
MADE = {PACKAGE / "vllm" / "refusals.py": ast.Yield, PACKAGE / "windows.py": ast.Return}
# Fewer letters than a sentence has are around another error's text.
SHORTEST = 20


def texts(node):
    """Constant parts of a string or f-string, joined as a reader sees them."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def messages(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS:
            yield "…".join(texts(node))
        elif isinstance(node, MADE.get(path, ())) and node.value is not None:
            yield "…".join(texts(node.value))


MESSAGES = sorted(
    {
        message
        for path in [*(path for folder in FOLDERS for path in (PACKAGE / folder).rglob("*.py")), *MADE]
        for message in messages(path)
        if len(message) >= SHORTEST
    }
)
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
# The rows of the section's tables, whose first cell quotes a part of the message.
ROWS = re.findall(r"^\| `([^`]+)` \|", TEXT.partition("## Servers\n")[2].partition("\n## ")[0], re.MULTILINE)


@pytest.mark.parametrize("message", MESSAGES)
def test_message_is_explained(message):
    assert [row for row in ROWS if row in message]


@pytest.mark.parametrize("row", ROWS)
def test_explained_message_exists(row):
    assert [message for message in MESSAGES if row in message]


def test_there_are_messages():
    assert len(MESSAGES) > 20
