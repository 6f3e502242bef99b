"""The executor on a Ray cluster (https://docs.ray.io): tasks run on whichever machine is free.

A task whose machine or process dies is started again elsewhere; what it had saved (checkpoints,
results) it finds in the run directory, which all machines share. Ray is an optional dependency.
"""

import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigurationError, StageError
from pipeline.execution import contract, worker
from pipeline.progress import ProgressDisplay
from pipeline.runs.files import write_text
from pipeline.runs.manifests import versions

RETRIES = 3  # of a task whose machine or process died
SECONDS_BETWEEN_REPORTS = 0.5
REPOSITORY = Path(__file__).resolve().parents[2]


class RayPool(contract.Executor):
    """Runs tasks on a Ray cluster, of which this machine is a part.

    Args:
        address: Of the cluster, as `ray.init` takes it: "auto" finds the one that this machine
            belongs to, "local" starts one on this machine alone.
        threads: Threads of each worker process, and cores that a task asks the cluster for.
        replicas: GPUs that a model in training uses, where the cluster has GPUs.
        folders: What every machine must find at the same path: the run directory, the cache.
    """

    def __init__(self, address: str, threads: int, replicas: int, folders: Sequence[Path]):
        if address.startswith("ray://"):
            raise ConfigurationError(
                "The pipeline runs on a machine of the cluster. Expected the address of the "
                f"cluster, such as HOST:6379, or auto. Received: --ray-address {address}"
            )
        try:
            import ray
        except ImportError as error:
            raise ConfigurationError(
                "--executor ray needs the package Ray. Install it with: pip install -e '.[ray]'"
            ) from error
        self.threads = threads
        self._ray = ray
        self._replicas = replicas
        self._folders = tuple(folders)
        self._board: Any = None  # where tasks report, an actor of Ray
        # Whoever uses the processor of this machine alone.
        self._connect(address)
        self.num_workers = self._count_workers()

    def _connect(self, address: str) -> None:
        paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = worker.worker_environment(self.threads)
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        on_sigterm = signal.getsignal(signal.SIGTERM)
        try:
            self._ray.init(
                address, runtime_env={"env_vars": environment}, logging_level=logging.WARNING
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise StageError(
                f"No Ray cluster answers at {address}: {error}. Start one with `ray start --head` "
                "here and `ray start --address HOST:6379` on the other machines, or use "
                "--ray-address local for this machine alone."
            ) from error
        finally:
            signal.signal(signal.SIGTERM, on_sigterm)  # Ray's own would end the run unsaved

    def _count_workers(self) -> int:
        """Return how many tasks the cluster runs at once, as it is now."""
        resources = self._ray.cluster_resources()
        if resources.get("GPU"):
            return max(1, int(resources["GPU"] // self._replicas))
        return max(1, int(resources.get("CPU", 1) // max(1, self.threads)))

    @property
    def num_local_cores(self) -> int:
        """Those of this machine: workers are elsewhere."""
        return len(os.sched_getaffinity(0))

    def _run(
        self,
        function: Callable[..., Any],
        tasks: Sequence[tuple[str, tuple]],
        display: ProgressDisplay,
        describe: Callable[[str, Any], str],
        new_process_each: bool,
    ) -> Generator[tuple[str, Any], None, None]:
        """Yield each task's name and result; see `contract.Executor`.

        Raises:
            StageError: Before anything runs, if a machine of the cluster does not share the
                folders or has other versions. A task that died `RETRIES` times more has a
                StageError as its result.
            KeyboardInterrupt: After Ctrl-C or SIGTERM, when every worker has saved its work.
        """
        if not tasks:
            return
        self._start()
        remote = self._remote_function(new_process_each)
        waiting = iter(tasks)
        running: dict[Any, str] = {}
        try:
            while True:
                # Few tasks are handed over ahead, so that few are to be called back by Ctrl-C.
                while len(running) < 2 * self._count_workers():
                    task = next(waiting, None)
                    if task is None:
                        break
                    name, arguments = task
                    running[remote.remote(self._board, function, name, arguments)] = name
                if not running:
                    return
                finished, _ = self._ray.wait(list(running), timeout=0.2)
                for name_of_task, done, total, details in self._ray.get(self._board.take.remote()):
                    display.update(name_of_task, done, total, **details)
                for reference in finished:
                    name = running.pop(reference)
                    result = self._result(reference, name)
                    display.finish(name, describe(name, result))
                    yield name, result
        except (KeyboardInterrupt, GeneratorExit):
            self._ray.get(self._board.stop.remote())
            display.say("stopping: the running tasks save their work")
            if running:
                self._ray.wait(
                    list(running), num_returns=len(running), timeout=contract.SECONDS_TO_SAVE
                )
            raise

    def _result(self, reference: Any, name: str) -> Any:
        """Return what a finished task returned or raised."""
        exceptions = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except exceptions.RayTaskError as error:
            error.cause.__cause__ = error  # which knows the traceback
            return error.cause
        except exceptions.RayError as error:
            return StageError(
                f"The worker process of {name} died {RETRIES + 1} times (killed, or out of "
                f"memory): {error}. What was finished is kept; the same command goes on from there."
            )

    def _remote_function(self, new_process_each: bool) -> Any:
        resources: dict[str, Any] = {"num_cpus": max(1, self.threads)}
        if self._ray.cluster_resources().get("GPU"):
            resources["num_gpus"] = self._replicas
        return self._ray.remote(
            max_retries=RETRIES, max_calls=1 if new_process_each else 0, **resources
        )(_run_on_cluster)

    def _start(self) -> None:
        """Check the cluster once, and set up what tasks report to, fresh for each stage."""
        if self._board is None:
            self._check_machines()
        else:
            self._ray.kill(self._board)
        here = self._ray.get_runtime_context().get_node_id()
        self._board = self._ray.remote(num_cpus=0, scheduling_strategy=self._on_node(here))(
            _Board
        ).remote()

    def _check_machines(self) -> None:
        token = uuid.uuid4().hex
        probes = [folder / f".shared-{token}" for folder in self._folders]
        for probe in probes:
            write_text(probe, token)
        nodes = [node["NodeID"] for node in self._ray.nodes() if node["Alive"]]
        check = self._ray.remote(num_cpus=0, max_retries=0)(_look_around)
        try:
            answers = self._ray.get(
                [
                    check.options(scheduling_strategy=self._on_node(node)).remote(probes, token)
                    for node in nodes
                ]
            )
        except self._ray.exceptions.RayTaskError as error:
            raise StageError(
                f"A machine of the cluster cannot import the pipeline: {error.cause}. Expected "
                f"this checkout at {REPOSITORY}, with its packages, on every machine"
            ) from error
        finally:
            for probe in probes:
                probe.unlink(missing_ok=True)
        for machine, missing, installed in answers:
            if missing:
                folders = ", ".join(str(path.parent) for path in missing)
                raise StageError(
                    f"The machine {machine} of the cluster does not see {folders} of "
                    f"{socket.gethostname()}. Expected the run directory and the cache on a file "
                    "system that all machines share, at the same path: see --out and --cache"
                )
            if installed != versions():
                raise StageError(
                    f"The machine {machine} of the cluster has other versions. Expected: "
                    f"{versions()}. Received: {installed}"
                )

    def _on_node(self, node: str) -> Any:
        strategies = self._ray.util.scheduling_strategies
        return strategies.NodeAffinitySchedulingStrategy(node_id=node, soft=False)

    def close(self) -> None:
        """Leave the cluster."""
        self._ray.shutdown()


class _Board:
    """What tasks and the parent tell each other: progress one way, "stop" the other."""

    def __init__(self):
        self._reports: dict[str, tuple] = {}
        self._is_stopped = False

    def exchange(self, report: tuple | None) -> bool:
        """Take a task's newest progress; return whether it is to stop."""
        if report is not None:
            self._reports[report[0]] = report
        return self._is_stopped

    def take(self) -> list[tuple]:
        """Return the newest progress of each task that made some since the last call."""
        reports, self._reports = list(self._reports.values()), {}
        return reports

    def stop(self) -> None:
        """Tell every task, running or still to start, to save its work and return."""
        self._is_stopped = True


class _Link:
    """A task's end of the board: exchanges in the background, so that no iteration waits.

    Answers are awaited as futures. While a task is in `ray.get`, Ray would take it for idle and
    start another one on its cores.
    """

    def __init__(self, board: Any):
        self._board = board
        self._newest: tuple | None = None
        self._is_stopped = False
        self._is_closed = threading.Event()

    def put(self, report: tuple) -> None:
        """Keep a report until the next exchange."""
        self._newest = report

    def is_set(self) -> bool:
        """Say whether the run is being stopped."""
        return self._is_stopped

    def exchange(self) -> bool:
        """Pass on what is new; return whether the run is being stopped."""
        report, self._newest = self._newest, None
        self._is_stopped = self._board.exchange.remote(report).future().result()
        return self._is_stopped

    def keep_exchanging(self) -> None:
        """Exchange every now and then until the task is over; run in a thread."""
        while not self._is_closed.wait(SECONDS_BETWEEN_REPORTS):
            self.exchange()

    def close(self) -> None:
        """End the exchanges."""
        self._is_closed.set()


def _run_on_cluster(board: Any, function: Callable[..., Any], name: str, arguments: tuple) -> Any:
    """Run a task in a Ray worker, linked to the parent's board."""
    link = _Link(board)
    if link.exchange():
        return None  # nobody waits for it any more
    threading.Thread(target=link.keep_exchanging, daemon=True).start()
    worker.connect_worker(link, link)
    try:
        return worker.run_task(function, name, arguments)
    finally:
        link.close()


def _look_around(probes: Sequence[Path], token: str) -> tuple[str, list[Path], str]:
    """Return a machine's name, the probes that it does not see, and its versions."""
    deadline = time.monotonic() + 5  # network file systems may be seconds late
    while True:
        missing = [probe for probe in probes if not probe.exists() or probe.read_text() != token]
        if not missing or time.monotonic() > deadline:
            return socket.gethostname(), missing, versions()
        time.sleep(0.2)
