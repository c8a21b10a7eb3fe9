"""Columns that identify a user."""

COLUMNS = ["user_id", "username", "email", "ip"]
