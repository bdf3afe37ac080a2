import pytest

from tests.cluster.weather import Weather, bus_in

# What fails in there should say what it compared. Here, as tests/agents/conftest.py imports the first of them.
pytest.register_assert_rewrite("tests.agents.soundness", "tests.agents.house")


@pytest.fixture
def weather(monkeypatch: pytest.MonkeyPatch) -> Weather:
    """What becomes of the words between nodes."""
    made = Weather()
    monkeypatch.setattr("frontdesk.together.PostgresBus", bus_in(made))
    return made
