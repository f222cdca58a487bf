/* Fit a line by gradient descent: linreg.h and linreg.c come from

       symcompile build examples/linreg.py --out build --c
       cc -O2 -fopenmp-simd -Ibuild examples/c/descend.c build/linreg.c -lm -lpthread -o descend
*/
#include <stdio.h>

#include "linreg.h"

int main(void)
{
    /* Rows of a table: x and y of a sample lie side by side, so each is two numbers from the next. */
    const double table[][2] = {{0.0, 1.1}, {1.0, 2.9}, {2.0, 5.2}, {3.0, 7.1}, {4.0, 8.8}};
    double p[2] = {0.0, 0.0}, value, grad[2];

    for (int step = 0; step < 200; step++) {
        if (linreg_value_and_grad(p, &table[0][0], 2, &table[0][1], 2, 5, &value, grad) < 0) {
            return 1;
        }
        p[0] -= 0.1 * grad[0];
        p[1] -= 0.1 * grad[1];
    }
    printf("%.17g %.17g %.17g\n", p[0], p[1], value);
    return 0;
}
