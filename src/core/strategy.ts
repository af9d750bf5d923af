import { unreachable } from "./error.ts"

/** How the mean of a round's deltas moves the global model. Interchangeable; each owns the server state that it needs. */
export interface Strategy {
  /** Moves `model` (float64, changed in place) by `mean`, the weighted mean of the deltas; both have the model's size. */
  apply(model: Float64Array, mean: Float64Array): void
  /** The server state, for the journal; `restore` takes back what `state` gave. */
  state(): readonly Float64Array[]
  restore(state: readonly Float64Array[]): void
}

export interface StrategySettings {
  readonly name: "fedavg" | "fedavgm" | "fedadagrad" | "fedadam" | "fedyogi"
  readonly serverLearningRate: number
  /** FedAvgM's momentum. */
  readonly momentum: number
  /** FedOpt's decay rates and adaptivity. */
  readonly beta1: number
  readonly beta2: number
  readonly tau: number
}

export function createStrategy(settings: StrategySettings, size: number): Strategy {
  switch (settings.name) {
    case "fedavg":
      return fedAvg(settings)
    case "fedavgm":
      return fedAvgM(settings, size)
    case "fedadagrad":
    case "fedadam":
    case "fedyogi":
      return fedOpt(settings, settings.name, size)
    default:
      return unreachable(settings.name)
  }
}

/** FedAvg (McMahan et al. 2017), with a server learning rate: w += eta * mean. */
function fedAvg({ serverLearningRate: eta }: StrategySettings): Strategy {
  return {
    apply(model, mean) {
      for (let i = 0; i < model.length; i++) model[i] = model[i]! + eta * mean[i]!
    },
    state: () => [],
    restore: () => {},
  }
}

/** FedAvgM (Hsu, Qi, Brown 2019): m = beta * m + mean; w += eta * m. */
function fedAvgM({ serverLearningRate: eta, momentum: beta }: StrategySettings, size: number): Strategy {
  const m = new Float64Array(size)
  return {
    apply(model, mean) {
      for (let i = 0; i < size; i++) {
        m[i] = beta * m[i]! + mean[i]!
        model[i] = model[i]! + eta * m[i]!
      }
    },
    state: () => [m],
    restore: ([saved]) => m.set(saved!),
  }
}

/** FedAdagrad, FedAdam and FedYogi (Reddi et al. 2021, Algorithm 2): no bias correction, v starts at 0. */
function fedOpt(settings: StrategySettings, name: "fedadagrad" | "fedadam" | "fedyogi", size: number): Strategy {
  const { serverLearningRate: eta, beta1, beta2, tau } = settings
  const m = new Float64Array(size)
  const v = new Float64Array(size)
  const second = {
    fedadagrad: (v: number, d2: number) => v + d2,
    fedadam: (v: number, d2: number) => beta2 * v + (1 - beta2) * d2,
    fedyogi: (v: number, d2: number) => v - (1 - beta2) * d2 * Math.sign(v - d2),
  }[name]
  return {
    apply(model, mean) {
      for (let i = 0; i < size; i++) {
        const d = mean[i]!
        m[i] = beta1 * m[i]! + (1 - beta1) * d
        v[i] = second(v[i]!, d * d)
        model[i] = model[i]! + (eta * m[i]!) / (Math.sqrt(v[i]!) + tau)
      }
    },
    state: () => [m, v],
    restore: ([savedM, savedV]) => {
      m.set(savedM!)
      v.set(savedV!)
    },
  }
}
