"""Sums of products of columns in twice the precision -> C.

A function over the samples takes a tile at a time; the lanes of a tile are the outer loop, so that
the sums of a lane stay in registers. Blocks and their order depend on the number of samples alone.
"""

from __future__ import annotations

from symcompile.binding.split import Split
from symcompile.emit.lines import indent

SUMMARY = (
    "Return sums of products of columns in pairs: each a sum, its rounding error and the sum of "
    "the absolute values."
)


def c_moments(split: Split, name: str) -> str:
    """Return a C function that writes three numbers for each moment."""
    columns, count = len(split.columns), len(split.products)
    squares = split.squares
    sized = [k for k in range(count) if not squares[k]]
    lines = [
        f"const {name}_context *context = shared;",
        "for (ptrdiff_t block = first; block < last; block++) {",
        f"    double *restrict part = context->parts + block * {3 * count};",
        f"    sc_fill(part, {3 * count}, 0.0);",
        "    const ptrdiff_t n = context->n, blocks = context->blocks;",
        "    const ptrdiff_t stop = sc_block_stop(n, SC_TILE, blocks, block);",
        "    ptrdiff_t start = sc_block_start(n, SC_TILE, blocks, block);",
        "    for (; start < stop; start += SC_TILE) {",
        "        const ptrdiff_t size = stop - start < SC_TILE ? stop - start : SC_TILE;",
        f"        double high[{count} * SC_LANES], low[{count} * SC_LANES];",
    ]
    if sized:
        lines.append(f"        double sizes[{len(sized)} * SC_LANES];")
    for k in range(columns):
        at = f"work + {k} * SC_TILE" if k else "work"
        call = f"sc_padded(context->column[{k}], start, size, {at})"
        lines.append(f"        const double *restrict x{k} = {call};")
    lines += [
        "        #pragma omp simd",
        "        for (ptrdiff_t lane = 0; lane < SC_LANES; lane++) {",
        *(f"            double s{k} = 0.0, c{k} = 0.0;" for k in range(count)),
        *(f"            double m{k} = 0.0;" for k in sized),
        "            for (ptrdiff_t row = 0; row < SC_TILE / SC_LANES; row++) {",
        "                const ptrdiff_t i = row * SC_LANES + lane;",
        *(f"                const double a{k} = x{k}[i];" for k in range(columns)),
        indent([line for k in range(count) for line in _product(split, k, k in sized)], 4),
        "            }",
    ]
    for k in range(count):
        lines.append(f"            high[{k} * SC_LANES + lane] = s{k};")
        lines.append(f"            low[{k} * SC_LANES + lane] = c{k};")
    lines += [f"            sizes[{j} * SC_LANES + lane] = m{k};" for j, k in enumerate(sized)]
    lines.append("        }")
    for k in range(count):
        at = f" + {k} * SC_LANES"
        size = f"sizes + {sized.index(k)} * SC_LANES" if k in sized else "NULL"
        lines.append(f"        sc_fold(part + {3 * k}, high{at}, low{at}, {size});")
    lines += ["    }", "}"]
    return "\n".join(
        [
            "typedef struct {",
            f"    sc_array column[{columns}];",
            "    ptrdiff_t n, blocks;",
            "    double *restrict parts;",
            f"}} {name}_context;",
            "",
            f"static void {name}_blocks(const void *shared, ptrdiff_t first, ptrdiff_t last,",
            f"{' ' * len(f'static void {name}_blocks(')}double *restrict work)",
            "{",
            indent(lines, 1),
            "}",
            "",
            declaration(split, name),
            "{",
            indent(_caller(split, name), 1),
            "}",
            "",
        ]
    )


def declaration(split: Split, name: str) -> str:
    """Return the head of the C function."""
    columns = ", ".join(f"sc_array x{k}" for k in range(len(split.columns)))
    return f"static int {name}({columns}, ptrdiff_t n, double *restrict out)"


def _caller(split: Split, name: str) -> list[str]:
    columns, count = len(split.columns), len(split.products)
    given = ", ".join(f"x{k}" for k in range(columns))
    return [
        "const ptrdiff_t blocks = sc_blocks(n, SC_TILE, 0);",
        f"double *parts = sc_memory(blocks * {3 * count});",
        "if (!parts) {",
        "    return -1;",
        "}",
        f"const {name}_context context = {{{{{given}}}, n, blocks, parts}};",
        f"const double cost = (double)n * {split.work};",
        f"if (sc_run({name}_blocks, &context, blocks, {columns} * SC_TILE, cost) < 0) {{",
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
        lines.append(f"const double p{k} = {value} * a{second};")
        lines.append(f"const double e{k} = {error}{more};")
        value, rest = f"p{k}", f"e{k}"
    lines.append(f"const double t{k} = s{k} + {value}, d{k} = t{k} - s{k};")
    lost = f"(s{k} - (t{k} - d{k})) + ({value} - d{k})"
    lines.append(f"c{k} += ({lost}){f' + {rest}' if rest else ''};")
    lines.append(f"s{k} = t{k};")
    if sized:
        lines.append(f"m{k} += fabs({value});")
    return lines


def cython_moments(split: Split, name: str) -> list[str]:
    """Return the lines of the Python function that calls the C function."""
    columns, count = len(split.columns), len(split.products)
    given = [f"x{k}" for k in range(columns)]
    lines = [f"cdef Py_ssize_t n = sc_length({given[0]})", f"out = sc_new({3 * count})"]
    lines += [f"cdef sc_array sc__{x} = sc_as_array({x})" for x in given]
    call = ", ".join([f"sc__{x}" for x in given] + ["n", "sc__out"])
    return [
        *lines,
        "cdef double *sc__out = sc_doubles(out)",
        "cdef int sc__status = 0",
        "with nogil:",
        f"    sc__status = {name}({call})",
        "if sc__status < 0:",
        "    raise MemoryError()",
        f"return out.reshape(({count}, 3))",
    ]
