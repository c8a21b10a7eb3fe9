from src.data import DROP


def test_identifying_columns_are_dropped():
    assert {"email", "phone"} <= set(DROP)
