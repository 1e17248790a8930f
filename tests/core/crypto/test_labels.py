"""One label, one use: the table of protocol/10-crypto.md and the module say the same."""

from __future__ import annotations

import re
from pathlib import Path

from cellsync.core.crypto import labels

SPECIFICATION = Path(__file__).parents[3] / "protocol" / "10-crypto.md"
LABELS = [value for name, value in vars(labels).items() if name.isupper()]


def test_no_two_uses_share_a_label() -> None:
    assert len(LABELS) == len(set(LABELS))


def test_labels_have_the_form_of_their_use() -> None:
    for label in LABELS:
        if label.startswith(b"cs1 "):
            assert len(label) <= 16, label
        else:
            assert label.startswith(b"cellsync/1 "), label
            assert label.endswith(b"\0"), label


def test_the_specification_lists_every_label_once() -> None:
    table = (
        SPECIFICATION.read_text().split("## Labels")[1].split("## What a stranger sees")[0].split("|---|---|---|")[1]
    )
    listed = re.findall(r"`((?:cs1|cellsync/1) [^`]+)`", table)
    assert sorted(listed) == sorted(label.rstrip(b"\0").decode() for label in LABELS)
