"""What figures depend on beside the code: the processor, and the environment of a worker."""

import os
import sys
from pathlib import Path

from pipeline.execution.worker import worker_environment

# Vector and matrix units that decide how fast convolutions are.
UNITS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_tile")
CPU_INFO = Path("/proc/cpuinfo")


def describe_processor() -> str:
    """Return the processor's name and the vector units that it has, as Linux knows them."""
    if not CPU_INFO.exists():
        return "unknown processor"
    lines = [line.partition(":") for line in CPU_INFO.read_text().splitlines()]
    facts = {name.strip(): value.strip() for name, _, value in reversed(lines)}
    flags = set(facts.get("flags", "").split())
    units = " ".join(unit for unit in UNITS if unit in flags)
    return f"{facts.get('model name', 'unknown processor')} ({units or 'no unit known here'})"


def become_worker(threads: int) -> None:
    """Start this program again with the environment of a worker process, unless it has that.

    Some of its variables are read when a process starts. Prints the processor that it runs on.
    """
    environment = worker_environment(threads)
    if any(os.environ.get(name) != value for name, value in environment.items()):
        command = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **environment})
    print(describe_processor(), flush=True)
