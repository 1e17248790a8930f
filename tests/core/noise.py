"""Bytes that mean nothing, of every length.

Of `st.binary(max_size=3_000)` Hypothesis draws hardly any that is longer than twenty bytes: what looks at a header of
42 bytes first, or refuses whatever is shorter than a key, was never asked more than that.
"""

from __future__ import annotations

from hypothesis import strategies as st


def any_bytes(most: int, least: int = 0) -> st.SearchStrategy[bytes]:
    return st.integers(least, most).flatmap(lambda size: st.binary(min_size=size, max_size=size))
