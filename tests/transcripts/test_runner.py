"""The runner, with commands that every system has."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest

from tests.patience import PATIENCE
from tests.transcripts.runner import Differs, run
from tests.transcripts.transcript import parse

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),  # threads of others; the child execs at once
]

Play = Callable[..., None]
PYTHON: Final = shlex.quote(sys.executable)


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Runs a console block that stands behind some declarations."""

    def play(block: str, *declarations: str, patience: float = 30.0) -> None:
        declared = "".join(f"<!-- {one} -->\n" for one in declarations)
        text = f"{declared}```console\n{dedent(block).lstrip()}```\n"
        run(parse(text), tmp_path / "home", "page.md", patience=patience)

    return play


def program(folder: Path, text: str) -> str:
    """A command that runs this Python program."""
    path = folder / "program.py"
    path.write_text(dedent(text))
    return f"{PYTHON} {path}"


# --- output --------------------------------------------------------------------------------------------------


def test_what_is_printed_is_compared(play: Play) -> None:
    play(r"""
        $ echo one; echo; echo 'three  '
        one

        three
        $ true
        $ printf 'no end'
        no end
        $ printf 'a\tb\nа ✓ 漢 .\n'
        a       b
        а ✓ 漢 .
        $ seq 300
        1
        …
        300
        $ echo 12:34 in 0.1 s
        12:34 in … s
        """)


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        ("echo one", ""),
        ("true", "one\n"),
        ("echo one", "two\n"),
        ("echo one; echo two", "one\n"),
        ("echo one", "one\ntwo\n"),
        ("echo; echo one", "one\n"),
        ("echo ' one'", "one\n"),
        ("echo one two", "one…three\n"),
    ],
)
def test_every_difference_counts(play: Play, command: str, printed: str) -> None:
    with pytest.raises(Differs):
        play(f"$ {command}\n{printed}")


def test_a_failure_can_be_read(play: Play) -> None:
    with pytest.raises(Differs) as failure:
        play(
            """\
            ana$ echo before
            before
            ben$ echo Your code is 12-ab; seq 6; echo got
            Your code is 7-orbit
            …
            5
            6
            expected
            """,
            "example code: 7-orbit",
        )
    terminal, other = f"{'--- terminal ana ':-<60}", f"{'--- terminal ben ':-<60}"
    assert str(failure.value) == dedent(f"""\
        page.md:10: the output differs
        --- expected
        +++ got
        @@ -5,4 +5,4 @@
         4
         5
         6
        -expected
        +got
        code = 12-ab
        {terminal}
        ana$ echo before
        before
        ana$ 
        {other}
        ben$ echo Your code is 12-ab; seq 6; echo got
        Your code is 12-ab
        1
        2
        3
        4
        5
        6
        got
        ben$ """)  # noqa: W291 (a prompt)


def test_a_line_is_not_broken_where_the_terminal_ends(play: Play) -> None:
    play(f"""
        $ echo {"long " * 40}.
        {"long " * 40}.
        """)


def test_what_is_drawn_over_is_not_seen(play: Play) -> None:
    play(r"""
        $ printf '10 %%\r100 %%\n\033[1mbold\033[0m\nabc\b\bx\n'
        100 %
        bold
        axc
        """)


def test_a_command_of_several_lines(play: Play) -> None:
    play(r"""
        $ cat <<END > file
        > one
        > END
        $ cat \
        >   file
        one
        """)


def test_a_complete_command_takes_no_more_lines(play: Play) -> None:
    with pytest.raises(Differs, match=r"page\.md:2: the shell wants no more lines of this command"):
        play("$ echo one\n> two\n")


# --- what is typed -------------------------------------------------------------------------------------------


