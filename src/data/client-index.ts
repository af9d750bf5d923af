import type { Dataset } from "./dataset.ts"

/** Finds clients of a data set by their ids. */
export function clientIndex(dataset: Dataset): (id: string) => number | undefined {
  const { population } = dataset
  if (population !== undefined) return (id) => population.indexOf(id)
  const places = new Map(Array.from({ length: dataset.clients }, (_, client) => [dataset.id(client), client]))
  return (id) => places.get(id)
}
