"""Where ``jpegx decode`` does its work, by its options and what the machine has."""

import os
from typing import TYPE_CHECKING, NamedTuple

from jpegx.io.allocator import no_garbage

if TYPE_CHECKING:  # torch is imported when there is work: --help must be quick
    from jpegx.batch.settings import DecodeSettings
    from jpegx.batch.tasks import Executor, Watch
    from jpegx.sampling.spec import SamplerSpec

# Files from which on several processes are worth their start, if nothing is said.
MANY = 16
# Of the drivers of NVIDIA and AMD, of Windows and of NVIDIA's boards: without any there is no GPU.
_OF_GPUS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "/dev/nvmap")


class Cluster(NamedTuple):
    """A Ray cluster; without an address one of its own for the run."""

    address: str | None


def choose_executor(
    jobs: int | None,
    cluster: Cluster | None,
    settings: "DecodeSettings",
    watch: "Watch",
    *,
    files: int,
) -> "Executor":
    """The processes of ``jobs``, or this one; or the actors of a Ray ``cluster``.

    ``files``: how many there are, up to MANY. Without ``jobs``, for many files on a CPU: one a
    core, as far as there is memory. A GPU has one, which keeps it busy. Where processes work, this
    one does not import torch.
    """
    if cluster is not None:
        from jpegx.batch.executors.ray_cluster import RayExecutor

        return RayExecutor(settings, cluster.address, jobs, watch)
    cores = len(os.sched_getaffinity(0))
    if jobs is None:
        jobs = min(cores, _fitting(settings.spec)) if files >= MANY else 1
    threads = max(1, cores // jobs) if jobs > 1 else cores
    if files < MANY:
        jobs = min(jobs, files)
    if jobs <= 1:
        with no_garbage():
            from jpegx.batch.executors.local import LocalExecutor

        return LocalExecutor(settings, watch)
    from jpegx.batch.executors.processes import ProcessExecutor

    return ProcessExecutor(settings, jobs, threads, watch)


def _fitting(spec: "SamplerSpec") -> int:
    """How many jobs there is memory for."""
    from jpegx.sampling.memory import free_memory_of_cpu

    perhaps = spec.device == "auto" and any(map(os.path.exists, _OF_GPUS))
    if perhaps or spec.device.startswith("cuda"):
        from jpegx.sampling.hardware import choose_device

        if choose_device(spec.device).type != "cpu":
            return 1
    return free_memory_of_cpu() // spec.memory
