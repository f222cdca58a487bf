"""Sums of products of columns in twice the precision, as a module of their own.

A function over the samples takes a tile at a time, whose lanes add up by themselves, in vector
registers. Blocks and their order depend on the number of samples alone. Without LLVM it is NumPy's.
"""

from __future__ import annotations

from symcompile.binding.split import Split
from symcompile.emit.library import Support
from symcompile.emit.limits import LIMITS
from symcompile.emit.lines import indent
from symcompile.emit.llvm import linking, lowered_module
from symcompile.emit.numbers import Numbers
from symcompile.emit.templates import part, render
from symcompile.options import Backend

SUMMARY = (
    "Return sums of products of columns in pairs: each a sum, its rounding error and the sum of "
    "the absolute values."
)


def emit_moments(split: Split, backend: Backend, threads: int | None, *, fused: bool) -> str:
    """Return the source of a module with ``moments(*columns)``: three numbers for each moment.

    Args:
        split: which products of which columns.
        backend: ``"llvm"``, or ``"python"`` for NumPy.
        threads: how many threads there may be; None asks the environment at each call.
        fused: whether the processor has fused multiply-adds.
    """
    if backend != "llvm":
        return render("python/moments.py.j2", products=split.products, summary=SUMMARY)
    context: dict[str, object] = {
        "code": _c(split),
        "columns": len(split.columns),
        "products": len(split.products),
        "summary": SUMMARY,
        "numbers": Numbers("float64", "float64"),
        "support": Support(),
        "loops": True,
        "threads": threads,
        "rank": 1,
        "vector": (),
        "glue": "",
        "pieces": False,
        "integrates": False,
        **LIMITS,
    }
    c = part("llvm/moments.c.j2", context)
    features = {"__FMA__": "1"} if fused else {}
    lowered = lowered_module(c, ["sc_moments"], Support(), 8, features=features)
    context |= linking(lowered, ["sc_moments"], Support(), loops=True)
    return part("llvm/moments.py.j2", context)


def _c(split: Split) -> str:
    """Return a C function that writes three numbers for each moment."""
    columns, count = len(split.columns), len(split.products)
    squares = split.squares
    sized = [k for k in range(count) if not squares[k]]
    lines = [
        "const moments_context *context = shared;",
        "const ptrdiff_t n = context->n;",
        "const ptrdiff_t each = sc_block_size(n, SC_TILE, context->blocks);",
        "for (ptrdiff_t block = first; block < last; block++) {",
        f"    double *restrict part = context->parts + block * {3 * count};",
        f"    sc_fill(part, {3 * count}, 0.0);",
        "    const ptrdiff_t stop = (block + 1) * each < n ? (block + 1) * each : n;",
        "    ptrdiff_t start = block * each;",
        "    for (; start < stop; start += SC_TILE) {",
        "        const ptrdiff_t size = stop - start < SC_TILE ? stop - start : SC_TILE;",
    ]
    for k in range(columns):
        at = f"work + {k} * SC_TILE" if k else "work"
        call = f"sc_padded(context->columns[{k}], start, size, {at})"
        lines.append(f"        const double *restrict x{k} = {call};")
    lines += [
        *(f"        sc_lanes s{k} = {{0.0}}, c{k} = {{0.0}};" for k in range(count)),
        *(f"        sc_lanes m{k} = {{0.0}};" for k in sized),
        "        for (ptrdiff_t i = 0; i < SC_TILE; i += SC_LANES) {",
        *(f"            const sc_lanes a{k} = sc_lanes_of(x{k} + i);" for k in range(columns)),
        indent([line for k in range(count) for line in _product(split, k, k in sized)], 3),
        "        }",
    ]
    for k in range(count):
        size = f"m{k}" if k in sized else f"s{k}"
        lines.append(f"        sc_fold(part + {3 * k}, s{k}, c{k}, {size});")
    lines += ["    }", "}"]
    return "\n".join(
        [
            "typedef struct {",
            "    const sc_array *columns;",
            "    ptrdiff_t n, blocks;",
            "    double *restrict parts;",
            "} moments_context;",
            "",
            "static void moments_blocks(const void *shared, ptrdiff_t first, ptrdiff_t last,",
            "                           double *restrict work)",
            "{",
            indent(lines, 1),
            "}",
            "",
            "static int moments(const sc_array *columns, ptrdiff_t n, double *restrict out)",
            "{",
            indent(_caller(split), 1),
            "}",
            "",
        ]
    )


def _caller(split: Split) -> list[str]:
    columns, count = len(split.columns), len(split.products)
    return [
        "const ptrdiff_t blocks = sc_blocks(n, SC_TILE, 0);",
        f"double *parts = sc_memory(blocks * {3 * count});",
        "if (!parts) {",
        "    return -1;",
        "}",
        "const moments_context context = {columns, n, blocks, parts};",
        f"const double cost = (double)n * {split.work};",
        f"if (sc_run(moments_blocks, &context, blocks, {columns} * SC_TILE, cost) < 0) {{",
        "    free(parts);",
        "    return -1;",
        "}",
        f"sc_fill(out, {3 * count}, 0.0);",
        "for (ptrdiff_t block = 0; block < blocks; block++) {",
        f"    for (ptrdiff_t k = 0; k < {count}; k++) {{",
        f"        const double *part = parts + block * {3 * count} + 3 * k;",
        "        sc_add_pair(out + 3 * k, part[0], part[1]);",
        "        out[3 * k + 2] += part[2];",
        "    }",
        "}",
        "free(parts);",
        "return 0;",
    ]


def _product(split: Split, k: int, sized: bool) -> list[str]:
    """Return the statements that add a product of one sample to the sums of its lane."""
    columns = len(split.columns)
    first, second = split.products[k]
    value, rest = (
        (f"a{first}", "") if first < columns else (f"p{first - columns}", f"e{first - columns}")
    )
    lines = []
    if second >= 0:
        error = f"sc_product_error({value}, a{second}, p{k})"
        more = f" + {rest} * a{second}" if rest else ""
        lines.append(f"const sc_lanes p{k} = {value} * a{second};")
        lines.append(f"const sc_lanes e{k} = {error}{more};")
        value, rest = f"p{k}", f"e{k}"
    lines.append(f"const sc_lanes t{k} = s{k} + {value}, d{k} = t{k} - s{k};")
    lost = f"(s{k} - (t{k} - d{k})) + ({value} - d{k})"
    lines.append(f"c{k} += ({lost}){f' + {rest}' if rest else ''};")
    lines.append(f"s{k} = t{k};")
    if sized:
        lines.append(f"m{k} += fabs({value});")
    return lines
