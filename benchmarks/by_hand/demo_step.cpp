// One step of the demo by hand: the mean hinge loss of a network 2-16-16-1 on 100 points, its L2
// penalty, and the 337 gradients. Of each neuron the weights come first, then its bias.
//
// Neurons lie in the lanes: 16 of them are two vectors of 8 numbers, or four of 4 where there is no
// AVX-512. Some points at once share the loads of a row of weights: so many that their sums stay in
// registers, of which AVX-512 has 32, others 16.

#include <cstring>

#ifdef __AVX512F__
constexpr int BYTES = 64, INNER = 10, OUTER = 8;
#else
constexpr int BYTES = 32, INNER = 2, OUTER = 4;
#endif
constexpr int POINTS = 100, HIDDEN = 16, LANES = BYTES / 8, PARTS = HIDDEN / LANES;
constexpr double PENALTY = 1e-4;

typedef double Vector __attribute__((vector_size(BYTES), aligned(BYTES)));

struct Row {  // one number for each of 16 neurons
    Vector part[PARTS];
    double operator[](int j) const { return reinterpret_cast<const double *>(part)[j]; }
};

// row += x * other
static inline void add(Row &row, double x, const Row &other) {
    for (int p = 0; p < PARTS; p++) row.part[p] += x * other.part[p];
}

static inline void add(Row &row, const Row &other) {
    for (int p = 0; p < PARTS; p++) row.part[p] += other.part[p];
}

// The row where `of` is positive, else 0.
static inline Row where_positive(const Row &of, const Row &row) {
    Row result;
    for (int p = 0; p < PARTS; p++) result.part[p] = of.part[p] > 0 ? row.part[p] : Vector{};
    return result;
}

static inline double dot(const Row &x, const Row &y) {
    Vector products = x.part[0] * y.part[0];
    for (int p = 1; p < PARTS; p++) products += x.part[p] * y.part[p];
    double sum = 0;
    for (int j = 0; j < LANES; j++) sum += products[j];
    return sum;
}

// The matrices once with a row for each input.
static Row w1[2], b1, w2[HIDDEN], b2, w2_rows[HIDDEN], w3;
static Row h1[POINTS], h2[POINTS], d1[POINTS], d2[POINTS];

static void unpack(const double *theta) {
    double columns[HIDDEN + 1][HIDDEN] __attribute__((aligned(64)));
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < HIDDEN; j++) columns[i][j] = theta[3 * j + i];
    memcpy(w1, columns[0], sizeof w1);
    memcpy(&b1, columns[2], sizeof b1);
    const double *second = theta + 48;
    for (int j = 0; j < HIDDEN; j++) {
        memcpy(&w2_rows[j], second + 17 * j, sizeof(Row));
        for (int i = 0; i <= HIDDEN; i++) columns[i][j] = second[17 * j + i];
    }
    memcpy(w2, columns[0], sizeof w2);
    memcpy(&b2, columns[HIDDEN], sizeof b2);
    memcpy(&w3, theta + 320, sizeof w3);
}

// out[n] = start + the sum over i of x[n][i] * rows[i], for INNER points from n.
static inline void product(const Row *x, const Row *rows, Row start, Row *out, int n) {
    Row s[INNER];
    for (int k = 0; k < INNER; k++) s[k] = start;
    for (int i = 0; i < HIDDEN; i++)
        for (int k = 0; k < INNER; k++) add(s[k], x[n + k][i], rows[i]);
    for (int k = 0; k < INNER; k++) out[n + k] = s[k];
}

extern "C" void step(const double *theta, const double *x, const double *y, double *gradient,
                     double *loss) {
    unpack(theta);
    const double bias3 = theta[336];
    double hinge = 0, db3 = 0;
    Row dw3{}, db1{}, db2{}, dw1[2]{};
    for (int n = 0; n < POINTS; n += INNER) {
        for (int k = n; k < n + INNER; k++) {
            Row s = b1;
            for (int i = 0; i < 2; i++) add(s, x[2 * k + i], w1[i]);
            h1[k] = where_positive(s, s);
        }
        product(h1, w2, b2, h2, n);
        for (int k = n; k < n + INNER; k++) {
            h2[k] = where_positive(h2[k], h2[k]);
            double margin = 1 - y[k] * (bias3 + dot(h2[k], w3));
            double d = margin > 0 ? -y[k] / POINTS : 0;
            hinge += margin > 0 ? margin : 0;
            db3 += d;
            add(dw3, d, h2[k]);
            Row s{};
            add(s, d, w3);
            d2[k] = where_positive(h2[k], s);
            add(db2, d2[k]);
        }
        product(d2, w2_rows, Row{}, d1, n);
        for (int k = n; k < n + INNER; k++) {
            d1[k] = where_positive(h1[k], d1[k]);
            for (int i = 0; i < 2; i++) add(dw1[i], x[2 * k + i], d1[k]);
            add(db1, d1[k]);
        }
    }
    double *second = gradient + 48;
    for (int j = 0; j < HIDDEN; j += OUTER) {
        Row s[OUTER]{};
        for (int n = 0; n < POINTS; n++)
            for (int k = 0; k < OUTER; k++) add(s[k], d2[n][j + k], h1[n]);
        for (int k = 0; k < OUTER; k++) memcpy(second + 17 * (j + k), &s[k], sizeof(Row));
    }
    for (int j = 0; j < HIDDEN; j++) {
        for (int i = 0; i < 2; i++) gradient[3 * j + i] = dw1[i][j];
        gradient[3 * j + 2] = db1[j];
        second[17 * j + HIDDEN] = db2[j];
    }
    memcpy(gradient + 320, &dw3, sizeof dw3);
    gradient[336] = db3;
    double squares = 0;
    for (int i = 0; i < 337; i++) {
        squares += theta[i] * theta[i];
        gradient[i] += 2 * PENALTY * theta[i];
    }
    *loss = hinge / POINTS + PENALTY * squares;
}
