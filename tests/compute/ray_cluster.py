"""A Ray cluster of a head that runs nothing and two nodes, on loopback, by a Python that has Ray; ends with its stdin.

Says its address as one line of JSON; a line ``lose`` kills both nodes and adds a third.
"""

import json
import os
import sys

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0"}

from ray.cluster_utils import Cluster

ROOM = {"num_cpus": 2, "memory": 2 * 10**9, "object_store_memory": 10**8}

cluster = Cluster(
    initialize_head=True,
    head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 10**8, "memory": 10**6},
)
nodes = [cluster.add_node(**ROOM) for _ in range(2)]
print(json.dumps({"address": cluster.address}), flush=True)
for line in sys.stdin:
    if line == "lose\n":
        for node in nodes:
            cluster.remove_node(node, allow_graceful=False)
        cluster.add_node(**ROOM)
        print("lost", flush=True)
cluster.shutdown()
