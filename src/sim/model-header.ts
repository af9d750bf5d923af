import { layout, outputCount } from "../core/model.ts"
import type { Layer } from "../core/model.ts"
import { C_FUNCTIONS, C_NEEDS, C_ORDER } from "./model-header-c.ts"
import type { CFunction } from "./model-header-c.ts"
import { forwardCalls } from "./model-header-calls.ts"
import type { Calls } from "./model-header-calls.ts"
import type { ModelFile } from "./model-file.ts"

/**
 * A trained model as a C header for a firmware image: its numbers as `const` arrays, and `fm_predict()`, which gives the bits of `Device.predict()`. It
 * needs nothing else: no C client, no malloc, no libm.
 */
export function modelHeader(model: ModelFile): string {
  const forward = forwardCalls(model.spec, model.standardizer !== undefined)
  return [
    ...opening(model),
    ...constants(model, forward),
    ...functions(model, forward),
    predict(model, forward),
    "#endif\n",
  ].join("\n\n")
}

function opening({ spec, digest }: ModelFile): string[] {
  const layers = spec.layers.map(describe).join(", ")
  return [
    `/*
 * A model that Fedmote trained: ${spec.inputs} features, ${layers}, ${spec.loss}.
 * Written by \`fedmote model export --c-header\`; SHA-256 of the parameters: ${digest}
 *
 *     float outputs[FM_PREDICT_OUTPUTS], scratch[FM_PREDICT_SCRATCH];
 *     uint32_t answer = fm_predict(features, outputs, scratch);
 *
 * C99 or C++; no malloc, no libm, nothing else to link. Everything is static: include it in one source file, and each further
 * model in one of its own. Compile that with -ffp-contract=off: then the outputs are, bit for bit, those of every Fedmote device.
 */`,
    "#ifndef FM_PREDICT_H\n#define FM_PREDICT_H",
    "#include <stdint.h>",
    '#ifdef __FAST_MATH__\n#error "fm_predict() needs IEEE arithmetic: compile it without -ffast-math"\n#endif',
  ]
}

function describe(layer: Layer): string {
  if (layer.kind === "pool") return `${layer.mode} of ${layer.width} steps`
  const activation = layer.activation === "identity" ? "" : ` ${layer.activation}`
  return layer.kind === "dense"
    ? `${layer.units}${activation}`
    : `${layer.filters} filters of ${layer.width} steps${activation}`
}

function constants(
  { spec, parameters, standardizer, labels, features, threshold }: ModelFile,
  { scratch }: Calls,
): string[] {
  const shapes = layout(spec)
  const arrays = shapes.flatMap(({ fanIn, weights, biases }, i) => {
    const layer = spec.layers[i]!
    if (layer.kind === "pool") return []
    const [order, columns] =
      layer.kind === "dense" ? ["[inputs][units]", layer.units] : ["[width][channels][filters]", layer.filters]
    const values = parameters.subarray(weights, biases + columns)
    return [`/** Weights ${order}: ${fanIn} x ${columns}; then biases. */\n${floats(`fm_predict_layer_${i}`, values)}`]
  })
  return [
    `/** Values of a sample, and of what comes out: ${spec.loss === "squared" ? "one" : "probabilities"}. */
#define FM_PREDICT_FEATURES ${spec.inputs}U
#define FM_PREDICT_OUTPUTS ${outputCount(spec)}U`,
    `/** Floats of working memory. */\n#define FM_PREDICT_SCRATCH ${Math.max(1, scratch)}U`,
    ...(spec.loss === "logistic"
      ? [
          `/** The probability from which on a sample is of class 1. */\n#define FM_PREDICT_THRESHOLD ${literal(atLeast(threshold ?? 0.5))}`,
        ]
      : []),
    ...(features.length > 0 ? [strings("fm_predict_features", features)] : []),
    ...(labels.length > 0 ? [strings("fm_predict_labels", labels)] : []),
    ...(standardizer === undefined
      ? []
      : [floats("fm_predict_mean", standardizer.mean), floats("fm_predict_inverse_deviation", standardizer.inverse)]),
    ...arrays,
  ]
}

function functions({ spec }: ModelFile, { calls }: Calls): string[] {
  const used = new Set<CFunction>(calls.map((call) => call.function))
  if (spec.loss !== "squared") used.add(spec.loss)
  // Each function calls only those before it.
  for (const name of C_ORDER.toReversed())
    if (used.has(name)) for (const needed of C_NEEDS[name] ?? []) used.add(needed)
  return C_ORDER.filter((name) => used.has(name)).map((name) => C_FUNCTIONS[name])
}

const ANSWERS = {
  softmax: {
    text: "Returns the class, the first of the most probable ones",
    end: "return fm_predict_softmax(outputs, FM_PREDICT_OUTPUTS);",
  },
  logistic: {
    text: "Returns the class, 1 from the threshold on; the output is the probability of 1",
    end: "outputs[0] = fm_predict_logistic(outputs[0]);\n    return (outputs[0] >= FM_PREDICT_THRESHOLD) ? 1U : 0U;",
  },
  squared: { text: "Returns 0; the output is the value", end: "return 0U;" },
}

function predict({ spec }: ModelFile, { calls, scratch }: Calls): string {
  const { text, end } = ANSWERS[spec.loss]
  const lines = calls.map(({ function: name, args }) => {
    const list = args.map((each) => (typeof each === "number" ? `${each}U` : each)).join(", ")
    return `fm_predict_${name}(${list});`
  })
  return `/**
 * What the model says of one sample: its features as the sensors give them, all finite.
 * ${text}. \`outputs\` and \`scratch\` are the caller's.
 */
static inline uint32_t fm_predict(const float x[FM_PREDICT_FEATURES], float outputs[FM_PREDICT_OUTPUTS],
                                  float scratch[FM_PREDICT_SCRATCH])
{
${[...(scratch === 0 ? ["(void)scratch;"] : []), ...lines, end].map((line) => `    ${line}`).join("\n")}
}`
}

function floats(name: string, values: Float32Array): string {
  const lines: string[] = []
  for (let i = 0; i < values.length; i += 6)
    lines.push(`    ${Array.from(values.subarray(i, i + 6), literal).join(", ")},`)
  return `static const float ${name}[${values.length}] = {\n${lines.join("\n")}\n};`
}

/** Nine significant digits name exactly one float32, and every C and C++ reads them. */
function literal(value: number): string {
  return `${Object.is(value, -0) ? "-" : ""}${value.toExponential(8)}F`
}

/** The least float32 that is not below `value`: what float32 numbers are to be compared with instead. */
function atLeast(value: number): number {
  const near = Math.fround(value)
  if (near >= value) return near
  const next = new Uint32Array(Float32Array.of(near).buffer)
  next[0]!++
  return new Float32Array(next.buffer)[0]!
}

function strings(name: string, values: readonly string[]): string {
  return `static const char *const ${name}[${values.length}] = {\n${values.map((value) => `    ${quoted(value)},`).join("\n")}\n};`
}

/** A C string of the text's bytes in UTF-8; what is not plain ASCII is escaped, and so is whatever could begin a trigraph. */
function quoted(text: string): string {
  const bytes = Array.from(Buffer.from(text), (byte) =>
    byte < 0x20 || byte > 0x7e || '"\\?'.includes(String.fromCharCode(byte))
      ? `\\${byte.toString(8).padStart(3, "0")}`
      : String.fromCharCode(byte),
  )
  return `"${bytes.join("")}"`
}
