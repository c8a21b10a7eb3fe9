"""The privacy section of a model card: written from evidence, and held against it.

    from pathlib import Path
    from privet.card.verify import verify
    from privet.card.write import write

    write(Path("model"))
    verify(Path("model")).problems

Invariants:

- Every figure and every word of the section follows from the files in `evidence/` and the weights: the same files give the same bytes.
- What nothing in evidence shows is named as not measured.
- What the author wrote stays as it is, byte for byte.
- A card that would not verify is not written.

The formats are in docs/formats/card.md and docs/formats/card.schema.json.
"""
