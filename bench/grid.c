/* A rule over a grid of (lr, beta), by hand: what `python -m bench` holds the compiled sweep against.
   The same arithmetic in the same order, blocks of 256 runs, steps outside and runs inside, so that gcc vectorises; the
   step count and the watch for divergence are those of momentum_lib.sweep.  SURFACE chooses the gradient, RULE the rule.
   Adam's powers of beta1 are running products, one a run. */
#include <math.h>
#include <stddef.h>
#define W 256

#if SURFACE == 0 /* ravine: a = cos(angle), b = sin(angle), k = kappa */
#define GRADIENT                                                                                                       \
    double along = a * px + b * py, across = a * py - b * px;                                                          \
    double gx = a * along - k * b * across, gy = b * along + k * a * across;
#else /* Rosenbrock: k = b of the text */
#define GRADIENT double gx = -2 * (1 - px) - 4 * k * px * (py - px * px), gy = 2 * k * (py - px * px);
#endif

void grid(const double *lr, const double *beta, ptrdiff_t n, int steps, double x0, double y0, double mx, double my, double a,
          double b, double k, double bound, double reach, double *xs, double *ys, double *last, double *escaped) {
#pragma omp parallel for schedule(dynamic, 8)
    for (ptrdiff_t block = 0; block < (n + W - 1) / W; block++) {
        ptrdiff_t first = block * W, count = n - first < W ? n - first : W;
        double x[W], y[W], u[W], v[W], h[W], m[W], above[W], gone[W];
#if RULE == 2
        double su[W], sv[W], power[W], power2 = 1;
#endif
        for (int i = 0; i < W; i++) {
            ptrdiff_t cell = first + (i < count ? i : count - 1);
            x[i] = x0, y[i] = y0, u[i] = v[i] = above[i] = gone[i] = 0, h[i] = lr[cell], m[i] = beta[cell];
#if RULE == 2
            su[i] = sv[i] = 0, power[i] = 1;
#endif
        }
        for (int step = 1; step <= steps; step++) {
            double t = step;
#if RULE == 2
            power2 *= 0.999;
            double correct = 1 - power2;
#endif
            for (int i = 0; i < W; i++) {
#if RULE == 1
                double px = x[i] - h[i] * m[i] * u[i], py = y[i] - h[i] * m[i] * v[i];
#else
                double px = x[i], py = y[i];
#endif
                GRADIENT
#if RULE == 2
                u[i] = m[i] * u[i] + (1 - m[i]) * gx, v[i] = m[i] * v[i] + (1 - m[i]) * gy;
                su[i] = 0.999 * su[i] + 0.001 * gx * gx, sv[i] = 0.999 * sv[i] + 0.001 * gy * gy;
                power[i] *= m[i];
                px -= h[i] * (u[i] / (1 - power[i])) / (sqrt(su[i] / correct) + 1e-8);
                py -= h[i] * (v[i] / (1 - power[i])) / (sqrt(sv[i] / correct) + 1e-8);
#else
                u[i] = m[i] * u[i] + gx, v[i] = m[i] * v[i] + gy;
                px = x[i] - h[i] * u[i], py = y[i] - h[i] * v[i];
#endif
                x[i] = px, y[i] = py;
                int inside = (fabs(px) <= bound) & (fabs(py) <= bound);
                gone[i] = (gone[i] == 0) & !inside ? t : gone[i];
                double dx = px - mx, dy = py - my;
                above[i] = dx * dx + dy * dy <= reach ? above[i] : t;
            }
        }
        for (int i = 0; i < count; i++)
            xs[first + i] = x[i], ys[first + i] = y[i], last[first + i] = above[i], escaped[first + i] = gone[i];
    }
}
