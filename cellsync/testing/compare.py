"""Ask another implementation and ours the same questions, and say where they differ:

    python -m cellsync.testing.compare --drive COMMAND [--part PART]… [--count N] [--seed S] …

The questions are those of the vectors (in protocol/vectors, or `--vectors PATH`), changed at random: N of each part.
The same seed gives the same questions. `--keep PATH` writes each question about which the two differ into a folder, as
a vector with our answer.

Prints a line for each part. Ends with 1 if they differ, 2 if there was nothing that both have.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from cellsync.testing import harness
from cellsync.testing.harness import FAILED, Reply
from cellsync.testing.mutation import MADE_UP, changed
from cellsync.testing.vectors.case import is_case, same
from cellsync.testing.vectors.drive import Gone, driven

AGREE: Final = "agree"
RULES: Final = "agree, and name another rule"
DIFFER: Final = "differ"
UNSUPPORTED: Final = "unsupported"


def questions(
    part: str, vectors: Sequence[dict[str, Any]], count: int, seed: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """So many questions of one part, each a changed one of a vector."""
    given = [vector["given"] for vector in vectors]
    for number in range(count):
        random = Random(f"{seed} {part} {number}")
        yield part, changed(part, random.choice(given), given, random)


def compared(ours: Reply, theirs: Reply) -> str:
    """How two answers to one question stand to each other."""
    if FAILED in (str(ours.get("error", ""))[: len(FAILED)], str(theirs.get("error", ""))[: len(FAILED)]):
        return DIFFER  # a mistake, and no answer
    if "error" in ours or "error" in theirs:
        return AGREE if "error" in ours and "error" in theirs else DIFFER
    verdicts = [str(reply.get("expect")) for reply in (ours, theirs)]
    if UNSUPPORTED in verdicts:
        return UNSUPPORTED
    faults = [verdict.startswith("fault:") for verdict in verdicts]
    if any(faults):
        return DIFFER if not all(faults) else AGREE if verdicts[0] == verdicts[1] else RULES
    return AGREE if verdicts[0] == verdicts[1] and not differing(ours, theirs) else DIFFER


def differing(ours: Reply, theirs: Reply) -> list[str]:
    """The fields that both results have, and that are not the same."""
    one, other = ours.get("result") or {}, theirs.get("result") or {}
    return sorted(name for name in one if name in other and not same(one[name], other[name]))


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    vectors = _read(asked.vectors)
    parts = asked.part or sorted(part for part in MADE_UP if part in vectors)
    if unknown := [part for part in parts if part not in vectors or part not in MADE_UP]:
        print(f"no vectors to change of: {', '.join(unknown)}", file=sys.stderr)
        return 2
    if not parts:
        print(f"no vectors in {asked.vectors}: --vectors says where they are", file=sys.stderr)
        return 2
    try:
        return _compare(parts, vectors, asked)
    except Gone as gone:
        print(gone, file=sys.stderr)
        return 1


def _compare(parts: list[str], vectors: dict[str, list[dict[str, Any]]], asked: argparse.Namespace) -> int:
    everything: Counter[str] = Counter()
    with driven(asked.drive) as other:
        for part in parts:
            made = list(questions(part, vectors[part], asked.count, asked.seed))
            try:
                count = Counter(_told(made, other.ask(made), asked.keep))
            except Gone as gone:
                raise Gone(f"{part}: {gone}") from None
            print(f"{part}: " + ", ".join(f"{count[how]} {how}" for how in (AGREE, RULES, DIFFER, UNSUPPORTED)))
            everything += count
    if not everything[AGREE] + everything[RULES] + everything[DIFFER]:
        return 2
    return 1 if everything[DIFFER] else 0


def _told(made: list[tuple[str, dict[str, Any]]], theirs: Iterable[Reply], keep: Path | None) -> Iterator[str]:
    for number, ((part, given), our_reply, their_reply) in enumerate(zip(made, harness.ask(made), theirs, strict=True)):
        how = compared(our_reply, their_reply)
        if how == DIFFER:
            what = ", ".join(differing(our_reply, their_reply))
            said = [str(reply.get("error") or reply.get("expect")) for reply in (our_reply, their_reply)]
            print(f"{part} {number}: ours {said[0]}, theirs {said[1]}" + f"; {what}" * bool(what), file=sys.stderr)
            if keep is not None:
                _keep(keep, part, number, given, our_reply)
        yield how


def _keep(folder: Path, part: str, number: int, given: Mapping[str, Any], ours: Reply) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    vector = {"name": f"changed at random, number {number}", "part": part, "given": given} | ours
    (folder / f"{part}-{number}.json").write_text(json.dumps(vector, indent=1) + "\n")


def _read(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.rglob("*.json")):
        content = json.loads(path.read_bytes())
        if is_case(content):
            found.setdefault(content["part"], []).append(content)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cellsync.testing.compare", allow_abbrev=False)
    parser.add_argument("--drive", required=True, metavar="COMMAND", help="the other implementation's harness")
    parser.add_argument("--part", action="append", help="only this part; may be given several times")
    parser.add_argument("--count", type=int, default=1_000, help="questions of each part (1000)")
    parser.add_argument("--seed", default="1", help="the same one gives the same questions (1)")
    parser.add_argument(
        "--vectors",
        type=Path,
        default=Path("protocol/vectors"),
        metavar="PATH",
        help="whose questions are changed (protocol/vectors)",
    )
    parser.add_argument("--keep", type=Path, metavar="PATH", help="a folder for what they differ about")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
