"""What a running process costs, read from outside: CPU seconds and resident memory."""

import resource

import psutil  # type: ignore[import-untyped]


def tree(pid: int) -> list[psutil.Process]:
    """Return a process and everything below it."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """Return user plus system time of a process with its threads and its children, dead ones too."""
    times = [process.cpu_times() for process in tree(pid)]
    return float(sum(t.user + t.system + t.children_user + t.children_system for t in times))


def machine_cpu_seconds() -> float:
    """Return the time all cores together have worked since the machine started."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its children."""
    return int(sum(process.memory_info().rss for process in tree(pid)))


def raise_open_files() -> None:
    """Lift the limit of open files to what the machine allows: a soak holds a thousand connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
