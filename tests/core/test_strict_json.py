from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsync.core.plain import steady_json
from cellsync.core.strict_json import NotStrict, read

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


@given(values)
def test_what_is_written_is_read(value: object) -> None:
    assert read(json.dumps(value).encode()) == value
    assert read(bytearray(steady_json(value).encode())) == value


@given(st.binary())
def test_any_bytes_are_read_or_refused_with_a_reason(raw: bytes) -> None:
    reason, value = "", None
    try:
        value = read(raw)
    except NotStrict as error:
        reason = str(error)
    assert reason in ("is not UTF-8", "is not JSON", "has an object with the same name twice") or value == json.loads(
        raw
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"a":1,"a":2}', "twice"), (b'[{"a":{"b":1,"b":1}}]', "twice"), (rb'{"a\u0062":1,"ab":2}', "twice"),
        (b'{"":1,"":1}', "twice"), (b'"\xff"', "UTF-8"), (b'"\xed\xa0\x80"', "UTF-8"), (b'"\xc0\x80"', "UTF-8"),
        (b"\xff\xfe1\0", "UTF-8"), (b"\xef\xbb\xbf1", "JSON"), (rb'"\ud800"', "JSON"), (rb'"\udc00\ud800"', "JSON"),
        (rb'{"\ud800":1}', "JSON"), (b"NaN", "JSON"), (b"[-Infinity]", "JSON"), (b"1e999", "JSON"),
        (b"9" * 5_000, "JSON"), (b"[" * 100_000, "JSON"), (b"1 1", "JSON"), (b"", "JSON"), (b"{'a':1}", "JSON"),
        (b'"a\nb"', "JSON"), (b"[1,]", "JSON"), (b"01", "JSON"),
    ],
)  # fmt: skip
def test_two_meanings_are_none(raw: bytes, reason: str) -> None:
    with pytest.raises(NotStrict, match=reason):
        read(raw)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert read(rb'"\ud83d\ude00"') == "\N{GRINNING FACE}"
