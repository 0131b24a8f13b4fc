"""The runtimes and devices that a network can run on, and the one place that chooses."""
