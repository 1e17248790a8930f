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


class Town:
    """Several networks, each a switch of its own, and namespaces that are plugged into them and out again.

    Every network may have a router: the default gateway of whoever is plugged in, with a hardware address of its own.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._mark = f"ct{os.getpid() % 100_000}"
        self._switches = f"{self._mark}-switches"
        self._add(self._switches)

    def _space(self, name: str) -> str:
        return f"{self._mark}-{name}"

    def _add(self, space: str) -> None:
        run("ip", "netns", "add", space)
        self._stack.callback(run, "ip", "netns", "delete", space)

    def inside(self, name: str) -> tuple[str, ...]:
        """What to put before a command, so that it runs there."""
        return "ip", "netns", "exec", self._space(name)

    def network(self, name: str) -> None:
        """A switch that joins whoever is plugged into it."""
        run("ip", "-n", self._switches, "link", "add", name, "type", "bridge", "mcast_snooping", "0")
        run("ip", "-n", self._switches, "link", "set", name, "up")

    def space(self, name: str, *, ipv6: bool = True) -> None:
        """A namespace without any cable."""
        self._add(self._space(name))
        run(*self.inside(name), "ip", "link", "set", "lo", "up")
        if not ipv6:
            run(*self.inside(name), "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")

    def cable(self, name: str, device: str = "cable") -> None:
        """A cable in a namespace; its other end lies about."""
        run("ip", "link", "add", f"{name}-{device}", "netns", self._switches, "type", "veth",
            "peer", device, "netns", self._space(name))  # fmt: skip

    def router(self, network: str, address: str) -> None:
        """A namespace that answers at the address of a gateway, and forwards nothing."""
        name = f"gw-{network}"
        self.space(name)
        self.cable(name)
        self.plug_in(name, network, address)

    def plug_in(self, name: str, network: str, *addresses: str, device: str = "cable", gateway: str = "") -> None:
        """Put the cable into this network, with addresses of it (with their prefix), and perhaps a gateway."""
        run(*self.inside(name), "ip", "link", "set", device, "up")
        for address in addresses:
            run(*self.inside(name), "ip", "addr", "add", address, "dev", device)
        if gateway:
            run(*self.inside(name), "ip", "route", "add", "default", "via", gateway, "dev", device)
        run("ip", "-n", self._switches, "link", "set", f"{name}-{device}", "master", network)
        run("ip", "-n", self._switches, "link", "set", f"{name}-{device}", "up")

    def pull_out(self, name: str, device: str = "cable") -> None:
        """Its addresses and routes go, as a client of DHCP takes them away."""
        run("ip", "-n", self._switches, "link", "set", f"{name}-{device}", "down")
        run(*self.inside(name), "ip", "link", "set", device, "down")
        run(*self.inside(name), "ip", "addr", "flush", "dev", device)


@contextmanager
def town() -> Iterator[Town]:
    """Gone with all that is in it when the block ends."""
    if shutil.which("ip") is None:
        pytest.fail("this test needs `ip`: apt-get install iproute2")
    if os.geteuid() != 0:
        pytest.fail("this test makes network namespaces and needs root: run it with sudo")
    with ExitStack() as stack:
        yield Town(stack)
