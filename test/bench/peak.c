/*
 * The machine's peak of 128-bit multiplications and additions, none of them fused: twelve independent chains c = c * m + a in registers.
 * Prints GFlop/s, the best of 9 runs.
 */
#include <immintrin.h>
#include <stdio.h>
#include <time.h>

#define CHAINS 12

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void) {
  const long n = 2000000;
  volatile float seed = 0.5f;
  double best = 0;
  float keep = 0;
  for (int run = 0; run < 9; run++) {
    const __m128 m = _mm_set1_ps(seed), a = _mm_set1_ps(seed + 0.25f);
    __m128 c[CHAINS];
    for (int j = 0; j < CHAINS; j++) c[j] = _mm_set1_ps(seed * (float)j);
    const double start = now();
    for (long i = 0; i < n; i++) {
#pragma GCC unroll 12
      for (int j = 0; j < CHAINS; j++) c[j] = _mm_add_ps(_mm_mul_ps(c[j], m), a);
    }
    const double rate = 8.0 * CHAINS * (double)n / (now() - start) * 1e-9;
    if (rate > best) best = rate;
    for (int j = 0; j < CHAINS; j++) keep += _mm_cvtss_f32(c[j]);
  }
  printf("%.3f\n", best);
  return keep == 12345.0f;
}
