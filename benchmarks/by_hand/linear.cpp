// Linear algebra of many small matrices by hand: eight matrices in the lanes of a vector, every
// loop unrolled, and in each lane the row with the largest pivot exchanged by selects.

#define EACH(i, from, to) _Pragma("GCC unroll 16") for (int i = from; i < to; i++)

constexpr int LANES = 8;
typedef double V __attribute__((vector_size(8 * LANES), aligned(8)));

template <int R, int C> struct Matrix {
    V at[R][C];
};

template <int N, int C> inline void load(const double *a, long e, Matrix<N, C> &m) {
    EACH(i, 0, N) EACH(j, 0, N) for (int l = 0; l < LANES; l++)
        m.at[i][j][l] = a[((e + l) * N + i) * N + j];
}

inline void store(double *x, long e, int entries, int at, V value) {
    for (int l = 0; l < LANES; l++) x[(e + l) * entries + at] = value[l];
}

inline V magnitude(V x) { return x < 0 ? -x : x; }

// Brings the largest pivot to row k; returns the sign of that.
template <int N, int C> inline V pivot(Matrix<N, C> &m, int k) {
    V sign = V{} + 1.0;
    EACH(i, k + 1, N) {
        auto swap = magnitude(m.at[k][k]) < magnitude(m.at[i][k]);
        EACH(j, k, C) {
            V x = m.at[k][j], y = m.at[i][j];
            m.at[k][j] = swap ? y : x;
            m.at[i][j] = swap ? x : y;
        }
        sign = swap ? -sign : sign;
    }
    return sign;
}

// Takes row k, whose pivot has this inverse, from those below.
template <int N, int C> inline void eliminate(Matrix<N, C> &m, int k, V inverse) {
    EACH(i, k + 1, N) {
        V factor = m.at[i][k] * inverse;
        EACH(j, k + 1, C) m.at[i][j] -= factor * m.at[k][j];
    }
}

// The unknowns of rows with W right sides behind the matrix.
template <int N, int W> inline void solved(Matrix<N, N + W> &m, double *x, long e) {
    V inverse[N];
    EACH(k, 0, N) {
        pivot(m, k);
        inverse[k] = 1.0 / m.at[k][k];
        eliminate(m, k, inverse[k]);
    }
    for (int k = N - 1; k >= 0; k--) {
        EACH(c, 0, W) {
            V known = m.at[k][N + c];
            EACH(j, k + 1, N) known -= m.at[k][j] * m.at[j][N + c];
            m.at[k][N + c] = known * inverse[k];
            store(x, e, N * W, k * W + c, m.at[k][N + c]);
        }
    }
}

template <int N> void solve(long n, const double *a, const double *b, double *x) {
    for (long e = 0; e < n; e += LANES) {
        Matrix<N, N + 1> m;
        load<N>(a, e, m);
        EACH(i, 0, N) for (int l = 0; l < LANES; l++) m.at[i][N][l] = b[(e + l) * N + i];
        solved<N, 1>(m, x, e);
    }
}

template <int N> void inv(long n, const double *a, double *x) {
    for (long e = 0; e < n; e += LANES) {
        Matrix<N, 2 * N> m;
        load<N>(a, e, m);
        EACH(i, 0, N) EACH(j, 0, N) m.at[i][N + j] = V{} + (i == j ? 1.0 : 0.0);
        solved<N, N>(m, x, e);
    }
}

template <int N> void det(long n, const double *a, double *x) {
    for (long e = 0; e < n; e += LANES) {
        Matrix<N, N> m;
        load<N>(a, e, m);
        V result = V{} + 1.0;
        EACH(k, 0, N) {
            V sign = pivot(m, k);
            result *= m.at[k][k] * sign;
            if (k < N - 1) eliminate(m, k, 1.0 / (m.at[k][k] == 0.0 ? V{} + 1.0 : m.at[k][k]));
        }
        *(V *)(x + e) = result;
    }
}

template <int N> void cholesky(long n, const double *a, double *x) {
    for (long e = 0; e < n; e += LANES) {
        Matrix<N, N> m;
        load<N>(a, e, m);
        V inverse[N];
        EACH(i, 0, N) EACH(j, 0, N) {
            V rest = m.at[i][j];
            for (int k = 0; k < (j < i ? j : i); k++) rest -= m.at[i][k] * m.at[j][k];
            if (j < i) m.at[i][j] = rest * inverse[j];
            if (j == i) {
                V root;
                for (int l = 0; l < LANES; l++) root[l] = __builtin_sqrt(rest[l]);
                m.at[i][i] = root;
                inverse[i] = 1.0 / root;
            }
            store(x, e, N * N, i * N + j, j > i ? V{} : m.at[i][j]);
        }
    }
}

#define FUNCTIONS(N)                                                                               \
    void solve##N(long n, const double *a, const double *b, double *x) { solve<N>(n, a, b, x); }   \
    void inv##N(long n, const double *a, double *x) { inv<N>(n, a, x); }                           \
    void det##N(long n, const double *a, double *x) { det<N>(n, a, x); }                           \
    void cholesky##N(long n, const double *a, double *x) { cholesky<N>(n, a, x); }

extern "C" {
FUNCTIONS(2)
FUNCTIONS(3)
FUNCTIONS(4)
FUNCTIONS(5)
FUNCTIONS(6)
FUNCTIONS(7)
FUNCTIONS(8)
FUNCTIONS(9)
FUNCTIONS(10)
FUNCTIONS(11)
FUNCTIONS(12)
}
