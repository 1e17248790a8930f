"""What a turncoat says: messages that no honest device sends, or not so, or not so many."""

from __future__ import annotations

from itertools import count
from typing import Final

import trio

from cellsync.core import caps
from cellsync.core.crypto import channel
from cellsync.core.ids import DeviceId, EntryId, Incarnation
from cellsync.core.session.exchange import OFFER_AGAIN, STEPS
from cellsync.core.session.talking import ACKNOWLEDGE_WITHIN, LOCATED_AT_ONCE
from cellsync.core.wire import codec, frontiers, messages
from cellsync.core.wire.forms import SEQUENCE_END
from cellsync.core.wire.frontiers import PATH_STEPS, PATHS, Path
from cellsync.core.wire.messages import OFFERS, Places
from cellsync.core.wire.places import Frontier, Head
from cellsync.core.wire.tags import Message
from cellsync.testing.hostile.talk import Talk

EVERY: Final = 20.0  # seconds: often enough not to be taken for dead
MANY: Final = 100_000  # pings whose answers are more than may wait to be sent, here and in the systems


def part(talk: Talk, frontier: Frontier, *, last: bool) -> bytes:
    """A part of a frontier, whatever it has."""
    return codec.encode([Message.FRONTIER, talk.name, last, *(sorted(rows) for rows in frontier)])


def made_up(talk: Talk, heads: int) -> frozenset[Head]:
    """Heads of a device that does not exist."""
    line = DeviceId(talk.entropy(32)), Incarnation(talk.entropy(8))
    return frozenset(Head(*line, 1, EntryId(number.to_bytes(32, "big"))) for number in range(heads))


# --- false claims ----------------------------------------------------------------------------------------


async def claim_false_heights(talk: Talk) -> None:
    """Every chain is said to go on to the last sequence that there is, from ids that nobody has written."""
    last = SEQUENCE_END - 1
    heads = {head._replace(sequence=last, id=EntryId(talk.entropy(32))) for head in talk.turncoat.held.heads}
    await talk.tell(Frontier(frozenset(heads)))
    paths = [Path(head.line, [(last, EntryId(talk.entropy(32)))]) for head in heads]
    await talk.say(*frontiers.encode_paths(talk.name, paths))


async def claim_to_lack_everything(talk: Talk) -> None:
    """Served once, it says again and again that it holds nothing, asks for all of it, and refuses every row."""
    await talk.tell(Frontier(frozenset()))
    for _ in range(50):
        await talk.say(part(talk, Frontier(frozenset()), last=True), messages.PING_BYTES)


