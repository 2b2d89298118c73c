// One step of the demo by hand: the mean hinge loss of a network 2-16-16-1 on 100 points, its L2
// penalty, and the 337 gradients. Of each neuron the weights come first, then its bias.
//
// Neurons lie in the lanes: 16 of them are two vectors of 8 numbers. Ten points at once share the
// loads of a row of weights, and the sums over points stay in registers.

#include <cstring>

typedef double Vector __attribute__((vector_size(64), aligned(64)));
typedef long long Mask __attribute__((vector_size(64)));

constexpr int POINTS = 100, HIDDEN = 16, INNER = 10;
constexpr double PENALTY = 1e-4;

struct Two { Vector a, b; };  // one number for each of 16 neurons

static inline Vector all(double x) { return Vector{x, x, x, x, x, x, x, x}; }
static inline Vector positive(Vector x) { return x > 0 ? x : all(0); }
static inline double sum(Vector v) { return ((v[0]+v[1])+(v[2]+v[3]))+((v[4]+v[5])+(v[6]+v[7])); }

// The matrices once with a row for each input, so that a row is two vectors.
static Two w1[2], b1, w2[HIDDEN], b2, w2_rows[HIDDEN], w3;
static Two h1[POINTS], h2[POINTS], d1[POINTS], d2[POINTS];

static void unpack(const double *theta) {
    double columns[HIDDEN + 1][HIDDEN] __attribute__((aligned(64)));
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < HIDDEN; j++) columns[i][j] = theta[3 * j + i];
    memcpy(w1, columns[0], sizeof w1);
    memcpy(&b1, columns[2], sizeof b1);
    const double *second = theta + 48;
    for (int j = 0; j < HIDDEN; j++) {
        memcpy(&w2_rows[j], second + 17 * j, sizeof(Two));
        for (int i = 0; i <= HIDDEN; i++) columns[i][j] = second[17 * j + i];
    }
    memcpy(w2, columns[0], sizeof w2);
    memcpy(&b2, columns[HIDDEN], sizeof b2);
    memcpy(&w3, theta + 320, sizeof w3);
}

// out[n] = start + the sum over i of x[n][i] * rows[i], for INNER points from n.
static inline void product(const Two *x, const Two *rows, Two start, Two *out, int n) {
    Two s[INNER];
    for (int k = 0; k < INNER; k++) s[k] = start;
    for (int i = 0; i < HIDDEN; i++)
        for (int k = 0; k < INNER; k++) {
            Vector xi = all(reinterpret_cast<const double *>(x + n + k)[i]);
            s[k].a += xi * rows[i].a;
            s[k].b += xi * rows[i].b;
        }
    for (int k = 0; k < INNER; k++) out[n + k] = s[k];
}

extern "C" void step(const double *theta, const double *x, const double *y, double *gradient,
                     double *loss) {
    unpack(theta);
    const double bias3 = theta[336];
    double hinge = 0, db3 = 0;
    Two dw3{}, db1{}, db2{}, dw1[2]{};
    for (int n = 0; n < POINTS; n += INNER) {
        for (int k = n; k < n + INNER; k++) {
            Vector p = all(x[2 * k]), q = all(x[2 * k + 1]);
            h1[k].a = positive(b1.a + p * w1[0].a + q * w1[1].a);
            h1[k].b = positive(b1.b + p * w1[0].b + q * w1[1].b);
        }
        product(h1, w2, b2, h2, n);
        for (int k = n; k < n + INNER; k++) {
            h2[k].a = positive(h2[k].a);
            h2[k].b = positive(h2[k].b);
            double margin = 1 - y[k] * (bias3 + sum(h2[k].a * w3.a + h2[k].b * w3.b));
            double d = margin > 0 ? -y[k] / POINTS : 0;
            hinge += margin > 0 ? margin : 0;
            db3 += d;
            dw3.a += d * h2[k].a;
            dw3.b += d * h2[k].b;
            d2[k].a = h2[k].a > 0 ? d * w3.a : all(0);
            d2[k].b = h2[k].b > 0 ? d * w3.b : all(0);
            db2.a += d2[k].a;
            db2.b += d2[k].b;
        }
        product(d2, w2_rows, Two{}, d1, n);
        for (int k = n; k < n + INNER; k++) {
            d1[k].a = h1[k].a > 0 ? d1[k].a : all(0);
            d1[k].b = h1[k].b > 0 ? d1[k].b : all(0);
            for (int i = 0; i < 2; i++) {
                dw1[i].a += x[2 * k + i] * d1[k].a;
                dw1[i].b += x[2 * k + i] * d1[k].b;
            }
            db1.a += d1[k].a;
            db1.b += d1[k].b;
        }
    }
    double *second = gradient + 48;
    for (int j = 0; j < HIDDEN; j += 8) {
        Two s[8]{};
        for (int n = 0; n < POINTS; n++)
            for (int k = 0; k < 8; k++) {
                Vector dj = all(reinterpret_cast<const double *>(d2 + n)[j + k]);
                s[k].a += dj * h1[n].a;
                s[k].b += dj * h1[n].b;
            }
        for (int k = 0; k < 8; k++) memcpy(second + 17 * (j + k), &s[k], sizeof(Two));
    }
    for (int j = 0; j < HIDDEN; j++) {
        for (int i = 0; i < 2; i++) gradient[3 * j + i] = reinterpret_cast<double *>(dw1 + i)[j];
        gradient[3 * j + 2] = reinterpret_cast<double *>(&db1)[j];
        second[17 * j + HIDDEN] = reinterpret_cast<double *>(&db2)[j];
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
