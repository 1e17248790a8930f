import trio

from cellsync import Log, Register, Schema, empty, found_cell, join, make_passphrase, open_cell
from cellsync.testing import MemoryNetwork, accept_any


class Eviction(Schema, kind="org.example.eviction", version=1):
    title: Register[str]
    status: Register[str]
    notes: Log[str] = empty()


async def main() -> None:
    net = MemoryNetwork()  # real programs give folders in place of these two homes
    ana_home, ben_home = net.home("ana"), net.home("ben")
    ana_words, ben_words = make_passphrase(), make_passphrase()  # each writes their own down
    print(await found_cell(ana_home, "Mill Street", name="Ana", passphrase=ana_words))
    async with open_cell(ana_home, passphrase=ana_words) as ana:
        invite = await ana.create_invite(role="writer", confirm=accept_any)  # real ones show words
        await join(ben_home, invite.code, name="Ben", passphrase=ben_words, confirm=accept_any)
        async with open_cell(ben_home, passphrase=ben_words) as ben:
            case = await ana.create(Eviction, title="12 Mill St", status="open")
            theirs = await ben.get(Eviction, case.id, wait=5)
            async with theirs.changes() as changes:
                async with case.edit() as draft:  # one signed entry, durable here
                    draft.status = "court date set"
                    draft.notes.append("hearing 3 May")
                async for change in changes:
                    print(change.author, change.path, change.value)
                    if change.path == "notes":
                        break


trio.run(main)
