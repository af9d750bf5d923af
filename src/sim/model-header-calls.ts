import { unreachable } from "../core/error.ts"
import { layout } from "../core/model.ts"
import type { Layer, LayerLayout, ModelSpec } from "../core/model.ts"
import type { CFunction } from "./model-header-c.ts"

/** The forward pass of a model as calls of the header's C functions. */
export interface Calls {
  readonly calls: readonly { readonly function: CFunction; readonly args: readonly (string | number)[] }[]
  /** Floats of working memory that they need. */
  readonly scratch: number
}

/** The calls up to the last layer's outputs, the loss's own apart. */
export function forwardCalls(spec: ModelSpec, standardized: boolean): Calls {
  const shapes = layout(spec)
  // A dense layer looks at each feature once, and standardises it then; other layers look more often.
  const copied = standardized && spec.layers[0]!.kind !== "dense"
  const hidden = [...(copied ? [spec.inputs] : []), ...shapes.slice(0, -1).map(({ outputs }) => outputs)]
  const { places, scratch } = placesOf(hidden)
  const calls: { function: CFunction; args: (string | number)[] }[] = []
  const call = (name: CFunction, ...args: (string | number)[]): void => void calls.push({ function: name, args })
  let from = "x"
  if (copied) {
    call("scale", from, spec.inputs, places[0]!)
    from = places.shift()!
  }
  for (const [i, layer] of spec.layers.entries()) {
    const to = places[i] ?? "outputs"
    const { inputs, outputs } = shapes[i]!
    const parameters = `fm_predict_layer_${i}`
    switch (layer.kind) {
      case "dense":
        call(i === 0 && standardized ? "dense_scaled" : "dense", parameters, from, inputs, layer.units, to)
        break
      case "conv1d":
        call("conv1d", parameters, from, ...convolution(layer, shapes[i]!), to)
        break
      case "pool":
        call(
          layer.mode === "average" ? "average" : "maximum",
          from,
          layer.channels,
          layer.width,
          outputs / layer.channels,
          to,
        )
        break
      default:
        unreachable(layer)
    }
    if (layer.kind !== "pool" && layer.activation !== "identity") call(layer.activation, to, outputs)
    from = to
  }
  return { calls, scratch }
}

function convolution(layer: Layer & { readonly kind: "conv1d" }, { fanIn, outputs }: LayerLayout): number[] {
  return [fanIn, layer.filters, layer.stride * layer.channels, outputs / layer.filters]
}

/** Where hidden outputs lie: in turn at the beginning of `scratch` and at its end, so that a layer's inputs outlive its work. */
function placesOf(hidden: readonly number[]): { places: string[]; scratch: number } {
  const scratch = Math.max(0, ...hidden.map((count, i) => count + (hidden[i + 1] ?? 0)))
  const places = hidden.map((count, i) =>
    i % 2 === 0 || count === scratch ? "scratch" : `&scratch[${scratch - count}]`,
  )
  return { places, scratch }
}
