"""The verbs: start a job, and wait until it is ready. It runs on this machine, or on a cluster that is given."""

from freehold.compute import cluster, local
from freehold.compute.cluster import Cluster
from freehold.compute.rules import Job, Running


def begin(job: Job, there: Cluster | None = None) -> Running:
    """``job`` has begun, here or ``there``, and is not ready yet: :func:`ready` waits, and ``stop`` from another thread
    ends the waiting.

    Raises :class:`~freehold.compute.errors.JobFailed` where there is nothing to begin it with.
    """
    return local.begin(job) if there is None else there.begin(job)


def ready(running: Running) -> Running:
    """The same, once it answers. Raises :class:`~freehold.compute.errors.JobFailed`; nothing of it is left then."""
    assert isinstance(running, local.Local | cluster.Remote)
    running.wait_ready()
    return running


def start(job: Job) -> Running:
    """``job`` answers at its address. Blocks up to ``job.ready_s`` seconds: call it in a thread.

    Raises :class:`~freehold.compute.errors.JobFailed`; nothing of it is left then.
    """
    return ready(begin(job))


def stop_all() -> None:
    """No job of this process runs any more: what the end of a hub does."""
    local.stop_all()
