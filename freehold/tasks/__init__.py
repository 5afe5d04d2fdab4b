"""Tasks: background work of the hub itself. (A *run* is a user's workload and lives elsewhere.)

A task is a row, written by the transaction that wants it (``queue.enqueue``), so it is there exactly when that
transaction is. Workers (``worker.Worker``) of any node take it with a *lease* that they renew while they work; whoever
dies or hangs loses the lease, and another takes the task. So every task is delivered at least once and must be safe to
run twice. docs/how-to/add-a-task.md says how to add one.
"""
