"""Every setting, once: its type, default, environment name and help.

Read from, in rising order of weight: the defaults here, a TOML file (FRONTDESK_CONFIG, else frontdesk.toml in the
working folder if there is one), environment variables FRONTDESK_<NAME>, and the command line.
"""

from __future__ import annotations

import os
import re
from ipaddress import ip_network
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

PREFIX = "FRONTDESK_"
CONFIG = f"{PREFIX}CONFIG"


class WrongSettings(Exception):
    """Settings that can't be used; `problems` holds a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# Settings that hold an address which may have a password in it.
_ADDRESSES = frozenset({"database", "bus"})
# Greedy up to the last @: a password may hold one that nobody escaped.
_USER_INFO = re.compile(r"^(?P<scheme>\w+://)?(?P<user>[^:/?]*)(?P<secret>:.*)?@", re.DOTALL)
_IN_QUERY = re.compile(r"(?<=[?&]password=)[^&]*")


def masked(address: str) -> str:
    """An address without its password (or NATS token): what logs, sentences and lists may show."""
    return _IN_QUERY.sub("…", _USER_INFO.sub(_without_secret, address))


def _without_secret(found: re.Match[str]) -> str:
    scheme = found["scheme"] or ""
    if found["secret"] is not None:
        return f"{scheme}{found['user']}:…@"
    # nats://token@host: there the user itself is the secret.
    return f"{scheme}{found['user']}@" if scheme.startswith("postgres") else f"{scheme}…@"


def config_file() -> Path:
    """The settings file that applies."""
    return Path(os.environ.get(CONFIG, "frontdesk.toml"))


class Settings(BaseSettings):
    """The server's settings; frozen."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data: Path = Field(Path("frontdesk-data"), description="Folder that holds everything the server stores.")
    database: str = Field(
        "", description="postgresql://user:password@host/name for one or many nodes; empty: SQLite in the data folder."
    )
    bus: str = Field("", description="nats://host:4222 to carry words between nodes; empty: the database carries them.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every one.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str = Field(
        "", description="Address under which browsers reach the server, as https://chat.example.com; for signing in."
    )
    tls_certificate: Path | None = Field(None, description="PEM file with the certificate chain; turns TLS on.")
    tls_key: Path | None = Field(None, description="PEM file with the certificate's private key.")
    trusted_proxies: list[str] = Field(
        [], description="Addresses and networks whose X-Forwarded-For is believed (JSON list)."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severity logged.")
    log_json: bool = Field(default=False, description="Log JSON, one object a line, instead of lines for people.")
    sessions_max: int = Field(
        100_000, ge=1, description="Streaming sessions at one time; above it creating answers 429."
    )
    tokens_per_address: int = Field(60, ge=0, description="Web tokens a minute for one address; 0 for no limit.")
    tokens_per_organization: int = Field(
        6000, ge=0, description="Web tokens a minute for one organization; 0: no limit."
    )
    access_tokens_per_address: int = Field(
        300, ge=0, description="Requests a minute for access tokens and sign-ins from one address; 0: no limit."
    )
    sessions_per_address: int = Field(
        60, ge=0, description="New streaming sessions a minute for one address; 0: no limit."
    )
    messages_per_session: int = Field(120, ge=0, description="Messaging requests a minute on one session; 0: no limit.")
    polls_per_session: int = Field(600, ge=0, description="Polls a minute on one session; 0 for no limit.")
    connections_per_address: int = Field(
        2000, ge=0, description="Connections open at one time from one address; trusted proxies and 0: no limit."
    )
    lane: bool = Field(True, description="Serve through the lane; false serves the same through plain ASGI, slower.")  # noqa: FBT003
    stop_seconds: int = Field(5, ge=0, description="Seconds that a stop waits for answers under way.")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for network in value:
            ip_network(network, strict=False)
        return value

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^/?#\s@]+/?", value):
            raise ValueError("give https://host or https://host:port, or nothing")
        return value.rstrip("/")

    @field_validator("database")
    @classmethod
    def _postgresql(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("give postgresql://user:password@host/name, or nothing")
        return value

    @field_validator("bus")
    @classmethod
    def _nats(cls, value: str) -> str:
        if value and not value.startswith(("nats://", "tls://")):
            raise ValueError("give nats://host:4222 (or tls://), or nothing")
        return value

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together: give both or none")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic passes all four
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line over environment over file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=config_file())


def read(**given: Any) -> Settings:
    """The settings that apply, with what the command line gives (None: nothing). Raises WrongSettings."""
    if CONFIG in os.environ and not config_file().is_file():
        raise WrongSettings([f"{CONFIG} names {config_file()}, which is no file. Correct it or unset it."])
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise WrongSettings([_problem(each) for each in error.errors()]) from None
    except SettingsError:
        # Only the settings that are lists are read as JSON from the environment.
        wanted = f'{PREFIX}TRUSTED_PROXIES must be a JSON list, such as ["10.0.0.0/8"].'
        raise WrongSettings([wanted]) from None
    except (TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSettings([f"{config_file()} is not TOML: {error}."]) from None
    except OSError as error:
        raise WrongSettings([f"{config_file()} can't be read: {error.strerror}."]) from None


def _problem(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return f"{message}."
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"{config_file()}: there is no setting {name}."
    value = masked(str(error["input"])) if name in _ADDRESSES else error["input"]
    return f"The setting {name} (also {PREFIX}{name.upper()}) is wrong: {message}; it is {value!r}."


def unknown_variables() -> list[str]:
    """Environment variables that look like settings and are none: misspelt, most likely."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {CONFIG}
    return sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)


def described(settings: Settings) -> list[tuple[str, str, Any, str]]:
    """Each setting as (name, environment name, value, help), in order; passwords are left out."""
    return [
        (name, f"{PREFIX}{name.upper()}", _shown(settings, name), field.description or "")
        for name, field in Settings.model_fields.items()
    ]


def _shown(settings: Settings, name: str) -> Any:
    value = getattr(settings, name)
    return masked(value) if name in _ADDRESSES else value
