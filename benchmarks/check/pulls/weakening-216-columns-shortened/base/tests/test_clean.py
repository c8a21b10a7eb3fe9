from pipeline.clean import COLUMNS


def test_columns():
    assert "email" in COLUMNS
