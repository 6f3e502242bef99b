"""Several machines that train one model together: what the environment variable TF_CONFIG says.

The same command is started on each machine, and TF_CONFIG tells it which one it is:

    {"cluster": {"worker": ["host-1:2222", "host-2:2222"]}, "task": {"type": "worker", "index": 0}}

All of them see the run directory and the cache at the same paths. The chief, worker 0 (or the
task "chief" where there is one), writes files and runs every stage; the others train along.
"""

import dataclasses
import json
import os

from pipeline.errors import ConfigurationError

EXPECTED = (
    '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": NUMBER}}'
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The place of this process among those that train together.

    Attributes:
        num_machines: How many there are; 1: this one alone.
        index: Of this one; 0 is the chief.
    """

    num_machines: int = 1
    index: int = 0

    @property
    def is_chief(self) -> bool:
        """Whether this one writes the files."""
        return self.index == 0


def read_cluster() -> Cluster:
    """Return what TF_CONFIG says.

    Raises:
        ConfigurationError: If it is not understood.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        return Cluster()
    try:
        content = json.loads(text)
        hosts = {job: len(addresses) for job, addresses in content.get("cluster", {}).items()}
        task = content.get("task", {"type": "worker", "index": 0})
        kind, index = task["type"], int(task["index"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigurationError(
            f"TF_CONFIG cannot be read. Expected {EXPECTED}. Received: TF_CONFIG={text!r}"
        ) from error
    if sum(hosts.values()) <= 1:
        return Cluster()
    num_chiefs = hosts.get("chief", 0)
    is_known = not set(hosts) - {"chief", "worker"} and num_chiefs <= 1
    if not is_known or kind not in hosts or not 0 <= index < hosts[kind]:
        raise ConfigurationError(
            "TF_CONFIG names machines that train synchronously. Expected jobs worker and at most "
            f"one chief, and a task among them: {EXPECTED}. Received: TF_CONFIG={text!r}"
        )
    place = index + num_chiefs if kind == "worker" else 0
    return Cluster(sum(hosts.values()), place)