def test_questions_of_programs(play: Play, tmp_path: Path) -> None:
    asking = program(tmp_path, 'print(repr(input("Name: ")))\nprint(repr(input("Again? [y/N]: ")))')
    play(
        f"""
        $ read -p "Name: " name; echo "($name)"
        Name: Ana of Mill Street
        (Ana of Mill Street)
        $ {asking}
        Name: й
        'й'
        Again? [y/N]:
        ''
        """,
        "asks: Name:",
        "asks: Again? [y/N]:",
    )


def test_hidden_input_is_not_seen(play: Play, tmp_path: Path) -> None:
    asking = program(tmp_path, 'import getpass\nfor _ in range(2): print(len(getpass.getpass("Passphrase: ")))')
    with pytest.raises(Differs) as failure:
        play(
            f"""
            $ {asking}
            Passphrase:
            10
            Passphrase:
            10
            $ read -s -p "Pass: " pass; echo; echo "${{#pass}}"
            Pass:
            0
            $ true
            something
            """,
            "hidden: Passphrase: => four words",
            "hidden: Pass: =>",
        )
    assert "page.md:13: the output differs" in str(failure.value)
    assert "four words" not in str(failure.value)


@pytest.mark.parametrize("said", ["error: There is no cell.", "Traceback (most recent call last):"])
def test_what_is_left_out_is_no_error(play: Play, said: str) -> None:
    """Readers do not see it, and it has to work for them all the same."""
    with pytest.raises(Differs, match=r"page\.md:4: the output differs"):
        play(f"$ echo fine\n…\n$ echo '{said}'\n…\n")


def test_hidden_input_waits_until_nobody_sees_it(play: Play, tmp_path: Path) -> None:
    """`getpass` throws away what was typed too early."""
    asking = program(tmp_path, 'import getpass\nprint("Passphrase:", end=" ", flush=True)\nprint(getpass.getpass(""))')
    play(f"$ {asking}\nPassphrase:\nfour words\n", "hidden: Passphrase: => four words")


def test_a_passphrase_that_would_be_seen_is_not_typed(play: Play) -> None:
    with pytest.raises(Differs, match=r"page\.md:4: what is typed here would be seen") as failure:
        play('$ read -p "Passphrase: " word\nPassphrase:\n', "hidden: Passphrase: => four words", patience=0.5)
    assert "four words" not in str(failure.value)


def test_a_question_that_is_not_asked(play: Play) -> None:
    with pytest.raises(Differs, match=r"page\.md:4: the output differs"):
        play("$ true\nName: Ana\n", "asks: Name:")


def test_ctrl_c(play: Play, tmp_path: Path) -> None:
    waiting = program(
        tmp_path,
        """\
        import time
        try:
            print("Waiting", flush=True)
            time.sleep(1000)
        except KeyboardInterrupt:
            print("\\nStopped.")
        """,
    )
    play(f"""
        $ sleep 1000
        ^C
        $ cat
        ^C
        $ {waiting}
        Waiting
        ^C
        Stopped.
        $ echo still here
        still here
        """)


def test_ctrl_c_at_a_question(play: Play, tmp_path: Path) -> None:
    asking = program(
        tmp_path,
        """\
        import getpass, sys
        try:
            getpass.getpass("Passphrase: ") if "hidden" in sys.argv else input("Name: ")
        except KeyboardInterrupt:
            print("Stopped." if "more" in sys.argv else "")
        """,
    )
    play(
        f"""
        $ {asking}
        Name: ^C
        $ {asking} hidden
        Passphrase: ^C
        $ {asking} more
        Name: ^CStopped.
        """,
        "asks: Name:",
    )


# --- several terminals ---------------------------------------------------------------------------------------


INVITE: Final = """\
    code=$RANDOM-orbit words="$RANDOM $RANDOM"
    echo "Code: $code, once."
    read given < to-ana
    [ $given = $code ] || exit
    echo "$words" > to-ben
    echo "Yours: $words"
    read -p "Same words? [y/N]: " same
    read other < to-ana
    echo "Ana says $same, Ben says $other."
    """