async def claim_too_many_heads(talk: Talk) -> None:
    for _ in range(1 + caps.CHAINS // 500):
        await talk.say(part(talk, Frontier(made_up(talk, 500)), last=True))


async def never_end_a_frontier(talk: Talk) -> None:
    for _ in range(1 + caps.CHAINS // 500):
        await talk.say(part(talk, Frontier(made_up(talk, 500)), last=False))


async def call_everybody_an_equivocator(talk: Talk) -> None:
    devices = frozenset(head.device for head in talk.turncoat.held.heads)
    await talk.tell(Frontier(frozenset(), devices))


async def name_a_head_twice(talk: Talk) -> None:
    [head] = made_up(talk, 1)
    await talk.say(codec.encode([Message.FRONTIER, talk.name, True, [head, head], [], []]))


async def show_paths_without_end(talk: Talk) -> None:
    line = talk.turncoat.founder.row.device, talk.turncoat.founder.row.incarnation
    steps = [((1 << 39) - at, EntryId(bytes([at]) * 32)) for at in range(PATH_STEPS)]
    paths = frontiers.encode_paths(talk.name, [Path(line, steps)] * PATHS)
    for _ in range(4 * STEPS // (PATH_STEPS * PATHS)):  # some are looked up meanwhile
        await talk.say(*paths)


async def lie_about_where_others_are(talk: Talk) -> None:
    """Everybody is said to be here, there, and at addresses of no host."""
    hosts = [bytes([10, 0, 0, 7]), bytes([127, 0, 0, 1]), bytes([224, 0, 0, 251]), bytes(4), bytes(16)]
    devices = {head.device for head in talk.turncoat.held.heads}
    places: Places = {device: [(host, 22) for host in hosts] for device in devices}
    await talk.say(messages.encode_whereabouts(talk.name, places))


async def tell_whereabouts_too_often(talk: Talk) -> None:
    said = messages.encode_whereabouts(talk.name, {talk.turncoat.device: [(bytes([10, 0, 0, 7]), 22)]})
    await talk.say(*[said] * (LOCATED_AT_ONCE + 1))


async def tell_where_too_many_are(talk: Talk) -> None:
    places: Places = {DeviceId(talk.entropy(32)): [(bytes(4), 1)] for _ in range(caps.DEVICES + 1)}
    await talk.say(messages.encode_whereabouts(talk.name, places))


# --- out of turn ---------------------------------------------------------------------------------------------


async def tell_a_digest_twice(talk: Talk) -> None:
    await talk.say(*[messages.encode_digest(talk.name, talk.entropy(32))] * 2)


async def tell_a_clock_twice(talk: Talk) -> None:
    await talk.say(messages.encode_clock(talk.turncoat.now()))


async def offer_twice(talk: Talk) -> None:
    await talk.say(messages.encode_offer(talk.entropy(16) for _ in range(OFFERS)))


async def offer_out_of_order(talk: Talk) -> None:
    await talk.say(codec.encode([Message.OFFER, [bytes([255 - at]) * 16 for at in range(OFFERS)]]))


async def speak_of_another_circle(talk: Talk) -> None:
    await talk.say(messages.encode_digest(talk.entropy(8), bytes(32)))


async def acknowledge_nothing(talk: Talk) -> None:
    await talk.say(messages.encode_ack(talk.name, []))


async def refuse_what_was_never_sent(talk: Talk) -> None:
    await talk.tell(Frontier(frozenset()))
    await trio.sleep(1)  # by then it has sent something
    await talk.say(messages.encode_ack(talk.name, [caps.CHAINS - 1]))


async def refuse_out_of_order(talk: Talk) -> None:
    await talk.say(codec.encode([Message.ACK, talk.name, [1, 0]]))


async def refuse_everything(talk: Talk, rounds: int = 3) -> None:
    """All that there is is asked for and refused, and refused again when it is offered again."""
    await talk.tell(Frontier(frozenset()))
    refused = 0
    for _ in range(int(rounds * OFFER_AGAIN)):
        while talk.brought:
            await talk.say(messages.encode_ack(talk.name, range(talk.brought.pop(0))))
            refused += 1
        await trio.sleep(1)
        await talk.ask()
    if refused < rounds:
        raise AssertionError("it was not offered again")


async def never_acknowledge(talk: Talk) -> None:
    """It lives, says so, and never says that anything arrived."""
    await talk.tell(Frontier(frozenset()))
    for _ in range(2 + int(ACKNOWLEDGE_WITHIN / EVERY)):
        await talk.say(messages.PING_BYTES)
        await trio.sleep(EVERY)


# --- nothing that could be read --------------------------------------------------------------------------------


async def speak_noise(talk: Talk) -> None:
    await talk.say(b"\xc1" + talk.entropy(1_000))


async def encode_otherwise(talk: Talk) -> None:
    await talk.say(b"\x91\xcc\x06")  # a PING whose number takes two bytes


async def say_what_is_no_message(talk: Talk) -> None:
    await talk.say(codec.encode([99, talk.name]))


async def nest_a_message(talk: Talk) -> None:
    await talk.say(b"\x91" * 60_000 + b"\x90")


async def fill_a_message(talk: Talk) -> None:
    """As many elements as a frame has bytes."""
    many = channel.MAX_PAYLOAD - 5
    await talk.say(b"\x92\x01" + codec.array_header(many) + b"\x90" * many)


async def flip_a_bit(talk: Talk) -> None:
    frame = bytearray(talk.transport.encrypt_frame(messages.PING_BYTES))
    frame[40] ^= 1
    await talk.send(bytes(frame))


async def send_a_frame_again(talk: Talk) -> None:
    await talk.send(talk.transport.encrypt_frame(messages.PING_BYTES) * 2)


# --- the pace ----------------------------------------------------------------------------------------------------


async def flood_with_questions(talk: Talk) -> None:
    """A thousand at once, and no answer is waited for."""
    await talk.say(*[part(talk, Frontier(frozenset()), last=True), messages.PING_BYTES] * 500)


async def stop_reading_answers(talk: Talk) -> None:
    """It asks without end whether the other device is there, and does not read what that says."""
    talk.stop_reading()
    for _ in range(MANY // 500):
        await talk.say(*[messages.PING_BYTES] * 500)


async def stop_reading(talk: Talk) -> None:
    """It asks for all that there is, and reads nothing."""
    await talk.tell(Frontier(frozenset()))
    talk.stop_reading()
    for _ in count():
        await trio.sleep(EVERY)
        await talk.say(messages.PING_BYTES)


async def fall_silent(talk: Talk) -> None:
    await talk.left()
