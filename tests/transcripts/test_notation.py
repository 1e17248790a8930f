"""The meaning of a document, without running it."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.transcripts.examples import Examples, NotSeenYet
from tests.transcripts.markdown import Block, Declaration, Malformed, read
from tests.transcripts.transcript import INTERRUPT, Line, Question, Step, Variable, parse


def steps(text: str) -> list[Step]:
    return parse(dedent(text)).steps


def questions(text: str) -> list[Question | None]:
    return [line.question for step in steps(text) for line in step.lines]


# --- Markdown ------------------------------------------------------------------------------------------------


def test_only_console_blocks_count() -> None:
    text = "```console\na\n```\n```text\nb\n```\n```sh\nc\n```\n```\nd\n```\n~~~console\ne\n~~~\n```consoles\nf\n```\n"
    assert list(read(text)) == [Block(2, "", ("a",)), Block(14, "", ("e",))]


def test_a_block_that_shows_a_block_does_not_run() -> None:
    assert list(read("````markdown\n```console\n$ rm -r ~\n```\n<!-- asks: Name: -->\n````\n")) == []


def test_a_shorter_fence_does_not_close_a_block() -> None:
    assert list(read("````console\n```\n~~~~\n````\n")) == [Block(2, "", ("```", "~~~~"))]


def test_a_block_in_a_list_is_as_far_to_the_left() -> None:
    assert list(read("1. First:\n\n   ```console ana\n   $ a\n     b\n   ```\n")) == [Block(4, "ana", ("$ a", "  b"))]


def test_a_comment_hides_a_block_and_declares() -> None:
    text = dedent("""\
        <!-- example code: 7-orbit -->
        <!-- asks ben: Same? [y/N] -->
        <!-- What I think: nothing -->
        <!--
        hidden: Passphrase: => four words
        ```console
        $ setup
        ```
        -->
        asks: this is text
        """)
    assert list(read(text)) == [
        Declaration(1, "example", "code", "7-orbit"),
        Declaration(2, "asks", "ben", "Same? [y/N]"),
        Declaration(5, "hidden", "", "Passphrase: => four words"),
        Block(7, "", ("$ setup",)),
    ]


def test_a_block_that_is_never_closed_is_refused() -> None:
    with pytest.raises(Malformed, match="line 3: a block that is never closed"):
        list(read("a\n\n```console\n$ b\n"))


# --- steps ---------------------------------------------------------------------------------------------------


def test_commands_and_what_they_print() -> None:
    assert steps("```console\n$ one\na\n  b  \n\nana$ two\nana$   three\n```\n") == [
        Step(2, "", ["one"], [Line(3, "a"), Line(4, "  b"), Line(5, "")]),
        Step(6, "ana", ["two"]),
        Step(7, "ana", ["three"]),
    ]


def test_output_goes_on() -> None:
    assert steps("```console\nana$ one\na\nben$ two\nana>\nb\nana> c\nben$ three\n```\n") == [
        Step(2, "ana", ["one"], [Line(3, "a")], goes_on=True),
        Step(4, "ben", ["two"]),
        Step(5, "ana", [], [Line(6, "b")], goes_on=True),
        Step(7, "ana", [], [Line(7, "c")]),
        Step(8, "ben", ["three"]),
    ]


def test_a_terminal_for_each_block() -> None:
    assert steps("```console ana\n$ one\n```\n```console ben\n$ two\n```\n```console ana\nb\n```\n") == [
        Step(2, "ana", ["one"], goes_on=True),
        Step(5, "ben", ["two"]),
        Step(8, "ana", [], [Line(8, "b")]),
    ]


def test_a_command_of_several_lines() -> None:
    assert steps("```console\n$ cat <<END\n> a\n>\n> END\na\n> b\n```\n") == [
        Step(2, "", ["cat <<END", "a", "", "END"], [Line(6, "a"), Line(7, "> b")])
    ]


def test_what_only_looks_like_a_prompt_is_output() -> None:
    text = "```console\n$ one\neve> hello\n12$ 3\n$\ncosts 5$ now\n```\n"
    assert [line.text for line in steps(text)[0].lines] == ["eve> hello", "12$ 3", "$", "costs 5$ now"]


def test_output_needs_a_command() -> None:
    with pytest.raises(Malformed, match="line 2: output, and no command before it"):
        parse("```console\na\n```\n")


# --- questions -----------------------------------------------------------------------------------------------


def test_what_stands_behind_a_prompt_is_typed() -> None:
    assert questions("""\
        ```console
        $ before
        Same? [y/N] y
        ```
        <!-- asks: Same? [y/N] -->
        <!-- asks: Remove … ? -->
        ```console
        $ after
        Same? [y/N] y
        Same? [y/N]
        Same? [y/N]y
        Remove ben ? two words
        ```
        """) == [
        None,
        Question("Same? [y/N]", "y\n"),
        Question("Same? [y/N]", "\n"),
        None,
        Question("Remove ben ?", "two words\n"),
    ]


def test_hidden_answers_stand_in_the_comment_and_the_last_one_counts() -> None:
    assert questions("""\
        <!-- hidden: Passphrase: => one -->
        <!-- hidden ben: Passphrase: => two -->
        <!-- hidden: Passphrase (Enter = make one): => -->
        ```console
        ana$ c
        Passphrase:
        Passphrase (Enter = make one):
        ben$ c
        Passphrase: Thanks
        ```
        <!-- asks: Passphrase: -->
        ```console
        ben$ c
        Passphrase: x
        ```
        """) == [
        Question("Passphrase:", "one\n", hidden=True),
        Question("Passphrase (Enter = make one):", "\n", hidden=True),
        Question("Passphrase:", "two\n", hidden=True),
        Question("Passphrase:", "x\n"),
    ]


def test_the_longest_prompt_counts() -> None:
    assert questions("<!-- asks: Code: new -->\n<!-- asks: Code: -->\n```console\n$ c\nCode: new one\n```\n") == [
        Question("Code: new", "one\n")
    ]


def test_ctrl_c_is_what_terminals_show() -> None:
    text = "```console\n$ c\n^C\nWaiting ^C\n^CStopped.\nPress ^C to stop.\nName: ^CStopped.\nAge: ^CStopped.\n```\n"
    assert questions("<!-- asks: Name: -->\n" + text) == [
        Question("", INTERRUPT),
        Question("Waiting ", INTERRUPT),
        Question("", INTERRUPT),
        None,
        Question("Name:", INTERRUPT),
        None,
    ]


# --- declarations --------------------------------------------------------------------------------------------


def test_environment_of_all_and_of_one() -> None:
    transcript = parse("<!-- environment: A=b=c -->\n<!-- environment ben: D= -->\n")
    assert transcript.environment == [Variable("", "A", "b=c"), Variable("ben", "D", "")]


@pytest.mark.parametrize(
    "text",
    ["example: x", "example code:", "environment: x", "hidden: x", "example b: a", "example a: b"],
)
def test_a_declaration_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="line 2: "):
        parse(f"<!-- example a: a -->\n<!-- {text} -->\n")


# --- examples ------------------------------------------------------------------------------------------------


def test_dots_are_any_text_and_any_lines() -> None:
    pattern = Examples({}).pattern(["a…z", "…", "end"])
    assert pattern.fullmatch("a to z\nend\n")
    assert pattern.fullmatch("az\n\n1\n2\nend\n")
    assert not pattern.fullmatch("a\nz\nend\n")
    assert not pattern.fullmatch("az\nend\nmore\n")


def test_nothing_else_is_special() -> None:
    assert Examples({}).pattern(["a.b [y/N] (*)"]).fullmatch("a.b [y/N] (*)\n")
    assert not Examples({}).pattern(["a.b"]).fullmatch("axb\n")


def test_a_tab_is_as_wide_as_on_a_screen() -> None:
    assert Examples({}).pattern(["a\tb"]).fullmatch("a       b\n")


def test_an_example_is_learnt_and_then_has_to_be_the_same() -> None:
    examples = Examples({"code": "7-orbit", "words": "one two"})
    found = examples.pattern(["Code: 7-orbit, words: one two"]).fullmatch("Code: 9-maple, words: blue sky\n")
    assert found is not None
    examples.learn(found)
    assert examples.values == {"code": "9-maple", "words": "blue sky"}
    assert examples.fill("join 7-orbit with one two; 17-orbits") == "join 9-maple with blue sky; 17-orbits"
    assert examples.pattern(["7-orbit"]).fullmatch("9-maple\n")
    assert not examples.pattern(["7-orbit"]).fullmatch("8-maple\n")


def test_an_example_is_the_same_within_a_pattern() -> None:
    pattern = Examples({"code": "7-orbit"}).pattern(["7-orbit", "7-orbit"])
    assert pattern.fullmatch("a\na\n")
    assert not pattern.fullmatch("a\nb\n")


def test_an_example_has_as_many_words() -> None:
    assert not Examples({"words": "one two"}).pattern(["one two"]).fullmatch("three\n")
    assert not Examples({"words": "one two"}).pattern(["one two"]).fullmatch("three four five\n")


def test_of_two_examples_the_longer_counts() -> None:
    examples = Examples({"short": "7", "long": "7 words"})
    found = examples.pattern(["7 words, 7"]).fullmatch("8 names, 9\n")
    assert found is not None
    assert found.groupdict() == {"long": "8 names", "short": "9"}


def test_what_was_not_seen_cannot_be_typed() -> None:
    with pytest.raises(NotSeenYet, match=r'no program has shown the code so far \("7-orbit" in the document\)'):
        Examples({"code": "7-orbit"}).fill("join 7-orbit")
