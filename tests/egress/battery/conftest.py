"""The battery's programs are started, never imported by the test runner."""

collect_ignore_glob = ["*.py"]
