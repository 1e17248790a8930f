"""A vault that a process has open is refused to every other process, and the one that has it notices nothing."""

from __future__ import annotations

import pytest

from tests.end_to_end.devices import PASSPHRASE, Refused, Workshop, check_vault


@pytest.mark.e2e
def test_a_second_process_is_told_and_the_first_goes_on(workshop: Workshop) -> None:
    first = workshop.founded(real_kdf=True)
    case = first.ask("create", title="before")["case"]

    second = workshop.start("ana", real_kdf=True)
    opening = second.send("open", passphrase=PASSPHRASE)
    founding = second.send("found", name="Eve", circle="Other Street", passphrase=PASSPHRASE)
    for request in (opening, founding):
        refused = second.refusal(request)
        assert refused is not None
        assert refused.code == "vault_in_use"
        assert refused.message == "Another program has this vault open."
        assert refused.hint == "Close the other cellsync, then try again."

    first.ask("edit", case=case, line="after")
    assert first.ask("read", case=case)["lines"] == ["after"]
    entries = first.ask("status")["entries"]

    first.kill()  # the lock goes with the process, however it ends
    second.ask("open", passphrase=PASSPHRASE)
    assert second.ask("read", case=case)["lines"] == ["after"]
    assert second.stop() == 0
    assert check_vault(first.folder) == entries


@pytest.mark.e2e
def test_an_open_vault_is_refused_within_the_same_process_too(workshop: Workshop) -> None:
    device = workshop.founded()
    with pytest.raises(Refused) as refused:
        device.ask("open", passphrase=PASSPHRASE)
    assert refused.value.code == "vault_in_use"
    device.ask("create", title="still works")
