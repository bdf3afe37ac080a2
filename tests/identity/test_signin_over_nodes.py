"""Wrong passwords, with several nodes."""

from tests.identity.conftest import PASSWORD, House
from tests.identity.visiting import Visitor, alert
from tests.support.server import running


def test_tries_of_a_login_are_counted_over_all_nodes() -> None:
    """Whichever they come to; other logins are not refused."""
    with running(on="cluster", trusted_proxies=["127.0.0.1"]) as server:
        house = House(server, "acme")
        house.user("ada")
        page = house.page()
        statuses: list[int] = []
        for _ in range(30):
            with Visitor(house, page) as visitor:
                statuses.append(visitor.sign_in("ada", "wrong").status)
        # Each node looks at five by itself; what is refused there counts for all of them as well.
        assert statuses.count(401) <= 15
        with Visitor(house, page) as visitor:
            assert "At most 20 sign-ins of one login" in alert(visitor.sign_in("ada", PASSWORD))
        house.user("bo")
        with Visitor(house, page) as visitor:
            # People type their password where the login belongs.
            visitor.sign_in("my-very-secret-word", "wrong")
        assert "my-very-secret-word" not in str(server.rows("SELECT * FROM rates"))
        with Visitor(house, page) as visitor:
            # No database takes the first; it must be counted all the same.
            told = [alert(visitor.sign_in("\0", "wrong")) for _ in range(25)]
            assert "At most 20 sign-ins of one login" in told[-1]
        with Visitor(house, page) as visitor:
            assert visitor.sign_in("bo", PASSWORD).status == 303
