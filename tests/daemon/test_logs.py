"""Logs say what happened, and nothing that people wrote."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from cellsync.daemon import logs


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.JsonLines())
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG)
    yield out
    root.handlers[:] = before
    root.setLevel(level)


def test_each_line_is_one_object(lines: io.StringIO) -> None:
    logging.getLogger("cellsync.node.tcp").warning("a connection ended with %s", "OSError")
    (line,) = lines.getvalue().splitlines()
    said = json.loads(line)
    assert said.pop("at").endswith("+00:00")
    assert said == {"level": "warning", "where": "cellsync.node.tcp", "what": "a connection ended with OSError"}


def test_what_libraries_say_is_not_written(lines: io.StringIO) -> None:
    logging.getLogger("some.library").warning("got %r from %s", b"Anton", "192.168.1.20")
    logging.getLogger("hypercorn.error").error("path /v1/cases/Anton\nforged line")
    assert "Anton" not in lines.getvalue()
    assert "192.168" not in lines.getvalue()
    assert len(lines.getvalue().splitlines()) == 2


def test_of_an_exception_only_the_type_is_written(lines: io.StringIO, survived: list[str]) -> None:
    try:
        raise ValueError("Anton")
    except ValueError:
        logging.getLogger("cellsync.api").exception("failed")
    assert survived.pop() == "failed"
    assert json.loads(lines.getvalue())["error"] == "ValueError"
    assert "Anton" not in lines.getvalue()


@pytest.mark.parametrize(
    ("verbosity", "level"), [(-2, logging.ERROR), (-1, logging.ERROR), (0, logging.INFO), (3, logging.DEBUG)]
)
def test_verbosity(verbosity: int, level: int, lines: io.StringIO) -> None:
    logs.start(verbosity)
    assert logging.getLogger().level == level
