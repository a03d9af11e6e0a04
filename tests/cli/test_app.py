"""The command as a whole: wrong use, errors in one line, what it needs."""

import subprocess
import sys

import pytest

from durable_analytics.cli._app import run
from durable_analytics.wire.methods import NOT_A_NAME
from tests.support.command import Command


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["find"], "give a MESSAGE_ID, or the user id with --user"),
        (["find", "a", "--user", "b"], "give a MESSAGE_ID, or the user id with --user"),
        (["pause"], "Missing argument 'NAME'."),
        (["find", "a", "--since", "soon"], "--since': 'soon' is neither a time nor a duration ago"),
        (["report", "--since", "0"], "--since': '0' is neither a time nor a duration ago"),
        (["report", "--until", "x"], "--until': 'x' is neither a time nor a duration ago"),
        (["report", "--since", "1h", "--until", "2h"], "--since': "),
        (["report", "--since", "2100-01-01"], "is not before the end of the period"),
        (["tail", "--since", "-1h"], "--since': '-1h' is neither a time nor a duration ago"),
        (["pause", "segment", "--for", "soon"], "--for': 'soon' is not a duration"),
        (["keys", "new", "--id", ""], "--id: must be 1 to 64 letters"),
        (["keys", "new", "--id", "a:b"], "--id: must be 1 to 64 letters"),
        (["sttus"], "No such command 'sttus'"),
        (["status", "--yaml"], "No such option: --yaml"),
    ],
)
def test_wrong_use_is_one_line(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit status 2."""
    assert run(arguments) == 2
    err = capsys.readouterr().err
    assert reason in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", ['a"b', "a\\", "Segment", ""])
@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["pause"], "'NAME'"),
        (["resume"], "'NAME'"),
        (["test", "--yes"], "'NAME'"),
        (["tail", "--integration"], "'--integration'"),
        (["failed", "list", "--integration"], "'--integration'"),
        (["failed", "redrive", "--yes", "--integration"], "'--integration'"),
        (["failed", "redrive", "--yes", "--to"], "'--to'"),
        (["import", "no-such-file.csv", "--integration"], "'--integration'"),
        (["explain", "no-such-file.json", "--integration"], "'--integration'"),
        (["plan", "check", "no-such-file.json", "--integration"], "'--integration'"),
    ],
)
def test_an_impossible_name_of_an_integration_is_wrong_use(
    arguments: list[str],
    place: str,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each command says so at once, without asking Temporal, and does not repeat the text."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")

    assert run([*arguments, name]) == 2

    err = capsys.readouterr().err
    assert err == f"durable-analytics: Invalid value for {place}: {NOT_A_NAME}\n"


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["find"], "'MESSAGE_ID'"),
        (["find", "--user"], "'--user'"),
        (["cancel", "--user"], "'--user'"),
        (["failed", "show"], "'ID'"),
        (["failed", "redrive", "--yes", "an-id"], "'[ID]...'"),
    ],
)
def test_an_id_that_is_not_utf_8_is_wrong_use(
    arguments: list[str], place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ended with the traceback of an exception."""
    assert run([*arguments, "a\udcff"]) == 2

    err = capsys.readouterr().err
    assert err == f"durable-analytics: Invalid value for {place}: must be text in UTF-8\n"


def test_no_connection_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the address, and the exit status 2."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setattr("durable_analytics.cli._session.PATIENCE_SECONDS", 0.3)

    assert run(["status"]) == 2
    err = capsys.readouterr().err
    assert "no Temporal server responds at 127.0.0.1:1" in err
    assert err.count("\n") == 1


def test_wrong_settings_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit status 2."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", "no address")

    assert run(["status"]) == 2
    assert capsys.readouterr().err.startswith("durable-analytics: TEMPORAL_ADDRESS: must be a host")


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Within 80 columns."""
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    for name in ("setup", "status", "find", "cancel", "explain", "tail", "test"):
        assert f"\n  {name} " in out


async def test_setup_can_be_repeated(command: Command) -> None:
    """The second time, nothing is left to do."""
    assert (await command("setup")).status == 0

    assert (await command("setup", "--json")).json == {"registered": []}
    assert "nothing to do" in (await command("setup")).out


def test_a_missing_extra_is_one_line() -> None:
    """It says what to install."""
    code = "import sys; sys.modules['typer'] = None; from durable_analytics.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert ended.stderr == (
        "durable-analytics: the package typer is missing: install durable-analytics[cli]\n"
    )


def test_ctrl_c_while_the_command_is_loaded_is_one_line() -> None:
    """As it is later."""
    code = """if True:
        import sys

        class Interrupted:
            def find_spec(self, name, path, target=None):
                if name == "typer":
                    raise KeyboardInterrupt

        sys.meta_path.insert(0, Interrupted())
        from durable_analytics.cli import main
        main()
    """
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (1, "durable-analytics: stopped\n")


@pytest.mark.parametrize(
    "words",
    [["status"], ["failed", "list"], ["find", "a"], ["pause", "segment"], ["setup"]],
    ids=str,
)
async def test_a_namespace_that_does_not_exist_is_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """It names the setting, and what to do."""
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "nowhere")

    ended = await command(*words)

    assert ended.status == 2
    assert ended.err.count("\n") == 1
    assert "TEMPORAL_NAMESPACE: the server at " in ended.err
    assert ended.err.endswith(" has no such namespace: create it, or set another one\n")
