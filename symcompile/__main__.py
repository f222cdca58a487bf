"""``python -m symcompile``: the command line."""

from __future__ import annotations

from symcompile.cli import main

if __name__ == "__main__":
    main(prog_name="symcompile")
