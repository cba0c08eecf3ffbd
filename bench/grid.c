/* Heavy ball over a grid of (lr, beta), by hand: what `python -m bench` holds the compiled sweep against.
   The same arithmetic in the same order, blocks of 256 runs, steps outside and runs inside, so that gcc vectorises;
   the step count and the watch for divergence are those of momentum_lib.sweep. SURFACE chooses the gradient. */
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
        for (int i = 0; i < W; i++) {
            ptrdiff_t cell = first + (i < count ? i : count - 1);
            x[i] = x0, y[i] = y0, u[i] = v[i] = above[i] = gone[i] = 0, h[i] = lr[cell], m[i] = beta[cell];
        }
        for (int step = 1; step <= steps; step++) {
            double t = step;
            for (int i = 0; i < W; i++) {
                double px = x[i], py = y[i];
                GRADIENT
                u[i] = m[i] * u[i] + gx, v[i] = m[i] * v[i] + gy;
                px -= h[i] * u[i], py -= h[i] * v[i];
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
