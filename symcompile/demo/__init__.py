"""The demo: a straight line fitted to made-up specimens on every backend."""
