"""Programs of processes beside the hub, which the hub itself never imports."""
