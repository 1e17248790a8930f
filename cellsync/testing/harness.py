"""`python -m cellsync.testing.harness`: questions about the protocol on standard input, our answers on standard output.

One JSON object a line (protocol/06-vectors.md, The harness). It ends when its input does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final

from cellsync.testing.answers import answer
from cellsync.testing.answers.question import BadQuestion

FAILED: Final = "failed: "  # begins an error that is the implementation's own

Reply = dict[str, Any]
"""An answer's `expect` and `result`, or its `error`."""


def answers(lines: Iterable[str]) -> Iterator[str]:
    """A line for each line, whatever it is."""
    for line in lines:
        try:
            question = json.loads(line)
        except (ValueError, RecursionError):
            question = None
        if isinstance(question, dict):
            yield json.dumps({"id": question.get("id"), **reply(question.get("part"), question.get("given"))})
        else:
            yield json.dumps({"id": None, "error": "no question"})


def ask(questions: Iterable[tuple[str, object]]) -> Iterator[Reply]:
    """The replies to questions (part, given), without a process in between."""
    return (reply(part, given) for part, given in questions)


def reply(part: object, given: object) -> Reply:
    try:
        if not isinstance(part, str):
            raise BadQuestion("it names no part")
        expect, result = answer(part, given)
    except BadQuestion as error:
        return {"error": str(error)}
    except Exception as error:  # a mistake of ours: whoever drives us has to hear of it, and may ask on
        return {"error": f"{FAILED}{type(error).__name__}: {error}"}
    return {"expect": expect} | ({} if result is None else {"result": result})


def main() -> None:
    if sys.argv[1:]:
        sys.exit(__doc__)
    for line in answers(sys.stdin):
        print(line, flush=True)


if __name__ == "__main__":
    main()
