"""Embeddings that cannot be read: sealed on disk, searched in memory, and a person can be forgotten."""

from privet.vault.contents import Hit, Record, Summary
from privet.vault.key_source import CommandKeys, FolderKeys, KeyringKeys, KeySource
from privet.vault.vault import Vault

__all__ = ["CommandKeys", "FolderKeys", "Hit", "KeySource", "KeyringKeys", "Record", "Summary", "Vault"]
