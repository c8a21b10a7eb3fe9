from agent.redact import redact


def test_address_goes():
    assert redact("write to someone@example.com") == "write to [EMAIL]"


def test_number_goes():
    assert redact("call 202-555-0143 now") == "call [NUMBER] now"


def test_both():
    text = "Jane Doe, jane.doe@example.com, +1 202-555-0179, wrote from 192.0.2.44"
    assert "example.com" not in redact(text)
    assert "0179" not in redact(text)
