"""A local network of network namespaces: one cable from each device to a switch, to be pulled out and put back."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Lan:
    """Namespaces with a name each, all joined by one bridge."""

    def __init__(self, stack: ExitStack, names: Sequence[str], *, ipv4: bool) -> None:
        self._mark = f"cs{os.getpid() % 100_000}"
        self._switch = f"{self._mark}-switch"
        self._add(stack, self._switch)
        # No snooping: a bridge that learns who listens to which group needs a router that asks.
        run("ip", "-n", self._switch, "link", "add", "bridge", "type", "bridge", "mcast_snooping", "0")
        run("ip", "-n", self._switch, "link", "set", "bridge", "up")
        for number, name in enumerate(names, 1):
            space = self._space(name)
            self._add(stack, space)
            run("ip", "link", "add", name, "netns", self._switch, "type", "veth", "peer", "cable", "netns", space)
            run("ip", "-n", self._switch, "link", "set", name, "master", "bridge")
            run("ip", "-n", space, "link", "set", "lo", "up")
            if ipv4:
                run("ip", "-n", space, "addr", "add", f"10.99.0.{number}/24", "dev", "cable")
            run("ip", "-n", space, "link", "set", "cable", "up")
            self.plug_in(name)

    def _space(self, name: str) -> str:
        return f"{self._mark}-{name}"

    def _add(self, stack: ExitStack, space: str) -> None:
        run("ip", "netns", "add", space)
        stack.callback(run, "ip", "netns", "delete", space)  # its cables go with it

    def inside(self, name: str) -> tuple[str, ...]:
        """What to put before a command, so that it runs there."""
        return "ip", "netns", "exec", self._space(name)

    def keep_apart(self, *names: str) -> None:
        """As guest networks do: these devices reach the router, and not one another."""
        for name in names:
            run("ip", "-n", self._switch, "link", "set", name, "type", "bridge_slave", "isolated", "on")

    def plug_in(self, name: str) -> None:
        run("ip", "-n", self._switch, "link", "set", name, "up")

    def pull_out(self, name: str) -> None:
        run("ip", "-n", self._switch, "link", "set", name, "down")


@contextmanager
def lan(*names: str, ipv4: bool) -> Iterator[Lan]:
    """Gone with all that is in it when the block ends. IPv6 is link-local only."""
    if shutil.which("ip") is None:
        pytest.fail("this test needs `ip`: apt-get install iproute2")
    if os.geteuid() != 0:
        pytest.fail("this test makes network namespaces and needs root: run it with sudo")
    with ExitStack() as stack:
        yield Lan(stack, names, ipv4=ipv4)
