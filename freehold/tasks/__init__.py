"""Tasks: background work of the hub itself. (A *run* is a user's workload and lives elsewhere.)"""
