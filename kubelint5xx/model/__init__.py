"""The vocabulary and the topology: what a request passes, and which quantities decide whether it survives."""
