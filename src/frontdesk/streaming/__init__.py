"""Delivery: from the log to whoever waits. It knows cursors and readers, and nothing of what events mean."""
