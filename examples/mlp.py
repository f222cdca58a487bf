"""A multilayer perceptron in matrix notation: one hidden layer and the softmax loss.

Y holds a row for each sample, 1 in the column of its class and 0 elsewhere. log(sum(exp(score)))
would overflow as it stands; it is recognised, and computed with the largest score taken out.
"""

import sympy as sp

import symcompile as sc

n, d, h, c = sp.symbols("n d h c", integer=True, positive=True)  # samples, inputs, hidden, classes
X, Y = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("Y", n, c)
W1, b1 = sp.MatrixSymbol("W1", d, h), sp.MatrixSymbol("b1", 1, h)
W2, b2 = sp.MatrixSymbol("W2", h, c), sp.MatrixSymbol("b2", 1, c)
i, k = sp.symbols("i k", integer=True)

ones = sp.OneMatrix(n, 1)
hidden = (X * W1 + ones * b1).applyfunc(sp.tanh)
scores = hidden * W2 + ones * b2

normaliser = sp.log(sp.Sum(sp.exp(scores[i, k]), (k, 0, c - 1)))
score = sp.Sum(Y[i, k] * scores[i, k], (k, 0, c - 1))  # of the class that is true

mlp = sc.define(
    "mlp",
    sp.Sum(normaliser - score, (i, 0, n - 1)) / n,
    params=(W1, b1, W2, b2),
    data=(X, Y),
)
