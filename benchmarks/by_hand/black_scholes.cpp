// The price of a European call and its five sensitivities by hand, after Black and Scholes. The
// compiler finds the vector functions of the C library.

#include <cmath>

constexpr double ROOT_HALF = 0.70710678118654752440, DENSITY = 0.39894228040143267794;

extern "C" void price(long n, const double *__restrict s, const double *__restrict k,
                      const double *__restrict t, const double *__restrict r,
                      const double *__restrict vol, double *__restrict value,
                      double *__restrict ds, double *__restrict dk, double *__restrict dt,
                      double *__restrict dr, double *__restrict dvol) {
    for (long i = 0; i < n; i++) {
        double root = std::sqrt(t[i]), deviation = vol[i] * root;
        double d1 = (std::log(s[i] / k[i]) + r[i] * t[i]) / deviation + 0.5 * deviation;
        double d2 = d1 - deviation;
        double n1 = 0.5 + 0.5 * std::erf(d1 * ROOT_HALF);
        double n2 = 0.5 + 0.5 * std::erf(d2 * ROOT_HALF);
        double discount = std::exp(-r[i] * t[i]), vega = s[i] * root * DENSITY * std::exp(-0.5 * d1 * d1);
        double strike = k[i] * discount * n2;
        value[i] = s[i] * n1 - strike;
        ds[i] = n1;
        dk[i] = -discount * n2;
        dt[i] = 0.5 * vega * vol[i] / t[i] + r[i] * strike;
        dr[i] = t[i] * strike;
        dvol[i] = vega;
    }
}
