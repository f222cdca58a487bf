"""What symcompile costs, beside what others do: ``python -m benchmarks``."""
