"""``symcompile cache``: what compiled kernels take, and emptying it."""

from __future__ import annotations

import click

from symcompile.options import Options


@click.group()
def cache() -> None:
    """Look at or empty the cache of compiled kernels."""


@cache.command()
def info() -> None:
    """Show where the cache is, and how much it holds."""
    from symcompile.build.cache import VARIABLE, Cache, cache_dir

    found = Cache(cache_dir(Options())).info()
    click.echo(f"folder   {found.path}")
    click.echo(f"modules  {found.entries:,}")
    click.echo(f"size     {_size(found.bytes)}")
    click.echo(f"The environment variable {VARIABLE} moves it.")


@cache.command()
def clear() -> None:
    """Remove every compiled kernel; they are compiled again when needed."""
    from symcompile.build.cache import Cache, cache_dir

    root = cache_dir(Options())
    removed = Cache(root).clear()
    click.echo(f"{removed} {'module' if removed == 1 else 'modules'} removed from {root}")


def _size(count: int) -> str:
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}" if unit != "bytes" else f"{count} bytes"
        value /= 1000
    return f"{value:.3g} GB"
