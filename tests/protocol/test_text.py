"""What the text of protocol/ says of itself: everything that is named is there, and nothing is named after our code."""

from __future__ import annotations

import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import cellsync.api.contract.problems
import cellsync.store.files  # noqa: F401 - with the errors that they add
from cellsync.api.contract import events
from cellsync.core import caps, errors
from cellsync.core.wire.tags import Kind, Message, Op, PairingMessage

PROTOCOL: Final = Path(__file__).parents[2] / "protocol"
PARTS: Final = {path.stem: path for path in sorted(PROTOCOL.glob("[0-9]*.md"))}
TEXTS: Final = {**PARTS, "glossary": PROTOCOL / "glossary.md", "transcript": PROTOCOL / "transcript.md"}


@cache
def read(name: str) -> str:
    return TEXTS[name].read_text()


def part(number: str) -> str:
    [name] = [name for name in PARTS if name.startswith(number)]
    return name


def headings(name: str) -> set[str]:
    return {line.split(" ", 1)[1].strip() for line in read(name).splitlines() if re.match(r"#+ ", line)}


# --- parts and sections -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_every_part_that_is_named_is_there(name: str) -> None:
    text = read(name)
    named = set(re.findall(r"\b(\d\d-[a-z][a-z-]+)\b(?!\.\w)", text)) - {"32-byte"}
    assert named - set(PARTS) == set()


@pytest.mark.parametrize("name", TEXTS)
def test_every_section_that_is_named_is_there(name: str) -> None:
    for other, section in re.findall(r"\b(\d\d-[a-z-]+), ([A-Z][\w' ]*?[\w'])(?=[);.,:])", read(name)):
        assert any(heading.startswith(section) for heading in headings(other)), (name, other, section)


def test_the_first_part_lists_every_part() -> None:
    listed = re.findall(r"^\| (\d\d) ", read("00-conventions"), re.MULTILINE)
    assert listed == [name[:2] for name in PARTS]


@pytest.mark.parametrize("name", TEXTS)
def test_every_file_that_is_named_is_there(name: str) -> None:
    for file in re.findall(r"`((?:vectors|generate)/[\w./-]+\w)`", read(name)):
        if "CASE" not in file and "PART" not in file:
            assert (PROTOCOL / file).exists(), (name, file)


# --- labels -----------------------------------------------------------------------------------------


def labels() -> list[tuple[str, str]]:
    """Each label with the number of its part."""
    table = read("10-crypto").split("## Labels")[1].split("## ")[0]
    rows = re.findall(r"^\| (`.+`) \| .+ \| (.+) \|$", table, re.MULTILINE)
    return [(label, number) for row, number in rows for label in re.findall(r"`([^`]+)`", row) if number != "–"]


def without_table(text: str) -> str:
    before, _, after = text.partition("## Labels")
    return before + after[after.find("\n## ") :] if after else text


@pytest.mark.parametrize(("label", "number"), labels(), ids=lambda value: value.replace(" ", "-"))
def test_every_label_has_a_formula_in_the_part_that_is_named(label: str, number: str) -> None:
    text = without_table(read(part("10" if number == "here" else number)))
    branch = label in ("cs1 session", "cs1 spool", "cs1 discovery", "cs1 bundle")
    assert f'"{label}"' in text or f'"{label}\\0"' in text or (branch and "with the label of that name" in text)


# --- numbers ----------------------------------------------------------------------------------------


def numbered(text: str) -> dict[int, str]:
    return {int(number): name for number, name in re.findall(r"\| (\d+) ([a-z_]+)(?= )", text)}


def section(name: str, title: str) -> str:
    return re.split(r"^#+ ", read(name).split(f"# {title}\n")[1], flags=re.MULTILINE)[0]


def test_the_numbers_are_ours() -> None:
    kinds = {kind.value: kind.name.lower() for kind in Kind}
    assert numbered(section("20-wire", "Kinds of entries")) == kinds
    assert numbered(section("20-wire", "Operations of a case entry")) == {op.value: op.name.lower() for op in Op}
    messages = {message.value: message.name.lower() for message in Message}
    assert numbered(section("20-wire", "Messages of a session")) == messages


def test_every_message_of_a_session_has_a_form() -> None:
    forms = re.findall(r"^    ([A-Z]+) +\[(\d+)[,\]]", section("50-sync", "Messages"), re.MULTILINE)
    assert {name: int(number) for name, number in forms} == {one.name: one.value for one in Message}


