"""Raw files and datasets in, clean ones out, with a manifest that proves it.

>>> from privet.ingest.rows import rows
>>> list(rows([{"text": "write to jane@example.com"}], tier="patterns"))
[{'text': 'write to [EMAIL_ADDRESS]'}]
"""