JOIN: Final = """\
    read -p "Code: " code
    echo $code > to-ana
    read words < to-ben
    echo "Yours: $words"
    read -p "Same words? [y/N]: " same
    echo $same > to-ana
    echo "Done."
    """
PAIRING: Final = (
    "example code: 7-orbit",
    "example words: violin harbor",
    "asks ben: Code:",
    "asks: Same words? [y/N]:",
)


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A folder with programs that two people run side by side."""
    (tmp_path / "invite").write_text(dedent(INVITE))
    (tmp_path / "join").write_text(dedent(JOIN))
    os.mkfifo(tmp_path / "to-ana")
    os.mkfifo(tmp_path / "to-ben")
    return tmp_path


def test_two_terminals_take_turns(play: Play, pair: Path) -> None:
    play(
        f"""
        ana$ cd {pair}; . ./invite
        Code: 7-orbit, once.
        ben$ cd {pair}; . ./join
        Code: 7-orbit
        Yours: violin harbor
        ana> Yours: violin harbor
        Same words? [y/N]: y
        ben>
        Same words? [y/N]: y
        ana>
        Ana says y, Ben says y.
        ben> Done.
        """,
        *PAIRING,
    )


def test_two_terminals_in_blocks_of_their_own(pair: Path) -> None:
    text = f"""\
        <!-- environment: FOLDER={pair} -->
        <!--
        ```console
        ana$ cd $FOLDER
        ben$ cd $FOLDER
        ```
        -->
        ```console ana
        $ . ./invite
        Code: 7-orbit, once.
        ```
        Say it to Ben.
        ```console ben
        $ . ./join
        Code: 7-orbit
        Yours: violin harbor
        Same words? [y/N]: n
        ```
        ```console ana
        …
        Same words? [y/N]: y
        Ana says y, Ben says n.
        ```
        ```console ben
        Done.
        ```
        """
    declared = "".join(f"<!-- {one} -->\n" for one in PAIRING)
    run(parse(declared + dedent(text)), pair / "home")


def test_what_was_seen_has_to_be_the_same_in_the_other_terminal(play: Play) -> None:
    with pytest.raises(Differs, match=r"page\.md:6: the output differs"):
        play("ana$ echo 1-a\n7-orbit\nben$ echo 2-b\n7-orbit\n", "example code: 7-orbit")


def test_what_no_program_has_shown_is_not_typed(play: Play) -> None:
    with pytest.raises(Differs, match=r"page\.md:3: no program has shown the code so far"):
        play("$ echo 7-orbit\n", "example code: 7-orbit")


def test_all_terminals_are_read_while_one_is_waited_for(play: Play) -> None:
    """A terminal takes some kilobytes, and then its program waits."""
    play("""
        ana$ mkfifo ~/done; seq 4000; echo > ~/done
        ben$ read < ~/done
        ana> …
        4000
        """)


# --- surroundings --------------------------------------------------------------------------------------------


def test_surroundings_are_the_same_everywhere(play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLSYNC_PROFILE", "mine")
    home = tmp_path / "home"
    play(f"""
        $ stty size; pwd; env | sort
        40 400
        {home}
        HOME={home}
        LANG=C.UTF-8
        NO_COLOR=1
        PASSPHRASE=…
        PATH={Path(sys.executable).parent}:…
        PWD={home}
        SHLVL=1
        TERM=dumb
        TRANSCRIPT=…
        TZ=UTC
        XDG_CACHE_HOME={home}/.cache
        XDG_CONFIG_HOME={home}/.config
        XDG_DATA_HOME={home}/.local/share
        XDG_RUNTIME_DIR={home}/.run
        XDG_STATE_HOME={home}/.local/state
        …
        $ ls -A
        .run
        ana$ pwd
        {home}/ana
        ana$ bash --norc -c 'echo "($PS1)"'
        ()
        """)


def test_a_document_adds_to_the_environment(play: Play) -> None:
    play(
        """
        ana$ echo $TERM $WHO
        vt100 all
        ben$ echo $TERM $WHO
        vt100 ben
        """,
        "environment: TERM=vt100",
        "environment: WHO=all",
        "environment ben: WHO=ben",
    )


# --- ends ----------------------------------------------------------------------------------------------------


def test_a_command_that_hangs(play: Play) -> None:
    with pytest.raises(Differs, match=r"page\.md:2: it still runs after 0\.5 s") as failure:
        play("$ echo one; sleep 1000\none\n", patience=0.5)
    assert str(failure.value).endswith("$ echo one; sleep 1000\none")


def test_output_that_does_not_come(play: Play) -> None:
    with pytest.raises(Differs, match=r"page\.md:4: not seen after 0\.5 s\n(.*\n)*-two\n"):
        play("ana$ echo one; sleep 1000\none\ntwo\nben$ true\nana> ^C\n", patience=0.5)


def test_a_line_counts_when_it_is_complete(play: Play) -> None:
    """Half of an example would be taken for all of it."""
    play(
        """
        ana$ mkfifo ~/one ~/two; printf 12-; read < ~/one; echo ab; read < ~/two
        ben$ echo > ~/one
        ana> 7-orbit
        ben$ echo 7-orbit; echo > ~/two
        7-orbit
        ana>
        """,
        "example code: 7-orbit",
    )


def test_a_shell_that_has_ended(play: Play) -> None:
    with pytest.raises(Differs, match=r"page\.md:4: the shell of this terminal has ended"):
        play("$ exit\nexit\n$ true\n")


LEFT: Final = """\
    import os, sys, time
    pipe = os.open(sys.argv[1], os.O_WRONLY)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            print(file=open("started", "a"), flush=True)
            for held in range(3):
                os.close(held)
            time.sleep(1000)
        os._exit(0)
    """


@pytest.mark.parametrize("end", ["true", "echo something", "sleep 1000"])
def test_nothing_is_left_running(play: Play, tmp_path: Path, end: str) -> None:
    """Not in the background, not in the foreground, not deaf to signals, not in a session or environment of its own."""
    pipe = tmp_path / "pipe"  # all of them hold it open
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        play(
            f"""
            $ touch started
            $ (trap "" HUP TERM INT; echo >> started; exec sleep 1000) > {pipe} &
            […
            $ nohup env -i sh -c 'echo >> started; sleep 1000; true' > {pipe} 2> /dev/null < /dev/null &
            […
            $ {program(tmp_path, LEFT)} {pipe}
            $ until [ $(wc -l < started) = 3 ]; do sleep 0.01; done
            $ {end}
            """,
            patience=3.0 if end == "sleep 1000" else PATIENCE,
        )
    except Differs:
        assert end != "true"
    try:
        assert os.read(reader, 1) == b"", "BlockingIOError if anybody could still write"
    finally:
        os.close(reader)


def test_what_the_shell_says_of_its_jobs_is_left_out(play: Play) -> None:
    """It says so at the next prompt, and which one that is nobody can know."""
    play("""
        $ sleep 1000 &
        [1] …
        $ sleep 1000 &
        [2] …
        $ kill $!; while kill -0 $! 2> /dev/null; do sleep 0.01; done; echo one
        one
        $ kill -STOP %1; until grep -q "^State:.T" /proc/$(jobs -p %1)/status; do sleep 0.01; done
        $ true
        $ (exit 3) &
        [2] …
        $ wait $!
        $ printf '\\n[1]-seven\\n[1] Done\\n'

        [1]-seven
        [1] Done
        """)


def test_others_are_left_alone(play: Play) -> None:
    with subprocess.Popen(["sleep", "1000"]) as other:
        play("$ sleep 1000 &\n[…\n")
        assert other.poll() is None
        other.kill()
