"""Data in partitions, larger than memory or on a cluster: sources, passes over them, objectives."""
