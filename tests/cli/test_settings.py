"""Where settings come from, and what is said about wrong ones."""

import json
from pathlib import Path

import pytest

from frontdesk.settings import Settings, masked
from tests.cli.shell import done, frontdesk, refused


def shown(cwd: Path, **variables: str) -> dict[str, str]:
    """`frontdesk settings`: each setting's value."""
    return {row["setting"]: row["value"] for row in json.loads(done("settings", "--json", cwd=cwd, env=variables))}


def test_every_setting_is_shown_with_its_variable_and_its_help(tmp_path: Path) -> None:
    """Nothing can be set that is not listed."""
    rows = json.loads(done("settings", "--json", cwd=tmp_path))
    assert [row["setting"] for row in rows] == list(Settings.model_fields)
    assert all(row["environment"] == f"FRONTDESK_{row['setting'].upper()}" and row["help"] for row in rows)


def test_the_file_outweighs_the_defaults_and_a_variable_the_file(tmp_path: Path) -> None:
    """Each from its own place, in one run."""
    (tmp_path / "frontdesk.toml").write_text('port = 9001\nhost = "127.0.0.2"\n')
    found = shown(tmp_path, FRONTDESK_PORT="9002")
    assert (found["host"], found["port"], found["log_level"]) == ("127.0.0.2", "9002", "info")


def test_the_command_line_outweighs_all(tmp_path: Path) -> None:
    """The sentence names the folder that was looked in."""
    (tmp_path / "frontdesk.toml").write_text('data = "from-file"\n')
    assert "in from-file." in refused("org", "list", cwd=tmp_path)
    assert "in from-variable." in refused("org", "list", cwd=tmp_path, env={"FRONTDESK_DATA": "from-variable"})
    by_hand = refused("org", "list", "--data", "by-hand", cwd=tmp_path, env={"FRONTDESK_DATA": "from-variable"})
    assert "in by-hand." in by_hand


def test_a_variable_names_the_file(tmp_path: Path) -> None:
    """For services whose working folder is not theirs."""
    (tmp_path / "other.toml").write_text("port = 9003\n")
    assert shown(tmp_path, FRONTDESK_CONFIG="other.toml")["port"] == "9003"


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"FRONTDESK_PORT": "eighty"}, "The setting port (also FRONTDESK_PORT) is wrong"),
        ({"FRONTDESK_PORT": "70000"}, "less than or equal to 65535; it is '70000'"),
        ({"FRONTDESK_LOG_LEVEL": "loud"}, "'debug', 'info', 'warning' or 'error'"),
        ({"FRONTDESK_TRUSTED_PROXIES": "10.0.0.1"}, 'must be a JSON list, such as ["10.0.0.0/8"]'),
        ({"FRONTDESK_TRUSTED_PROXIES": '["nonsense"]'}, "'nonsense' does not appear to be an IPv4 or IPv6 network"),
        ({"FRONTDESK_TLS_KEY": "key.pem"}, "tls_certificate and tls_key belong together"),
        ({"FRONTDESK_CONFIG": "none.toml"}, "FRONTDESK_CONFIG names none.toml, which is no file."),
    ],
)
def test_a_wrong_variable_is_said(variables: dict[str, str], sentence: str, tmp_path: Path) -> None:
    """By its name, with what it is and what it may be."""
    assert sentence in refused("settings", cwd=tmp_path, env=variables)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("prot = 9000\n", "frontdesk.toml: there is no setting prot."),
        ("port = \n", "frontdesk.toml is not TOML"),
        ("port = -1\n", "The setting port"),
    ],
)
def test_a_wrong_file_is_said(content: str, sentence: str, tmp_path: Path) -> None:
    """By its name; a misspelt setting is never passed over."""
    (tmp_path / "frontdesk.toml").write_text(content)
    assert sentence in refused("settings", cwd=tmp_path)


def test_a_misspelt_variable_is_pointed_out(tmp_path: Path) -> None:
    """It does no harm, so that other programs' variables do not stop a start."""
    ended = frontdesk("settings", cwd=tmp_path, env={"FRONTDESK_PROT": "9000"})
    assert (ended.returncode, "FRONTDESK_PROT is set, but there is no such setting." in ended.stderr) == (0, True)


@pytest.mark.parametrize(
    ("address", "shown_as"),
    [
        ("postgresql://ada:secret@db:5432/chat", "postgresql://ada:…@db:5432/chat"),
        ("postgresql://ada@db/chat", "postgresql://ada@db/chat"),
        ("postgresql://db/chat", "postgresql://db/chat"),
        ("postgresql://ada:se/cr@et?x@db/chat", "postgresql://ada:…@db/chat"),
        ("postgresql:///chat?user=ada&password=secret&ssl=on", "postgresql:///chat?user=ada&password=…&ssl=on"),
        ("nats://secret@bus:4222", "nats://…@bus:4222"),
        ("nats://ada:secret@bus:4222", "nats://ada:…@bus:4222"),
        ("ada:secret@db/chat", "ada:…@db/chat"),
    ],
)
def test_a_password_in_an_address_is_not_shown(address: str, shown_as: str) -> None:
    """Also where somebody forgot to escape what is in it, or the scheme."""
    assert masked(address) == shown_as


def test_settings_show_no_password(tmp_path: Path) -> None:
    """The list is what people paste when they ask for help."""
    variables = {
        "FRONTDESK_DATABASE": "postgresql://ada:hidden@db/chat",
        "FRONTDESK_BUS": "nats://ada:hidden@bus:4222",
    }
    found = shown(tmp_path, **variables)
    assert (found["database"], found["bus"]) == ("postgresql://ada:…@db/chat", "nats://ada:…@bus:4222")
    assert "hidden" not in done("settings", cwd=tmp_path, env=variables)


@pytest.mark.parametrize("variable", ["FRONTDESK_DATABASE", "FRONTDESK_BUS"])
def test_a_wrong_address_is_said_without_its_password(variable: str, tmp_path: Path) -> None:
    """What is wrong is shown, and nothing that is secret."""
    sentence = refused("settings", cwd=tmp_path, env={variable: "mysql://ada:hidden@db/chat"})
    assert "mysql://ada:…@db/chat" in sentence
    assert "hidden" not in sentence
