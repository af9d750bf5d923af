/**
 * One breach of each MISRA C:2012 rule that cppcheck 2.10's addon looks for. The gate must find it wherever it stands in the C client: the test puts it behind
 * the includes of a source, with a number of its own in place of `mutant`.
 */
export interface Mutant {
  readonly code: string
  /** What a header "mutant.h" says that the code includes. */
  readonly header?: string
  /** It takes two sources. */
  readonly twice?: boolean
}

/** Rules that the addon names but cannot find here. */
export const UNREACHABLE: Readonly<Record<string, string>> = {
  "17.3": "it takes clang's messages; the compilers refuse a function that is not declared in any case",
}

const LONG = "mutant_whose_name_goes_on_and_on_for_more_than_sixty_three_characters_"

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "1.4": { code: "static _Noreturn void mutant(void) { for (;;) { } }" },
  "2.2": { code: "static int32_t mutant(int32_t a) { return a + 0; }" },
  "2.3": { code: "typedef uint32_t mutant_t;" },
  "2.4": { code: "struct mutant { uint32_t a; };" },
  "2.5": { code: "#define MUTANT 1U" },
  "2.7": { code: "static uint32_t mutant(uint32_t a, uint32_t unused) { return a; }" },
  "3.1": { code: "/* a comment /* in a comment */" },
  "3.2": {
    code: `// a comment that goes on \\
in the next line`,
  },
  "4.1": { code: `static const char mutant[] = "\\x41g";` },
  "4.2": { code: `static const char mutant[] = "??(";` },
  "5.1": {
    code: `extern uint32_t ${LONG}a;
extern uint32_t ${LONG}b;`,
  },
  "5.2": {
    code: `static uint32_t ${LONG}a;
static uint32_t ${LONG}b;`,
  },
  "5.4": {
    code: `#define ${LONG}a 1
#define ${LONG}b 1`,
  },
  "5.5": {
    code: `#define mutant(a) (a)
static uint32_t mutant;`,
  },
  "5.6": {
    code: `static void mutant_a(void) { typedef uint32_t mutant_t; mutant_t a = 1U; (void)a; }
static void mutant_b(void) { typedef uint16_t mutant_t; mutant_t b = 1U; (void)b; }`,
  },
  "5.7": {
    code: `static void mutant_a(void) { struct mutant_s { uint32_t a; }; struct mutant_s a = { 1U }; (void)a; }
static void mutant_b(void) { struct mutant_s { uint16_t a; }; struct mutant_s a = { 1U }; (void)a; }`,
  },
  "5.8": {
    code: `uint32_t mutant(void);
uint32_t mutant(void) { return 1U; }
static uint32_t mutant_f(void) { uint32_t mutant = 1U; return mutant; }`,
  },
  "5.9": { code: "static uint32_t mutant(void) { return 1U; }", twice: true },
  "6.1": { code: "struct mutant { float a : 2; };" },
  "6.2": { code: "struct mutant { signed int a : 1; };" },
  "7.1": { code: "static int32_t mutant(void) { return 052; }" },
  "7.2": { code: "static uint32_t mutant(void) { return 0x80000000; }" },
  "7.3": { code: "static int64_t mutant(void) { return 10l; }" },
  "7.4": { code: `static void mutant(void) { char *text = "text"; (void)text; }` },
  "8.1": { code: "extern mutant;" },
  "8.2": { code: "static uint32_t mutant() { return 1U; }" },
  "8.4": { code: "uint32_t mutant(void) { return 1U; }" },
  "8.5": {
    code: `extern uint32_t mutant_v;
extern uint32_t mutant_v;`,
  },
  "8.6": {
    code: `uint32_t mutant_v = 1U;
uint32_t mutant_v = 2U;`,
  },
  "8.7": {
    code: "uint32_t mutant_f(void); uint32_t mutant_f(void) { return 1U; } static uint32_t mutant_g(void) { return mutant_f(); }",
  },
  "8.8": { code: "static uint32_t mutant; extern uint32_t mutant;" },
  "8.9": { code: "static uint32_t mutant_v = 1U; static uint32_t mutant(void) { return mutant_v; }" },
  "8.10": { code: "inline uint32_t mutant(void); inline uint32_t mutant(void) { return 1U; }" },
  "8.11": { code: "extern uint32_t mutant_v[];" },
  "8.12": { code: "typedef enum { MUTANT_A = 1, MUTANT_B, MUTANT_C = 2 } mutant_t;" },
  "8.14": { code: "static void mutant(uint32_t *restrict a) { *a = 1U; }" },
  "9.2": { code: "static uint32_t mutant[2][2] = { 1U, 2U, 3U, 4U };" },
  "9.3": { code: "static uint32_t mutant[3] = { 1U, 2U };" },
  "9.4": { code: "static uint32_t mutant[2] = { [0] = 1U, [0] = 2U };" },
  "9.5": { code: "static uint32_t mutant[] = { [0] = 1U, [1] = 2U };" },
  "10.1": { code: "static uint32_t mutant(int32_t a) { return (uint32_t)(a << 1U); }" },
  "10.2": { code: "static char mutant(void) { return 'a' + 'b'; }" },
  "10.3": { code: "static void mutant(uint32_t a) { uint8_t b = a; (void)b; }" },
  "10.4": { code: "static uint32_t mutant(uint32_t a, int32_t b) { return a + b; }" },
  "10.5": { code: "static bool mutant(uint32_t a) { return (bool)(float)a; }" },
  "10.6": { code: "static uint64_t mutant(uint32_t a, uint32_t b) { uint64_t c = a + b; return c; }" },
  "10.7": { code: "static uint64_t mutant(uint64_t a, uint32_t b) { return a * (b + b); }" },
  "10.8": { code: "static uint64_t mutant(uint32_t a, uint32_t b) { return (uint64_t)(a + b); }" },
  "11.1": { code: "static void mutant(void (*a)(void)) { uint32_t b = (uint32_t)a; (void)b; }" },
  "11.2": { code: "struct mutant_s; static uint32_t *mutant(struct mutant_s *a) { return (uint32_t *)a; }" },
  "11.3": { code: "static uint32_t *mutant(uint8_t *a) { return (uint32_t *)a; }" },
  "11.4": { code: "static uint8_t *mutant(void) { return (uint8_t *)1000U; }" },
  "11.5": { code: "static uint32_t *mutant(void *a) { return (uint32_t *)a; }" },
  "11.6": { code: "static void *mutant(void) { return (void *)1000U; }" },
  "11.7": { code: "static float mutant(uint8_t *a) { return (float)a; }" },
  "11.8": { code: "static uint8_t *mutant(const uint8_t *a) { return (uint8_t *)a; }" },
  "11.9": { code: "static void mutant(uint8_t **a) { *a = 0; }" },
  "12.1": { code: "static uint32_t mutant(uint32_t a, uint32_t b) { return a + b * 2U; }" },
  "12.2": { code: "static uint32_t mutant(uint32_t a) { return a << 32U; }" },
  "12.3": { code: "static void mutant(void) { uint32_t a = 0U, b = 0U; (void)a; (void)b; }" },
  "12.4": { code: "static uint32_t mutant(void) { return 0U - 1U; }" },
  "13.1": { code: "static void mutant(uint32_t a) { uint32_t b[1] = { a++ }; (void)b; }" },
  "13.3": { code: "static uint32_t mutant(uint32_t *a, uint32_t b) { *a = b++ + 1U; return b; }" },
  "13.4": { code: "static uint32_t mutant(uint32_t a) { uint32_t b; if ((b = a) > 1U) { b = 2U; } return b; }" },
  "13.5": { code: "static bool mutant(uint32_t a) { uint32_t b = a; return (a > 1U) && (b++ > 1U); }" },
  "13.6": { code: "static uint32_t mutant(uint32_t a) { uint32_t b = a; return (uint32_t)sizeof(b++) + b; }" },
  "14.1": { code: "static float mutant(void) { float a; for (a = 0.0F; a < 1.0F; a += 0.25F) { } return a; }" },
  "14.2": { code: "static void mutant(void) { uint32_t i; for (i = 0U; i < 4U; i++) { i += 1U; } }" },
  "14.4": { code: "static uint32_t mutant(uint32_t a) { uint32_t b = 0U; if (a) { b = 1U; } return b; }" },
  "15.1": { code: "static void mutant(void) { goto end; end: return; }" },
  "15.2": { code: "static void mutant(uint32_t a) { uint32_t b = a; again: b--; if (b > 1U) { goto again; } }" },
  "15.3": {
    code: "static void mutant(uint32_t a) { uint32_t b = a; goto inside; if (b > 1U) { inside: b = 2U; } (void)b; }",
  },
  "15.4": {
    code: "static void mutant(void) { uint32_t i; for (i = 0U; i < 4U; i++) { if (i == 1U) { break; } if (i == 2U) { break; } } }",
  },
  "15.5": { code: "static uint32_t mutant(uint32_t a) { if (a > 1U) { return 1U; } return 2U; }" },
  "15.6": { code: "static uint32_t mutant(uint32_t a) { uint32_t b = 0U; if (a > 1U) b = 1U; return b; }" },
  "15.7": {
    code: "static uint32_t mutant(uint32_t a) { uint32_t b = 0U; if (a > 2U) { b = 1U; } else if (a > 1U) { b = 2U; } return b; }",
  },
  "16.1": {
    code: "static uint32_t mutant(uint32_t a) { uint32_t b = 0U; switch (a) { b = 1U; case 1U: b = 2U; break; default: b = 3U; break; } return b; }",
  },
  "16.2": {
    code: "static uint32_t mutant(uint32_t a) { uint32_t b = 0U; switch (a) { case 1U: { case 2U: b = 2U; } break; default: b = 3U; break; } return b; }",
  },
  "16.3": {
    code: "static uint32_t mutant(uint32_t a) { uint32_t b = 0U; switch (a) { case 1U: b = 1U; case 2U: b = 2U; break; default: b = 3U; break; } return b; }",
  },
  "16.4": {
    code: "static uint32_t mutant(uint32_t a) { uint32_t b = 0U; switch (a) { case 1U: b = 1U; break; case 2U: b = 2U; break; } return b; }",
  },
  "16.5": {
    code: "static uint32_t mutant(uint32_t a) { uint32_t b = 0U; switch (a) { case 1U: b = 1U; break; default: b = 3U; break; case 2U: b = 2U; break; } return b; }",
  },
  "16.6": {
    code: "static uint32_t mutant(uint32_t a) { uint32_t b = 0U; switch (a) { default: b = 3U; break; } return b; }",
  },
  "16.7": {
    code: "static uint32_t mutant(bool a) { uint32_t b = 0U; switch (a) { case true: b = 1U; break; default: b = 3U; break; } return b; }",
  },
  "17.1": {
    code: `#include <stdarg.h>
static void mutant(uint32_t a, ...) { va_list list; va_start(list, a); va_end(list); }`,
  },
  "17.2": { code: "static uint32_t mutant(uint32_t a) { return (a == 0U) ? 0U : mutant(a - 1U); }" },
  "17.6": { code: "static uint32_t mutant(uint32_t a[static 2]) { return a[0]; }" },
  "17.7": { code: "static uint32_t mutant_f(void) { return 1U; } static void mutant(void) { mutant_f(); }" },
  "17.8": { code: "static uint32_t mutant(uint32_t a) { a = 1U; return a; }" },
  "18.4": { code: "static const uint8_t *mutant(const uint8_t *a) { return a + 1U; }" },
  "18.5": { code: "static uint32_t mutant(uint32_t ***a) { return ***a; }" },
  "18.7": { code: "struct mutant { uint32_t a; uint32_t b[]; };" },
  "18.8": { code: "static void mutant(uint32_t n) { uint8_t a[n]; a[0] = 1U; (void)a; }" },
  "19.2": { code: "union mutant { uint32_t a; float b; };" },
  "20.1": {
    code: `static uint32_t mutant;
#include <stdint.h>`,
  },
  "20.2": { code: `#include "mut'ant.h"` },
  "20.3": { code: "#include mutant.h" },
  "20.4": { code: "#define while if" },
  "20.5": {
    code: `#define MUTANT 1U
#undef MUTANT`,
  },
  "20.7": {
    code: `#define MUTANT(a) (a + 1U)
static uint32_t mutant(uint32_t a) { return MUTANT(a); }`,
  },
  "20.8": {
    code: `#if 2
#endif`,
  },
  "20.9": {
    code: `#if MUTANT_UNDEFINED == 1
#endif`,
  },
  "20.10": {
    code: `#define MUTANT(a, b) a##b
static uint32_t MUTANT(mu, tant);`,
  },
  "20.11": { code: "#define MUTANT(a, b) #a##b" },
  "20.12": {
    code: `#define MUTANT_ONE 1
#define MUTANT(a) ((a) + a##0U)
static uint32_t mutant(void) { return MUTANT(MUTANT_ONE); }`,
  },
  "20.13": { code: "#mutant" },
  "20.14": {
    code: `#if 1
#include "mutant.h"`,
    header: "#endif",
  },
  "21.1": { code: "#define _MUTANT 1U" },
  "21.2": { code: "static uint32_t memcpy(uint32_t a) { return a; }" },
  "21.3": {
    code: `#include <stdlib.h>
static void *mutant(void) { return malloc(4U); }`,
  },
  "21.4": { code: "#include <setjmp.h>" },
  "21.5": { code: "#include <signal.h>" },
  "21.6": {
    code: `#include <stdio.h>
static void mutant(void) { (void)printf("1"); }`,
  },
  "21.7": {
    code: `#include <stdlib.h>
static int mutant(void) { return atoi("1"); }`,
  },
  "21.8": {
    code: `#include <stdlib.h>
static void mutant(void) { abort(); }`,
  },
  "21.9": {
    code: `#include <stdlib.h>
static void mutant(uint8_t *a, int (*f)(const void *, const void *)) { qsort(a, 1U, 1U, f); }`,
  },
  "21.10": { code: "#include <time.h>" },
  "21.11": { code: "#include <tgmath.h>" },
  "21.12": {
    code: `#include <fenv.h>
static void mutant(void) { (void)feclearexcept(1); }`,
  },
  "21.14": {
    code: `#include <string.h>
static int mutant(const char *a) { return memcmp(a, "text", 4U); }`,
  },
  "21.15": {
    code: `#include <string.h>
static void mutant(uint8_t *a, uint32_t *b) { (void)memcpy(a, b, 4U); }`,
  },
  "21.16": {
    code: `#include <string.h>
static int mutant(float *a, float *b) { return memcmp(a, b, 4U); }`,
  },
  "21.19": {
    code: `#include <locale.h>
static void mutant(void) { char *a = localeconv()->decimal_point; (void)a; struct lconv *b = localeconv(); (void)b; }`,
  },
  "21.20": {
    code: `#include <stdlib.h>
static char mutant(void) { const char *a = getenv("a"); const char *b = getenv("b"); (void)b; char c = *a; return c; }`,
  },
  "21.21": {
    code: `#include <stdlib.h>
static void mutant(void) { (void)system("a"); }`,
  },
  "22.5": {
    code: `#include <stdio.h>
static int mutant(FILE *a) { FILE b = *a; return b._fileno; }`,
  },
  "22.7": {
    code: `#include <stdio.h>
static bool mutant(FILE *a) { char c = (char)getc(a); return c != EOF; }`,
  },
  "22.8": {
    code: `#include <stdlib.h>
#include <errno.h>
static float mutant(void) { float a = strtof("1", NULL); return (errno == 0) ? a : 0.0F; }`,
  },
  "22.9": {
    code: `#include <stdlib.h>
#include <errno.h>
static float mutant(void) { errno = 0; float a = strtof("1", NULL); return a; }`,
  },
  "22.10": {
    code: `#include <stdlib.h>
#include <errno.h>
static void mutant(void) { errno = 0; uint32_t a = 1U; if (errno != 0) { a = 2U; } (void)a; }`,
  },
}
