"""The steps themselves, oldest first; each is named by its number."""
