"""Moments with axes at run time: sizes are known, so sums and contractions can be laid out."""
