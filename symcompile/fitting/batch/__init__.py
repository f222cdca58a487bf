"""Many small fits: groups of points, the model over them, and two engines that find parameters."""
