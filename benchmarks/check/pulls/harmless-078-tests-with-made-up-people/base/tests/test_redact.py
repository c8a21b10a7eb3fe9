from agent.redact import redact


def test_address_goes():
    assert redact("write to someone@example.com") == "write to [EMAIL]"


def test_number_goes():
    assert redact("call 202-555-0143 now") == "call [NUMBER] now"
