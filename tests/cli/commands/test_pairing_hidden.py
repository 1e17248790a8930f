"""What an invitation says on a device that is shown on no network."""

from __future__ import annotations

from cellsync.cli.commands.pairing import _hidden


def test_it_names_an_address_to_type_and_says_why() -> None:
    there = ["192.168.1.20:51234", "[fe80::1%3]:51235"]
    said = _hidden({"hidden_by": "members", "listens": there})
    assert said == (
        "⚠ The members have chosen that devices are shown on no network, so nobody finds this one. Other device:\n"
        "  cellsync join --address 192.168.1.20:51234  (or [fe80::1%3]:51235)"
    )
    said = _hidden({"hidden_by": "device", "listens": there[:1]})
    assert said == (
        "⚠ This device is shown on no network (--no-lan, or --lan listen), so nobody finds it. Other device:\n"
        "  cellsync join --address 192.168.1.20:51234"
    )
    assert _hidden({"hidden_by": "device", "listens": []}).endswith("it is on no network now.")
