"""What each switch brings on this machine's device: `python -m benchmarks.device`.

On a machine with a GPU, in one command: the published dSprites networks trained as users train
them, each row with one switch more, in a process of its own. Printed are iterations a second, the
share of the time in which the device certainly waits (outside of calls of TensorFlow, while Python
and the reader work), and peak memory of the process and of the GPU. Without a GPU the same runs on
the processor.
"""

import subprocess

from benchmarks.iteration_cost import in_worker, parser, prepare
from benchmarks.surroundings import describe_processor
from pipeline.execution import devices

# Each with what the one before it has.
SWITCHES = {
    "one iteration an execution": ["training.iterations_per_execution = 1"],
    "several iterations an execution": ["training.iterations_per_execution = 0"],
    "and images on the device": ["training.images_on_device = True"],
    "and XLA": ["training.xla = True"],
    "and bfloat16": ["training.precision = 'mixed_bfloat16'"],
}
COLUMNS = ("iterations_per_s", "waiting_share", "peak_mib", "device_peak_mib")


def describe_device() -> str:
    """Return the name of the GPU that is used, else that of the processor."""
    gpus = devices.visible_gpus()
    if not gpus:
        return f"no GPU; {describe_processor()}"
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        listed = subprocess.run([*query, "-i", gpus[0]], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return f"GPU {gpus[0]}; {describe_processor()}"
    return f"{listed.stdout.strip()}; {describe_processor()}"


def main() -> None:
    """Measure every row of both phases and print a table."""
    options = parser(__doc__.splitlines()[0])
    options.set_defaults(experiment="dsprites", threads=0)
    arguments = options.parse_args()
    cache = prepare(arguments)
    print(describe_device())
    print(f"| phase | switches | {' | '.join(COLUMNS)} |")
    print(f"|---|---|{'---|' * len(COLUMNS)}")
    given = list(arguments.set)
    for phase in ("infogan", "cr"):
        arguments.phase, arguments.set = phase, list(given)
        for name, settings in SWITCHES.items():
            arguments.set += settings
            figures = in_worker(arguments, cache)
            cells = [f"{figures[one]:.4g}" if one in figures else "" for one in COLUMNS]
            print(f"| {phase} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
