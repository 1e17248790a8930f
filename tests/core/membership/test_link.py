"""Names of linked devices: behind their member's, and by themselves."""

from __future__ import annotations

from cellsync.core.membership.link import full_name, own_name


def test_a_linked_device_is_called_behind_its_member() -> None:
    assert full_name("Ben", "Phone") == "Ben / Phone"
    assert own_name("Ben / Phone") == "Phone"


def test_one_that_came_with_its_member_has_the_members_name() -> None:
    assert own_name("Ben") == "Ben"
    assert own_name("Ben/Phone") == "Ben/Phone"
