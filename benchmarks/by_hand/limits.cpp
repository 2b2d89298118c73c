// What one core can do at most: multiply-adds on registers, reads, and writes.

#ifdef __AVX512F__
constexpr int BYTES = 64;
#else
constexpr int BYTES = 32;
#endif

typedef double Doubles __attribute__((vector_size(BYTES)));
typedef float Floats __attribute__((vector_size(BYTES)));
typedef long long Bits __attribute__((vector_size(BYTES), aligned(BYTES), may_alias));

// n times eight multiply-adds of whole vectors, none of which waits for another.
template <typename Vector, typename Number> static inline Number multiply_add(long n, Number factor) {
    Vector a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, x = a + factor, y = a + 1;
    for (; n > 0; n--) {
        a = a * x + y, b = b * x + y, c = c * x + y, d = d * x + y;
        e = e * x + y, f = f * x + y, g = g * x + y, h = h * x + y;
        asm volatile("" : "+x"(a), "+x"(b), "+x"(c), "+x"(d), "+x"(e), "+x"(f), "+x"(g), "+x"(h));
    }
    return (((a + b) + (c + d)) + ((e + f) + (g + h)))[0];
}

extern "C" double float64(long n) { return multiply_add<Doubles>(n, 0.5); }
extern "C" double float32(long n) { return multiply_add<Floats>(n, 0.5f); }

extern "C" long flops(int bytes) { return 2 * 8 * (BYTES / bytes); }  // for n = 1

// The numbers of `bytes` bytes, a multiple of 8 vectors, again and again.
extern "C" void read(const Bits *data, long bytes, long times) {
    for (; times > 0; times--)
        for (long i = 0; i < bytes / BYTES; i += 8)
#pragma GCC unroll 8
            for (int k = 0; k < 8; k++) {
                Bits x = data[i + k];
                asm volatile("" : : "x"(x));
            }
}

extern "C" void write(Bits *data, long bytes, long times) {
    Bits x{};
    for (; times > 0; times--)
        for (long i = 0; i < bytes / BYTES; i += 8) {
            for (int k = 0; k < 8; k++) data[i + k] = x;
            asm volatile("" : : : "memory");
        }
}
