"""Texts of cases cannot be read anywhere: in no file, not on the wire, not around the process, in no log."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end.devices import Device, Workshop, agree
from tests.end_to_end.proxy import Proxy

WORD = "канарейка-Wróbel"  # stands in everything that is secret here
SECRETS = {
    "passphrase": f"{WORD} passphrase",
    "circle": f"{WORD} circle",
    "ana": f"{WORD} Ana",
    "ben": f"{WORD} Ben",
    "title": f"{WORD} title",
    "line": f"{WORD} line {'x' * 2000}",
}


def forms(text: str) -> Iterator[bytes]:
    """A text in the encodings in which it could rest or travel."""
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        plain = text.encode(encoding)
        yield plain
        yield plain.hex().encode()
        for shift in range(3):  # base64 has three phases; the outer characters depend on what stands beside
            for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
                yield alphabet(bytes(shift) + plain + bytes(-(shift + len(plain)) % 3)).rstrip(b"=")[4:-4]
    yield text.encode("unicode_escape")
    yield text.encode("cp1251", "replace").partition(b"?")[0]  # the Cyrillic half


FORMS = frozenset(forms(WORD))


def found_in(content: bytes) -> list[bytes]:
    return [form for form in FORMS if form in content]


def files(folders: Iterable[Path]) -> list[Path]:
    return [file for folder in folders for file in folder.rglob("*") if file.is_file()]


def surroundings(device: Device) -> bytes:
    """What others on the same machine can read of a process."""
    return b"".join(Path(f"/proc/{device.pid}/{name}").read_bytes() for name in ("environ", "cmdline", "comm"))


def written_elsewhere(device: Device) -> list[str]:
    """Files that a process has open, outside its vault: SQLite likes to make temporary ones."""
    found = []
    for link in Path(f"/proc/{device.pid}/fd").iterdir():
        where = os.readlink(link)
        regular = where.startswith("/") and not where.startswith(("/dev/", "/proc/"))
        if regular and not Path(where).is_relative_to(device.folder) and Path(where) != device.errors:
            found.append(where)
    return found


@pytest.mark.e2e
def test_nothing_of_a_case_can_be_read_outside_the_process(workshop: Workshop) -> None:
    with ExitStack() as stack:
        ana = workshop.start("a", log=True, alone=True)
        ana.ask("found", name=SECRETS["ana"], circle=SECRETS["circle"], passphrase=SECRETS["passphrase"])
        port = ana.ask("open", passphrase=SECRETS["passphrase"])["port"]
        wire = stack.enter_context(Proxy(port))
        ben = workshop.start("b", log=True, alone=True)
        code = ana.ask("invite")["code"]
        ben.ask("join", code=code, name=SECRETS["ben"], passphrase=SECRETS["passphrase"], port=wire.port)
        ana.ask("joined")
        ben.ask("open", passphrase=SECRETS["passphrase"])

        case = ana.ask("create", title=SECRETS["title"])["case"]
        agree([ana, ben])
        for device in (ana, ben):
            device.ask("edit", case=case, title=SECRETS["title"], line=SECRETS["line"])
        for number in range(40):  # enough that pages are split and the log is emptied into the database
            ana.ask("edit", case=case, line=f"{SECRETS['line']} {number}")
        agree([ana, ben])
        assert len(ben.ask("read", case=case)["lines"]) == 42

        vaults = files([ana.folder, ben.folder])
        assert any(file.name.endswith("-wal") for file in vaults)
        for device in (ana, ben):
            assert found_in(surroundings(device)) == []
            assert written_elsewhere(device) == []
        while_open = b"".join(file.read_bytes() for file in vaults)
        ana.stop()
        ben.kill()  # its write-ahead log stays
        at_rest = b"".join(file.read_bytes() for file in files([ana.folder, ben.folder]))
        recorded = wire.recorded()

    assert len(recorded) > 40 * len(SECRETS["line"])
    for content in (while_open, at_rest, recorded):
        assert found_in(content) == []
        assert code.replace("-", "").encode() not in content
    said = ana.errors.read_bytes() + ben.errors.read_bytes()
    assert found_in(said) == []
    assert code.encode() not in said
    assert code.replace("-", "").encode() not in said


def test_the_search_would_find_it(tmp_path: Path) -> None:
    text = SECRETS["title"]
    for shift in range(3):
        for plain in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")):
            padded = b"." * shift + plain + b"..."
            for content in (padded, base64.b64encode(padded), base64.urlsafe_b64encode(padded)):
                (tmp_path / "file").write_bytes(os.urandom(100) + content)
                assert found_in(files([tmp_path])[0].read_bytes())
    assert found_in(repr(text).encode("ascii", "backslashreplace"))
    assert found_in(text.encode("cp1251", "replace"))
    assert not found_in(os.urandom(100_000))
