"""Where ``jpegx decode`` does its work, by its options and what the machine has."""

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # torch is imported when there is work: --help must be quick
    from jpegx.batch.tasks import Executor, Watch
    from jpegx.sampling.sampler import Sampler

# Files from which on several processes are worth their start, if nothing is said.
MANY = 16


class Cluster(NamedTuple):
    """A Ray cluster; without an address one of its own for the run."""

    address: str | None


def choose_executor(
    jobs: int | None,
    cluster: Cluster | None,
    sampler: "Sampler",
    watch: "Watch",
    *,
    many: bool,
) -> "Executor":
    """The processes of ``jobs``, or this one; or the actors of a Ray ``cluster``.

    Without ``jobs``, for ``many`` files on a CPU: one a core, as far as there is memory. A GPU has
    one, which keeps it busy.
    """
    if cluster is not None:
        from jpegx.batch.executors.ray_cluster import RayExecutor

        return RayExecutor(cluster.address, jobs, watch)
    cores = len(os.sched_getaffinity(0))
    if jobs is None:
        from jpegx.sampling.memory import free_memory

        is_cpu = sampler.device.type == "cpu"
        fitting = free_memory(sampler.device) // sampler.memory if is_cpu else 1
        jobs = min(cores, fitting) if many else 1
    if jobs <= 1:
        from jpegx.batch.executors.local import LocalExecutor

        return LocalExecutor(sampler, watch)
    from jpegx.batch.executors.processes import ProcessExecutor

    return ProcessExecutor(jobs, max(1, cores // jobs), watch)
