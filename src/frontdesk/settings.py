"""Every setting, once: its type, default, environment name and help.

Read from, in rising order of weight: the defaults here, a TOML file (FRONTDESK_CONFIG, else frontdesk.toml in the
working folder if there is one), environment variables FRONTDESK_<NAME>, and the command line.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

PREFIX = "FRONTDESK_"


def config_file() -> Path:
    """The settings file that applies."""
    return Path(os.environ.get(f"{PREFIX}CONFIG", "frontdesk.toml"))


class Settings(BaseSettings):
    """The server's settings; frozen."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data: Path = Field(Path("frontdesk-data"), description="Folder that holds everything the server stores.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every one.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
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
    sessions_per_address: int = Field(
        60, ge=0, description="New streaming sessions a minute for one address; 0: no limit."
    )
    messages_per_session: int = Field(120, ge=0, description="Messaging requests a minute on one session; 0: no limit.")
    polls_per_session: int = Field(600, ge=0, description="Polls a minute on one session; 0 for no limit.")
    stop_seconds: int = Field(5, ge=0, description="Seconds that a stop waits for answers under way.")

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


def described(settings: Settings) -> list[tuple[str, str, Any, str]]:
    """Each setting as (name, environment name, value, help), in order."""
    return [
        (name, f"{PREFIX}{name.upper()}", getattr(settings, name), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
