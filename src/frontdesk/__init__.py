"""frontdesk: a self-hosted web-chat contact centre."""

__version__ = "0.1.0"
