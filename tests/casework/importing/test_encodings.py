"""Encodings of old tables: read correctly, or refused with advice; a garbled name never passes silently."""

from __future__ import annotations

import pytest

from cellsync.casework.importing import UnreadableFile
from cellsync.casework.importing.encodings import decode, is_broken

TEXTS = {
    "be": "external_id;name;note\nT-1;Ганна Ціхаструм;Чакае ліста ад сястры, была ў адваката\n",
    "ru": "external_id;name\nT-1;Анна Тихострум\n",
    "uk": "external_id;name;note\n1;Ганна Їжаченко;Чекає на лист від сестри\n",
    "pl": "external_id;name;note\n1;Łucja Śnieżkołap;Żona czeka na list\n",
    "lt": "id;name\n1;Rūta Žąsytė;Laukia laiško\n",
    "capitals": "№;ФИО\n1;ТИХОСТРУМ АННА ПЕТРОВНА\n2;СМОЛОКОТ ПЕТР\n",
    "one word": "id;name\n1;Вера\n",
    "a sign": "id;№\n1;x\n",
    "ascii": "id;name\n1;Vera\n",
}
ENCODINGS = [
    "utf_8", "utf_8_sig", "utf_16", "utf_16_le", "utf_16_be", "cp1251", "cp866", "koi8_r", "koi8_u", "mac_cyrillic",
    "iso8859_5", "cp1250", "iso8859_2", "cp852", "cp1257",
]  # fmt: skip
READ = {  # what people really have is not only not garbled, but read
    ("be", "cp1251"), ("ru", "cp1251"), ("ru", "cp866"), ("ru", "koi8_r"), ("uk", "koi8_u"), ("pl", "cp1250"),
    ("pl", "iso8859_2"), ("lt", "cp1257"), ("capitals", "cp1251"), ("one word", "cp1251"),
}  # fmt: skip


def encodable(text: str, encoding: str) -> bool:
    try:
        return bool(text.encode(encoding))
    except UnicodeEncodeError:
        return False


@pytest.mark.parametrize(
    ("name", "encoding"),
    [(name, encoding) for name, text in TEXTS.items() for encoding in ENCODINGS if encodable(text, encoding)],
)
def test_a_text_is_read_rightly_or_refused(name: str, encoding: str) -> None:
    text = TEXTS[name]
    refused: UnreadableFile | None = None
    try:
        assert decode(text.encode(encoding)) == text
    except UnreadableFile as error:
        refused = error
    if refused is not None:
        assert "encoding" in str(refused)
        assert "cp1251" in refused.hint
        assert (name, encoding) not in READ
        assert not encoding.startswith("utf")


def test_a_few_broken_bytes_in_much_utf8_are_marked_and_many_are_no_utf8() -> None:
    whole = "Ганна Ціхаструм\n" * 40
    damaged = bytearray(whole.encode())
    damaged[11] = 0x20
    text = decode(bytes(damaged))
    assert is_broken(text.split("\n")[0])
    assert not is_broken(text.partition("\n")[2])
    with pytest.raises(UnreadableFile):
        decode("Ганна Ціхаструм ".encode() + b"\xff\x98 \xfe\x98 \xfd\x98" * 3)


def test_utf8_that_somebody_read_as_cp1251_is_refused() -> None:
    garbled = "id,name\n1,Анна Тихострум\n".encode().decode("cp1251")
    with pytest.raises(UnreadableFile, match="garbled") as caught:
        decode(garbled.encode())
    assert "original" in caught.value.hint
    for fine in ("1,РСФСР\n", "1,СССР, РБ\n", "1,Рс\n"):
        assert decode(fine.encode()) == fine


def test_a_refusal_says_which_encodings_it_could_be() -> None:
    with pytest.raises(UnreadableFile, match="it could be CP1250 or CP1257"):
        decode(TEXTS["pl"].encode("cp1257"))
