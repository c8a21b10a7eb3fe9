"""Audits from outside: is raw data left in this dataset, does this endpoint leak, what did this model memorize."""
