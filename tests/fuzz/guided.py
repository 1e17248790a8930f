"""One type of bytes under the fuzzer: `python -m tests.fuzz.guided NAME COUNTS [options and folders of libFuzzer]`.

Atheris has libFuzzer draw the cases: it keeps those that reach a new edge of cellsync's code, and mutates them. Not
in `requirements.lock`; `make fuzz` installs it beside. COUNTS is a file that has, at any moment, how many cases were
tried and how many of them were read, since the process may end at any.
"""

from __future__ import annotations

import os
import resource
import struct
import sys
from pathlib import Path
from random import Random
from typing import Final

import atheris

COUNTS: Final = struct.Struct("<QQ")
_UNIT: Final = 1 if sys.platform == "darwin" else 1_024  # bytes of `ru_maxrss`


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def main(name: str, counts: Path, options: list[str]) -> None:
    with atheris.instrument_imports(include=["cellsync"]):
        from tests.fuzz.registry import TYPES
        from tests.fuzz.wire_type import MEMORY

    of = TYPES[name]
    cases = read = 0
    of.accepts(of.good()[0])  # what is made once is made before memory is measured
    most = peak()
    file = os.open(counts, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def one(case: bytes) -> None:
        nonlocal cases, read, most
        cases += 1
        os.pwrite(file, COUNTS.pack(cases, read), 0)  # also of a case that is a finding
        read += of.accepts(case)
        now = peak()
        assert now - most <= MEMORY, f"a case needed {now - most:,} bytes of memory"
        most = now

    def other(case: bytes, most: int, seed: int) -> bytes:
        """Every second mutation is of a value, and the rest are libFuzzer's of the bytes."""
        random = Random(seed)
        found = of.mutated(case, random) if random.random() < 0.5 else None
        return found if found is not None and len(found) <= most else atheris.Mutate(case, most)

    atheris.Setup([sys.argv[0], *options], one, custom_mutator=other)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
