"""The gate: what a repository says about privacy, and whether a change makes it weaker.

Arrows: tree → readers (formats → units of facts) → rules (tables) → judge → ratchet, suppress, fix → scan.
"""
