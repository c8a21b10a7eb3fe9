from pathlib import Path

SOURCE = Path("app.py").read_text()


def test_no_tunnel():
    assert "share=True" not in SOURCE
    assert 'server_name="0.0.0.0"' not in SOURCE
    assert 'flagging_mode="auto"' not in SOURCE
