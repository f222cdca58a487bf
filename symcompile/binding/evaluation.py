"""Functions of parameters and moments, in Python: sums in twice the precision.

Each term of a sum is a coefficient times powers of scalars times a moment. The product of the
former two is a pair of doubles, as the moment is; their product is split without error (Dekker
1971) and all parts of all terms are added without error by :func:`math.fsum`. So what a sum loses
is what the moments have lost, a bound of which is known: it is a small part ``epsilon`` of the sum
of the terms' absolute values.

Where terms cancel so far that this bound could exceed the error of a pass over the data, a
function returns None. A sum of factors that cancel, of degree ``d`` in the parameters, is found by
a pass with a relative error of about ``u*(A/S)**(1/d)/sqrt(n)``, where ``u`` is the unit roundoff,
``S`` the sum and ``A`` that of the absolute values: ``(S/A)**(1/d)`` is what is left of a factor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from symcompile.binding.expansion import Powers, written
from symcompile.binding.split import Bound, Term
from symcompile.ir.affine import Affine
from symcompile.ir.graph import Output, payload
from symcompile.ir.ops import OPS

#: A function of ``p``, ``v``, the constants, the number of samples, moments and ratios.
Evaluate = Callable[[Any, Any, Any, float, Any, Any], Any]

_VECTORS = {"param": "p", "direction": "v", "constant": "c", "cotangent": "v"}
#: Sums are trusted down to here: what underflows on the way is too small to be seen in them.
_LEAST, _MOST = 1e-240, 1e300


@lru_cache(maxsize=256)
def compiled(bound: Bound) -> Evaluate:
    """Return a bound function.

    It is called with ``p``, ``v`` (or ``u``) and the constants as sequences of floats, the number
    of samples, the moments and the smallest ratios that sums may have to the sums of their
    absolute values, by degree. A moment is a number, its rounding error, the sum of the absolute
    values, and the number in two halves. It returns a list of numbers for each output, or None.
    """
    space: dict[str, Any] = {"math": math, "fsum": math.fsum}
    text = source(bound)
    exec(compile(text, f"<{bound.function.name} of moments>", "exec"), space)
    found: Evaluate = space[bound.function.name]
    return found


def source(bound: Bound) -> str:
    """Return the text of a bound function."""
    return _Writer(bound).text()


def degree(bound: Bound) -> int:
    """Return the highest degree of a term in the scalars."""
    degrees = [_degree(term.scalars) for terms in bound.sums.values() for term in terms]
    return max(degrees, default=0)


def _degree(scalars: Powers) -> int:
    return sum(abs(power) for _, power in scalars)


class _Writer:
    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self.graph = bound.function.graph
        self.lines: list[str] = []
        self.texts: dict[int, str] = {}
        self.products: dict[tuple[Powers, Fraction], tuple[str, bool]] = {}
        self.checked: set[int] = set()
        # Terms are products of so many scalars; none may underflow or overflow on the way.
        self.limit = 2.0 ** (400 // max(1, degree(bound)))

    def text(self) -> str:
        name = self.bound.function.name
        moments = sorted(
            {t.moment for ts in self.bound.sums.values() for t in ts if t.moment is not None}
        )
        self.lines += [f"M{j}, L{j}, A{j}, H{j}, T{j} = m[{j}]" for j in moments]
        if any(t.moment is None for ts in self.bound.sums.values() for t in ts):
            self.lines += ["s = 134217729.0*n", "Hn = s - (s - n)", "Tn = n - Hn"]
        outputs = [self._output(output) for output in self.bound.function.outputs]
        self.lines.append(f"return {', '.join(outputs)},")
        body = "\n".join(f"    {line}" for line in self.lines)
        return f"def {name}(p, v, c, n, m, r):\n{body}\n"

    def _output(self, output: Output) -> str:
        return f"[{', '.join(self.node(entry) for entry in output.entries)}]"

    # -- what is computed once -------------------------------------------------------------

    def node(self, root: int) -> str:
        """Return the text of a node, computed after what it needs."""
        for index in self.graph.ancestors([root]):
            if index not in self.texts and not self.graph[index].axes:
                self._compute(index)
        return self.texts[root]

    def _compute(self, index: int) -> None:
        node = self.graph[index]
        if node.op == "reduce_sum":
            if index in self.bound.sums:
                self._sum(index, self.bound.sums[index])
            return  # else it is of data alone, and part of a column
        if any(arg not in self.texts for arg in node.args):
            return
        if node.op == "const":
            assert isinstance(node.data, Fraction)
            value = float(node.data)
            self.texts[index] = f"({value!r})" if value < 0 else repr(value)
        elif node.op == "input":
            found = payload(node)
            self.texts[index] = f"t{index}"
            self.lines.append(f"t{index} = {_VECTORS[found.role]}[{found.slot}]")
        elif node.op == "extent" and node.data == Affine.of("n"):
            self.texts[index] = "n"
        else:
            if not written(node.op):
                return  # it belongs to what is summed
            made = OPS[node.op].python.format(*(self.texts[arg] for arg in node.args))
            self.texts[index] = f"t{index}"
            self.lines.append(f"t{index} = {made}")

    # -- sums ------------------------------------------------------------------------------

    def _sum(self, index: int, terms: Sequence[Term]) -> None:
        parts: list[str] = []
        sizes: list[str] = []
        highest = 0
        for term in terms:
            highest = max(highest, _degree(term.scalars))
            self._term(term, parts, sizes)
        name = f"s{index}"
        self.texts[index] = name
        if not parts:
            self.texts[index] = "0.0"
            return
        self.lines.append(f"{name} = fsum(({', '.join(parts)},))")
        self.lines.append(f"a = {' + '.join(sizes)}")
        ratio = f" and abs({name}) >= r[{highest}]*a" if highest > 1 else ""
        self.lines.append(f"if not ({_LEAST!r} < a < {_MOST!r}{ratio} or a == 0.0):")
        self.lines.append("    return None")

    def _term(self, term: Term, parts: list[str], sizes: list[str]) -> None:
        """Add the parts of a term, and its absolute value."""
        j = term.moment
        moment, low, size = ("n", "", "n") if j is None else (f"M{j}", f"L{j}", f"A{j}")
        high, rest = ("Hn", "Tn") if j is None else (f"H{j}", f"T{j}")
        if not term.scalars and term.coefficient == 1:
            parts += [moment, low] if low else [moment]
            sizes.append(size)
            return
        name, pair = self._product(term.scalars, term.coefficient)
        k = len(self.lines)
        self.lines.append(f"e{k} = {name}*{moment}")
        self.lines.append(
            f"f{k} = (({name}h*{high} - e{k}) + {name}h*{rest} + {name}t*{high}) + {name}t*{rest}"
        )
        parts += [f"e{k}", f"f{k}"]
        if low:
            parts.append(f"{name}*{low}")
        if pair:
            parts.append(f"{name}l*{moment}")
        sizes.append(f"abs({name})*{size}")

    def _product(self, scalars: Powers, coefficient: Fraction) -> tuple[str, bool]:
        """Return a product of powers as a number in two halves, and whether it has a low part."""
        found = self.products.get((scalars, coefficient))
        if found is not None:
            return found
        steps = [base if power > 0 else ~base for base, power in scalars for _ in range(abs(power))]
        name, pair = f"q{len(self.products)}_", False
        high, low = "", ""
        number = float(coefficient)
        if Fraction(number) != coefficient or coefficient not in (1, -1, 2, -2):
            high, low = repr(number), repr(float(coefficient - Fraction(number)))
            pair = low != "0.0"
            if not pair:
                low = ""
        for step in steps:
            text = self._scalar(step if step >= 0 else ~step)
            if step < 0:
                text, more = self._reciprocal(text, name)
            else:
                more = ""
            if not high:
                high, low, pair = text, more, bool(more)
                continue
            high, low = self._multiply(name, (high, low), (text, more))
            pair = True
        if number in (-1.0, 2.0, -2.0) and coefficient == number:
            high = f"{number!r}*{high}" if high else repr(number)
            low = f"{number!r}*{low}" if low else ""
        self.lines += [f"{name} = {high}"] + ([f"{name}l = {low}"] if pair else [])
        self.lines += [f"s = 134217729.0*{name}", f"{name}h = s - (s - {name})"]
        self.lines.append(f"{name}t = {name} - {name}h")
        self.products[scalars, coefficient] = name, pair
        return name, pair

    def _scalar(self, index: int) -> str:
        """Return the text of a scalar, whose size has been checked."""
        text = self.node(index)
        if index not in self.checked:
            self.checked.add(index)
            low, high = repr(1.0 / self.limit), repr(self.limit)
            self.lines += [f"if not ({low} <= abs({text}) <= {high} or {text} == 0.0):"]
            self.lines += ["    return None"]
        return text

    def _reciprocal(self, text: str, name: str) -> tuple[str, str]:
        k = len(self.lines)
        self.lines += [f"g{k} = 1.0/{text}", *_halves(f"g{k}"), *_halves(text, f"o{k}")]
        self.lines += [
            f"z{k} = g{k}*{text}",
            f"i{k} = ((1.0 - z{k}) - ({_error(f'g{k}', f'o{k}', f'z{k}')}))/{text}",
        ]
        return f"g{k}", f"i{k}"

    def _multiply(
        self, name: str, left: tuple[str, str], right: tuple[str, str]
    ) -> tuple[str, str]:
        """Return a product of two numbers, each with a low part or without one."""
        k = len(self.lines)
        self.lines += [f"x{k} = {left[0]}", f"y{k} = {right[0]}"]
        self.lines += [*_halves(f"x{k}"), *_halves(f"y{k}")]
        self.lines.append(f"z{k} = x{k}*y{k}")
        more = [f"x{k}*({right[1]})"] if right[1] else []
        more += [f"({left[1]})*y{k}"] if left[1] else []
        error = _error(f"x{k}", f"y{k}", f"z{k}")
        self.lines.append(f"w{k} = {' + '.join([f'({error})', *more])}")
        return f"z{k}", f"w{k}"


def _halves(text: str, name: str = "") -> list[str]:
    """Return the statements that split a number into two of half its digits."""
    name = name or text
    return [f"s = 134217729.0*{text}", f"{name}h = s - (s - {text})", f"{name}t = {text} - {name}h"]


def _error(first: str, second: str, product: str) -> str:
    """Return the rounding error of a product."""
    return (
        f"(({first}h*{second}h - {product}) + {first}h*{second}t + {first}t*{second}h)"
        f" + {first}t*{second}t"
    )


def ratios(highest: int, epsilon: float, n: int) -> Mapping[int, float]:
    """Return the smallest trusted ratios of a sum to the sum of its absolute values, by degree.

    Args:
        highest: the highest degree.
        epsilon: what the moments may be off by, relative to the sums of their absolute values.
        n: the number of samples.

    >>> ratios(2, 2.0**-93, 100)[2] < 2.0**-40
    True
    """
    u = 2.0**-53
    found = {}
    for d in range(2, highest + 1):
        # Better than correctly rounded, or better than what a pass is estimated to lose.
        scaled = min(16.0 * epsilon * n**0.5 / u, 1.0)
        found[d] = min(epsilon / u, scaled ** (d / (d - 1)))
    return found
