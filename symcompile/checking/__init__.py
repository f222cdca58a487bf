"""Trust: the oracle, the units in which errors are measured, and the cross-check."""
