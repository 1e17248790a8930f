"""Makes protocol/vectors/ and the transcript from the text: `python -m protocol.generate`, at the top of the checkout.

Nothing here imports cellsync: it is a second implementation, so where the two differ one of them, or the text, is
wrong.
"""

from __future__ import annotations

from protocol.generate import transcript
from protocol.generate.everything import everything
from protocol.generate.vector import VECTORS


def main() -> None:
    made = {vector.path: vector.text for vector in everything()}
    for part in {path.parent for path in made}:
        for stale in set(part.glob("*.json")) - set(made):
            stale.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    transcript.write()
    print(f"{len(made)} vectors in {VECTORS}")


if __name__ == "__main__":
    main()
