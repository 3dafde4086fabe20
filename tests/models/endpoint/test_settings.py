from __future__ import annotations

import pytest

from commonweal.errors import OptionError
from commonweal.models.endpoint.settings import EndpointSettings, key_for, settings_from

BOTH = {"COMMONWEAL_API_KEY": "own", "OPENAI_API_KEY": "theirs"}


def test_nothing_in_the_environment_gives_the_usual_settings() -> None:
    assert settings_from({}) == EndpointSettings()
    assert settings_from({"COMMONWEAL_API_MAX_TOKENS": " "}) == EndpointSettings()


def test_every_setting_has_its_variable() -> None:
    names = ("ROUTE", "CONCURRENCY", "TIMEOUT_S", "REQUESTS_PER_MINUTE", "MAX_REQUESTS", "MAX_TOKENS")
    values = ("completions", "8", "2.5", "90", "1000", "1e6")
    environment = {f"COMMONWEAL_API_{name}": value for name, value in zip(names, values, strict=True)}
    assert settings_from(environment) == EndpointSettings(
        route="completions",
        concurrency=8,
        timeout_s=2.5,
        requests_per_minute=90.0,
        most_requests=1000,
        most_tokens=1_000_000,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROUTE", "chats"),
        ("CONCURRENCY", "0"),
        ("CONCURRENCY", "1000"),
        ("CONCURRENCY", "1.5"),
        ("TIMEOUT_S", "long"),
        ("TIMEOUT_S", "nan"),
        ("REQUESTS_PER_MINUTE", "-1"),
        ("MAX_REQUESTS", "inf"),
        ("MAX_TOKENS", "0.5"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(OptionError, match=f"COMMONWEAL_API_{name} is '?{value}'?; expected"):
        settings_from({f"COMMONWEAL_API_{name}": value})


@pytest.mark.parametrize(
    ("url", "environment", "key"),
    [
        ("https://example.org/v1", BOTH, "own"),
        ("https://api.openai.com/v1", BOTH, "own"),
        ("https://api.openai.com/v1", {"OPENAI_API_KEY": "theirs"}, "theirs"),
        ("http://api.openai.com/v1", {"OPENAI_API_KEY": "theirs"}, None),
        ("https://api.openai.com.example.org/v1", {"OPENAI_API_KEY": "theirs"}, None),
        ("https://example.org/v1", {"OPENAI_API_KEY": "theirs"}, None),
        ("https://example.org/v1", {"OPENAI_API_KEY": "theirs", "OPENAI_BASE_URL": "https://example.org/v1"}, "theirs"),
        ("http://example.org/v1", {"OPENAI_API_KEY": "theirs", "OPENAI_BASE_URL": "https://example.org/v1"}, None),
        ("https://example.org/v1", {"OPENAI_API_KEY": "theirs", "OPENAI_BASE_URL": "http://x:y"}, None),
        ("http://127.0.0.1:8000/v1", {"OPENAI_API_KEY": "theirs\n"}, "theirs"),
        ("http://[::1]:8000/v1", {"OPENAI_API_KEY": "theirs"}, "theirs"),
        ("http://127.0.0.1.example.org/v1", {"OPENAI_API_KEY": "theirs"}, None),
        ("https://example.org/v1", {}, None),
    ],
)
def test_a_key_goes_only_where_its_owner_meant_it(url: str, environment: dict[str, str], key: str | None) -> None:
    assert key_for(url, environment) == key


def test_a_key_that_is_none_is_refused_without_being_shown() -> None:
    with pytest.raises(OptionError, match="COMMONWEAL_API_KEY holds a space") as caught:
        key_for("https://example.org/v1", {"COMMONWEAL_API_KEY": "Bearer sk-secret"})
    assert "secret" not in str(caught.value)
