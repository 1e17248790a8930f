"""The links of this machine, as its system lists them."""

from __future__ import annotations

import socket
import sys

import pytest

from cellsync.system.port import NO_TABLES
from cellsync.system.posix import interfaces


def test_loopback_is_up_and_what_is_not_there_is_not() -> None:
    assert interfaces.is_up(socket.if_indextoname(interfaces.loopback()))
    assert not interfaces.is_up("no such")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_loopback_is_among_the_links_that_the_kernel_lists() -> None:
    assert interfaces.loopback() in interfaces.tables().links


def test_a_system_that_does_not_tell_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "freebsd14")
    assert interfaces.tables() == NO_TABLES
    assert interfaces.is_up("no such")  # there the addresses of what is down are not listed
