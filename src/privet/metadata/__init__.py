"""Bytes to bytes with nothing but content."""
