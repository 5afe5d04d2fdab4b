"""A Ray cluster of a head that runs nothing and a few nodes, on loopback, by a Python with Ray; ends with its stdin.

Usage: ray_cluster.py [NODES]. Says its address as one line of JSON. A line ``lose`` kills every node and adds one,
``swap`` kills the oldest and adds one, and ``left`` waits until nothing is taken of the cluster, and says what is.
"""

import json
import os
import sys
import time

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0"}

import ray
from ray.cluster_utils import Cluster

ROOM = {"num_cpus": 2, "memory": 2 * 10**9, "object_store_memory": 10**8}
FREE_S = 60.0


def taken() -> float:
    """Processor cores that actors hold."""
    return float(ray.cluster_resources().get("CPU", 0) - ray.available_resources().get("CPU", 0))


cluster = Cluster(
    initialize_head=True,
    head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 10**8, "memory": 10**6},
)
nodes = [cluster.add_node(**ROOM) for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 2)]
print(json.dumps({"address": cluster.address}), flush=True)
for line in sys.stdin:
    if line in ("lose\n", "swap\n"):
        gone = len(nodes) if line == "lose\n" else 1
        for node in nodes[:gone]:
            cluster.remove_node(node, allow_graceful=False)
        nodes = [*nodes[gone:], cluster.add_node(**ROOM)]
        print(json.dumps({"lost": gone}), flush=True)
    if line == "left\n":
        if not ray.is_initialized():
            ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        until = time.monotonic() + FREE_S
        while taken() and time.monotonic() < until:
            time.sleep(0.2)
        print(json.dumps({"cores taken": taken()}), flush=True)
ray.shutdown()
cluster.shutdown()
