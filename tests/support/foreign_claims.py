"""What the provider in `foreign_provider` says of people: it imports this itself, once it is set up."""

from typing import Any

from oauth2_provider.oauth2_validators import OAuth2Validator


class Claims(OAuth2Validator):  # type: ignore[misc]  # published without types
    """In the id token the subject alone; the rest at the userinfo."""

    def get_userinfo_claims(self, request: Any) -> Any:
        """See Django OAuth Toolkit."""
        more = {"email": request.user.email, "email_verified": True, "name": request.user.first_name}
        return {**super().get_userinfo_claims(request), **more}