def test_every_message_of_a_pairing_has_a_form() -> None:
    forms = re.findall(r"^\| ([A-Z]+) \| \w+ \| `\[(\d)[,\]]", read("55-pairing"), re.MULTILINE)
    assert {name: int(number) for name, number in forms} == {one.name: one.value for one in PairingMessage}


def test_every_operation_and_every_kind_has_a_form() -> None:
    rows = re.findall(r"^\| (\d+) \| (\w+) \| ", section("35-cases", "Operations"), re.MULTILINE)
    assert {int(number): name for number, name in rows} == {op.value: op.name.lower() for op in Op}
    table = section("40-membership", "Operations")
    for kind in Kind:
        assert kind is Kind.CASE or f"`{kind.name.lower()}`" in table, kind


def numbers_read(part: str, field: str) -> set[int]:
    """Of the messages in the vectors of a part that are read: the second byte, behind that of an array."""
    vectors = [json.loads(path.read_text()) for path in (PROTOCOL / "vectors" / part).glob("*.json")]
    return {bytes.fromhex(vector["given"][field])[1] for vector in vectors if vector["expect"] == "ok"}


def test_every_message_has_a_vector_that_is_read() -> None:
    assert {one.value for one in Message} - numbers_read("message", "payload") == set()
    assert {one.value for one in PairingMessage} - numbers_read("pairing", "message") == set()


# --- caps -------------------------------------------------------------------------------------------

