"""``symcompile cache``: what compiled kernels take, and emptying it."""

from __future__ import annotations

import math
import time

import click

from symcompile.options import Options


@click.group()
def cache() -> None:
    """Look at, prune or empty the cache of compiled kernels."""


@cache.command()
def info() -> None:
    """Show where the cache is, how much it holds and how much it may hold."""
    from symcompile.build import pruning
    from symcompile.build.cache import VARIABLE, Cache, cache_dir

    limit = pruning.limit()
    found = Cache(cache_dir(Options())).info()
    click.echo(f"folder   {found.path}")
    click.echo(f"modules  {found.entries:,}")
    click.echo(f"size     {_size(found.bytes)}")
    click.echo(f"limit    {'none' if limit is None else _size(limit)}")
    if found.oldest is not None:
        days = max(0.0, time.time() - found.oldest) / (24 * 3600)
        click.echo(f"oldest   last used {f'{days:,.0f} days' if days >= 2 else _hours(days)} ago")
    click.echo(f"The environment variable {VARIABLE} moves it, {pruning.VARIABLE} limits it.")


@cache.command()
def clear() -> None:
    """Remove every compiled kernel; they are compiled again when needed."""
    from symcompile.build.cache import Cache, cache_dir

    root = cache_dir(Options())
    removed = Cache(root).clear()
    click.echo(f"{removed} {'module' if removed == 1 else 'modules'} removed from {root}")


@cache.command()
@click.option("--size", help="How much may stay, as 500MB.  [default: the cache's limit]")
@click.option("--older-than", help="Remove what was not used for so long, as 30d.")
def prune(size: str | None, older_than: str | None) -> None:
    """Remove the kernels that were not used for longest.

    What was used in the last hour stays; on a file server, what was used in the last week.
    """
    from symcompile.build import pruning
    from symcompile.build.cache import Cache, cache_dir

    oldest = math.inf if older_than is None else pruning.age(older_than)
    if size is not None:
        most: float = pruning.size(size)
    else:
        most = math.inf if older_than is not None else pruning.limit() or math.inf
    removed = Cache(cache_dir(Options())).prune(most, older_than=oldest)
    noun = "module" if removed.entries == 1 else "modules"
    click.echo(f"{removed.entries} {noun}, {_size(removed.bytes)}, removed from {removed.path}")


def _hours(days: float) -> str:
    return f"{days * 24:.0f} hours" if days * 24 >= 2 else f"{days * 24 * 60:.0f} minutes"


def _size(count: int) -> str:
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}" if unit != "bytes" else f"{count} bytes"
        value /= 1000
    return f"{value:.3g} GB"
