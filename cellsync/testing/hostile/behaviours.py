"""What a turncoat does, as a table: each row a function of a conversation, and what an honest device answers with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple

import trio

from cellsync.core.rule import Rule
from cellsync.testing.hostile import detaching, speech, writing
from cellsync.testing.hostile.bombs import BOMBS, Attack, batches
from cellsync.testing.hostile.talk import Left, Talk, opened
from cellsync.testing.hostile.turncoat import Turncoat

BOMB_BYTES: Final = 8 << 20

Dial = Callable[[], Awaitable[trio.abc.Stream]]


class Behaviour(NamedTuple):
    """`breaks`: the rule under which an honest device ends the session. None: it breaks none.

    `refuses`: how many rows it refuses. `tires`: nothing is broken, and yet it has to leave after a while.
    """

    act: Callable[[Talk], Awaitable[None]]
    breaks: Rule | None = None
    refuses: int = 0
    tires: bool = False

    @property
    def ends(self) -> bool:
        """Whether the honest device ends the session."""
        return self.breaks is not None or self.tires


class Aftermath(NamedTuple):
    """What one conversation came to."""

    left: bool  # the other device has ended the session
    acknowledged: int  # batches
    refused: int  # rows of them


SPOKEN: Final[Mapping[str, Behaviour]] = {
    "claim false heights": Behaviour(speech.claim_false_heights),
    "claim to lack everything": Behaviour(speech.claim_to_lack_everything),
    "claim too many heads": Behaviour(speech.claim_too_many_heads, Rule.CAP_CHAINS),
    "never end a frontier": Behaviour(speech.never_end_a_frontier, Rule.CAP_CHAINS),
    "call everybody an equivocator": Behaviour(speech.call_everybody_an_equivocator),
    "name a head twice": Behaviour(speech.name_a_head_twice, Rule.FRONTIER_TWICE),
    "show paths without end": Behaviour(speech.show_paths_without_end, Rule.CAP_PATHS),
    "lie about where others are": Behaviour(speech.lie_about_where_others_are),
    "tell whereabouts too often": Behaviour(speech.tell_whereabouts_too_often, Rule.WHEREABOUTS_OFTEN),
    "tell where too many are": Behaviour(speech.tell_where_too_many_are, Rule.CAP_WHEREABOUTS),
    "tell a digest twice": Behaviour(speech.tell_a_digest_twice, Rule.DIGEST_TWICE),
    "tell a clock twice": Behaviour(speech.tell_a_clock_twice, Rule.CLOCK_TWICE),
    "offer twice": Behaviour(speech.offer_twice, Rule.OFFER_TWICE),
    "offer out of order": Behaviour(speech.offer_out_of_order, Rule.OFFER_ORDER),
    "speak of another circle": Behaviour(speech.speak_of_another_circle, Rule.CIRCLE_SHARED),
    "acknowledge nothing": Behaviour(speech.acknowledge_nothing, Rule.ACK_NOTHING),
    "refuse what was never sent": Behaviour(speech.refuse_what_was_never_sent, Rule.ACK_ROW),
    "refuse out of order": Behaviour(speech.refuse_out_of_order, Rule.ACK_ORDER),
    "refuse everything": Behaviour(speech.refuse_everything),
    "never acknowledge": Behaviour(speech.never_acknowledge, Rule.ACK_LATE),
    "speak noise": Behaviour(speech.speak_noise, Rule.CODEC_MSGPACK),
    "encode otherwise": Behaviour(speech.encode_otherwise, Rule.CODEC_CANONICAL),
    "say what is no message": Behaviour(speech.say_what_is_no_message, Rule.MESSAGE),
    "nest a message": Behaviour(speech.nest_a_message, Rule.CODEC_MSGPACK),
    "fill a message": Behaviour(speech.fill_a_message, Rule.CODEC_MSGPACK),
    "flip a bit": Behaviour(speech.flip_a_bit, Rule.OPENS),
    "send a frame again": Behaviour(speech.send_a_frame_again, Rule.FRAME_LENGTH),
    "flood with questions": Behaviour(speech.flood_with_questions),
    "stop reading answers": Behaviour(speech.stop_reading_answers, Rule.CAP_UNSENT),
    "stop reading": Behaviour(speech.stop_reading, tires=True),
    "fall silent": Behaviour(speech.fall_silent, tires=True),
}  # fmt: skip

WRITTEN: Final[Mapping[str, Behaviour]] = {
    "equivocate": Behaviour(writing.equivocate),
    "begin chains without end": Behaviour(writing.begin_chains_without_end, refuses=writing.BEYOND),
    "backdate": Behaviour(writing.backdate),
    "write before all clocks": Behaviour(writing.write_before_all_clocks, Rule.ENTRY_CLOCK),
    "write after all clocks": Behaviour(writing.write_after_all_clocks, Rule.ENTRY_CLOCK),
    "omit": Behaviour(writing.omit, refuses=2),
    "replay": Behaviour(writing.replay),
    "cut at an unverified entry": Behaviour(writing.cut_at_an_unverified_entry, Rule.SIGNATURE),
    "write for another": Behaviour(writing.write_for_another, Rule.SIGNATURE),
    "sign a false height": Behaviour(writing.sign_a_false_height, Rule.SIGNATURE),
    "sign something else": Behaviour(writing.sign_something_else, Rule.SIGNATURE),
    "leave a batch unfinished": Behaviour(writing.leave_a_batch_unfinished),
    "hand over too many at once": Behaviour(writing.hand_over_too_many_at_once, Rule.CAP_UNACKNOWLEDGED),
    "flood": Behaviour(writing.flood),
    "name many parents": Behaviour(writing.name_many_parents),
    "name too many parents": Behaviour(writing.name_too_many_parents, Rule.CAP_PARENTS),
    "name a parent twice": Behaviour(writing.name_a_parent_twice, Rule.ENTRY_TWICE),
    "cite one's own chain": Behaviour(writing.cite_ones_own_chain, Rule.ENTRY_OWN_CHAIN),
    "cite what is no row": Behaviour(writing.cite_what_is_no_row, Rule.ENTRY_PARENTS),
    "nest too deep": Behaviour(writing.nest_too_deep, Rule.CAP_NESTING),
    "nest beyond reading": Behaviour(writing.nest_beyond_reading),
    "write noise": Behaviour(writing.write_noise, Rule.CODEC_MSGPACK),
    "write nothing": Behaviour(writing.write_nothing, Rule.ENTRY_OPERATIONS),
    "leave the content out": Behaviour(writing.leave_the_content_out, Rule.ENTRY_CONTENT),
    "write too much": Behaviour(writing.write_too_much, Rule.CAP_ENTRY),
    "hand over too much": Behaviour(writing.hand_over_too_much, Rule.CAP_BATCH),
    "bring too many cases": Behaviour(writing.bring_too_many_cases, Rule.CAP_CASES),
    "bring too many chains": Behaviour(writing.bring_too_many_chains, Rule.CAP_CHAINS),
    "invent schemas": Behaviour(writing.invent_schemas),
    "invent operations": Behaviour(writing.invent_operations),
    "admit without right": Behaviour(writing.admit_without_right),
    "admit keys that are none": Behaviour(writing.admit_keys_that_are_none, Rule.ENTRY_KEYS),
    "admit nobody": Behaviour(writing.admit_nobody, Rule.ENTRY_CONTROL),
    "found the circle again": Behaviour(writing.found_the_circle_again, Rule.ENTRY_FOUND),
    "control in a case": Behaviour(writing.control_in_a_case, Rule.ENTRY_CASE),
    "remove without right": Behaviour(detaching.remove_without_right),
    "remove in another's name": Behaviour(detaching.remove_in_another_name, Rule.SIGNATURE),
    "detach what never is": Behaviour(detaching.detach_what_never_is, Rule.DETACHED),
    "detach in a batch": Behaviour(detaching.detach_in_a_batch, Rule.ENTRY_MARK),
}


async def bomb(attack: Attack, talk: Talk, most: int = BOMB_BYTES) -> None:
    """Write what is large, as fast as it is taken."""
    for batch in batches(talk.pen, attack(), most, talk.turncoat.now()):
        await talk.give(batch)


def _bombs() -> Iterator[tuple[str, Behaviour]]:
    for name, attack in BOMBS.items():
        yield f"write {name}", Behaviour(partial(bomb, attack))


BEHAVIOURS: Final[Mapping[str, Behaviour]] = {**SPOKEN, **WRITTEN, **dict(_bombs())}


async def carry_out(
    behaviour: Behaviour, turncoat: Turncoat, dial: Dial, carrier: bytes, entropy: Callable[[int], bytes],
    until: trio.Event | None = None,
) -> Aftermath:  # fmt: skip
    """Call the victim, and misbehave. Unless that ends the session, stay `until` then, and see that it goes on."""
    talk: Talk | None = None
    try:
        async with opened(turncoat, await dial(), carrier, entropy) as talk:
            await behaviour.act(talk)
            if behaviour.ends:
                await talk.left()
            if until is not None:
                await until.wait()
            await talk.ask()
            return Aftermath(False, talk.acknowledged, talk.refused)
    except* Left:
        pass
    return Aftermath(True, talk.acknowledged if talk else 0, talk.refused if talk else 0)
