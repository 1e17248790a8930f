"""A slip in a recovery key: where it was, as far as that can be known."""

from __future__ import annotations

import pytest

from cellsync.cell.founding import RecoveryKey
from cellsync.cell.mistyped import mistyped_group
from cellsync.core.errors import InvalidValue
from cellsync.core.ids import RecoverySecret

KEY = RecoveryKey(RecoverySecret(bytes(range(32))))
GROUPS = KEY.text.split("-")


def fits(key: RecoveryKey) -> bool:
    return key.text == KEY.text


def typed(group: int, text: str) -> str:
    """The key, with something else as this group."""
    return "-".join([*GROUPS[: group - 1], text, *GROUPS[group:]])


@pytest.mark.parametrize("group", range(1, 13))
def test_one_character_is_wrong(group: int) -> None:
    right = GROUPS[group - 1]
    wrong = right[:2] + ("Z" if right[2] != "Z" else "Y") + right[3:]
    assert mistyped_group(RecoveryKey.read(typed(group, wrong)), fits) == group


def test_two_neighbours_are_exchanged() -> None:
    number, right = next((n, one) for n, one in enumerate(GROUPS[:-1], 1) if one[1] != one[2])
    assert mistyped_group(RecoveryKey.read(typed(number, right[0] + right[2] + right[1] + right[3])), fits) == number


def test_two_slips_or_another_paper_are_not_guessed_at() -> None:
    assert mistyped_group(RecoveryKey(RecoverySecret(bytes(32))), fits) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (typed(3, "AB9D"), "Group 3 is mistyped: no recovery key has such a character."),
        (typed(13, "ABC"), "Group 13 is mistyped: it has 3 characters, not 4."),
        ("-".join(GROUPS[:-1]), "A group is missing, or typed twice: these are 12, not 13."),
        ("-".join([*GROUPS, GROUPS[0]]), "A group is missing, or typed twice: these are 14, not 13."),
        ("".join(GROUPS)[:-1], "It is mistyped: these are 51 letters and digits, not 52."),
        ("".join(typed(7, "A$CD").split("-")), "Group 7 is mistyped: no recovery key has such a character."),
        (typed(13, "AAAB"), "Group 13, the last one, is mistyped."),
        ("", "It is mistyped: these are 0 letters and digits, not 52."),
    ],
)
def test_what_has_not_the_form_of_a_key_says_where(text: str, said: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        RecoveryKey.read(text)
    assert str(refused.value) == said


def test_the_same_key_is_read_however_it_is_grouped() -> None:
    for text in (KEY.text.lower(), KEY.text.replace("-", ""), KEY.text.replace("-", " — ")):
        assert RecoveryKey.read(text).text == KEY.text