CAPS: Final = {
    "frame": (caps.FRAME,),
    "messages": (),
    "batch": (caps.BATCH,),
    "elements": (caps.ELEMENTS,),
    "longest array of a message": (caps.FRAME // 26,),
    "entry": (caps.ENTRY,),
    "parents": (caps.PARENTS,),
    "nesting": (caps.NESTING,),
    "elements of an entry": (caps.ENTRY_ELEMENTS, caps.VALUE_ELEMENTS),
    "operations of a case": (caps.CASE_OPERATIONS,),
    "name": (caps.NAME,),
    "branches": (caps.BRANCHES, caps.WARN_BRANCHES),
    "surplus": (caps.SURPLUS,),
    "chains": (caps.CHAINS, caps.RESERVED),
    "devices": (caps.DEVICES,),
    "devices of a member": (caps.DEVICES_PER_MEMBER,),
    "detached entries": (caps.DETACHED,),
    "proof of a fork": (caps.FORK_PROOF,),
    "paths": (1 << 16,),
    "whereabouts": (caps.DEVICES, caps.ADDRESSES),
    "unacknowledged": (caps.UNACKNOWLEDGED,),
    "unsent": (4 << 20,),
    "pairing": (caps.PAIRING,),
    "clock skew": (caps.CLOCK_SKEW // 3_600_000,),
    "ephemerals": (caps.EPHEMERALS,),
    "ratchet": (caps.RATCHET_DAYS,),
    "circles": (caps.CIRCLES,),
}


def test_the_table_of_caps_has_our_values() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \| (.+?) \| .+? \| (.+?) \|$", section("00-conventions", "Caps"), re.MULTILINE)
    assert [name for name, _, _ in rows if name != "cap"] == list(CAPS)
    for name, value, _ in rows:
        numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", value)]
        assert set(CAPS.get(name, ())) <= set(numbers), name


def test_the_table_of_caps_has_every_cap() -> None:
    ours = {value for name, value in vars(caps).items() if name.isupper()} - {caps.CLOCK_SKEW}
    assert ours <= {value for values in CAPS.values() for value in values}


def test_every_cap_says_what_raises_it() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \| .+? \| .+? \| (.+?) \|$", section("00-conventions", "Caps"), re.MULTILINE)
    for name, raised in rows[1:]:
        assert raised in {"never", "protocol", "entries", "edition", "local", "a version of the vault's header"}, name


# --- rules ------------------------------------------------------------------------------------------


def rules() -> set[str]:
    return set(re.findall(r"^\| `([a-z0-9.-]+)` \|", read("05-rules"), re.MULTILINE))


@pytest.mark.parametrize("name", PARTS)
def test_every_rule_that_is_named_is_there(name: str) -> None:
    families = {rule.partition(".")[0] for rule in rules() if "." in rule}
    named = set(re.findall(rf"`((?:{'|'.join(sorted(families))})\.[a-z][a-z-]*)`", read(name)))
    assert named - rules() - events.DATA.keys() == set()


def test_the_order_of_checks_names_every_rule_that_has_an_order() -> None:
    order = section("05-rules", "Order of checks")
    named = set(re.findall(r"`([a-z0-9.-]+)`", order))
    named |= {rule for rule in rules() if rule.endswith(".twice")} if "`….twice`" in order else set()
    elsewhere = {
        # of rows that an element may have, and of what nobody sends
        "form.circle", "form.place", "frontier.row", "path", "whereabouts.row", "cap.whereabouts", "ack.late",
        "cap.unsent",
    }  # fmt: skip
    assert rules() - named - elsewhere == set()


# --- words ------------------------------------------------------------------------------------------

ALLOWED: Final = {
    # of other specifications, libraries and systems
    "ChaCha20", "ChaChaPoly", "MixKeyAndHash", "NNpsk0", "IKpsk0", "OpenSSL", "OpenAPI", "NaN", "KiB", "MiB", "GiB",
    "Noise_NNpsk0", "SO_BINDTODEVICE", "IP_BOUND_IF", "IPV6_BOUND_IF", "application_id", "user_version", "TypeScript",
    "locking_mode", "secure_delete", "White_Space",
    # columns of a database (70-vault)
    "case_number",
    # of the local API and of the harness, whose names these are
    "as_of", "left_out", "with_mentions", "service_type", "beacon_key", "number_key", "first_day", "in_use", "in_force",
    "remote_static", "external_id",
}  # fmt: skip
LOUD: Final = {
    # words of RFC 2119, abbreviations, other specifications, records of DNS, methods, SQL, and what stands in examples
    "MUST", "NOT", "MAY", "SHOULD", "RFC", "UTC", "UTF", "NFC", "NFKC", "LAN", "JSON", "HTTP", "API", "TCP", "UDP",
    "DNS", "IP", "IPV", "MAC", "ISO", "BCP", "CRDT", "QR", "TTL", "FIPS", "MB", "SO", "ML", "IV", "ID", "HPKE", "HKDF",
    "AEAD", "KDF", "KEM", "XOR", "SHA", "SHAKE", "BLAKE", "ASCII", "SPAKE", "CRYPTO", "IN", "OUT", "UNDECIDED", "PTR",
    "SRV", "TXT", "AAAA", "VRRP", "GET", "POST", "PATCH", "DELETE", "PRAGMA", "VACUUM", "INTO", "FULL", "EXCLUSIVE",
    "CELLSYNC", "NAME", "CASE", "PART", "RULE", "PATH", "COMMAND", "SEED", "ISSUE", "ORBIT", "MAPLE", "STRASSE", "IT",
    "FE", "FF", "FFFD", "FEFF", "YYYY", "MM", "DD",
}  # fmt: skip


def codes() -> set[str]:
    """Errors that programs on one device are told, and kinds of entries: names of the protocol itself."""

    def below(one: type[errors.CellsyncError]) -> set[type[errors.CellsyncError]]:
        return {one}.union(*map(below, one.__subclasses__()))

    return {one.code for one in below(errors.CellsyncError)} | {kind.name.lower() for kind in Kind}


@pytest.mark.parametrize("name", [name for name in PARTS if name not in ("37-casework", "90-threats")])
def test_no_name_comes_from_our_code(name: str) -> None:
    """Neither of a class, nor of a function, nor of a constant: a reader has none of them."""
    text = re.sub(r"`python -m .+?`|^    python -m .+$|`(?:cellsync|docs)/[\w./]+`", "", read(name), flags=re.MULTILINE)
    text = re.sub(r"H_\w+\(?|\w*25519_\w+", "", text)
    joined = set(re.findall(r"\b[A-Z][a-z]+\w*[A-Z]\w*\b|\b[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+\b", text))
    assert joined - ALLOWED - codes() == set()
    messages = {one.name for one in (*Message, *PairingMessage)}
    assert set(re.findall(r"\b[A-Z]{2,}(?=\b|\d|_)", text)) - LOUD - messages == set()
    ours = {one for one, _ in inspect.getmembers(errors, inspect.isclass)} - {"Closed", "Rule"}
    assert set(re.findall(r"\b[A-Z][a-z]+\b", text)) & ours == set()
