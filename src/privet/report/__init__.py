"""Policies, findings and evidence as text; pure functions."""
