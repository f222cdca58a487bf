"""Rules that put numerically stable forms in place of ones that overflow or cancel."""
