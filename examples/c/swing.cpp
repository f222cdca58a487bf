// Integrate the double pendulum with Runge and Kutta's method: pendulum.h and pendulum.c come from
//
//     symcompile build examples/pendulum.py --out build --c
//     cc -O2 -c build/pendulum.c -o pendulum.o
//     c++ -O2 -Ibuild examples/c/swing.cpp pendulum.o -lm -o swing
#include <array>
#include <cstdio>

#include "pendulum.h"

using State = std::array<double, 4>;

static State moved(const State &from, double step, const State &rates)
{
    State to{};
    for (int k = 0; k < 4; k++) {
        to[k] = from[k] + step * rates[k];
    }
    return to;
}

int main()
{
    double constants[5] = {1.3, 0.7, 0.9, 1.4, 9.81};  // m1, m2, l1, l2, g
    const auto rates = [&constants](State state) {
        State found{};
        pendulum_rhs(0.0, state.data(), found.data(), constants);
        return found;
    };
    State state{0.4, -1.1, 0.9, 2.0};
    const double step = 0.01;
    for (int k = 0; k < 100; k++) {
        const State first = rates(state);
        const State second = rates(moved(state, step / 2, first));
        const State third = rates(moved(state, step / 2, second));
        const State fourth = rates(moved(state, step, third));
        for (int j = 0; j < 4; j++) {
            state[j] += step / 6 * (first[j] + 2 * second[j] + 2 * third[j] + fourth[j]);
        }
    }
    std::printf("%.17g %.17g %.17g %.17g\n", state[0], state[1], state[2], state[3]);
    return 0;
}
