import type { LabelCounts } from "../core/result.ts"
import type { Dataset } from "../data/dataset.ts"
import { sampleBuffer } from "../data/dataset.ts"

/** Clients that a picture has room for. */
export const MOST_SHOWN = 64

/** Which classes are where: training samples of each class at each client; of many clients, at `MOST_SHOWN` that lie evenly among them. */
export function labelCounts(dataset: Dataset): LabelCounts {
  const shown = Math.min(dataset.clients, MOST_SHOWN)
  const buffer = sampleBuffer()
  const clients = Array.from({ length: shown }, (_, i) => {
    const client = Math.floor((i * dataset.clients) / shown)
    return { device: dataset.id(client), samples: countsOf(dataset.train(client, buffer).y, dataset.classes.length) }
  })
  return { skew: skewOf(clients.map(({ samples }) => samples)), clients }
}

function countsOf(labels: Float32Array, classes: number): number[] {
  if (classes === 0) return [labels.length]
  const counts = Array.from({ length: classes }, () => 0)
  for (const label of labels) counts[label]!++
  return counts
}

/** Mean total variation distance between a client's distribution of classes and that of all (half of what Zhao et al. 2018 call EMD). */
export function skewOf(counts: readonly (readonly number[])[]): number {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  const all = counts[0]?.map((_, label) => sum(counts.map((own) => own[label]!))) ?? []
  const total = sum(all)
  const distances = counts
    .filter((own) => sum(own) > 0)
    .map((own) => sum(own.map((count, label) => Math.abs(count / sum(own) - all[label]! / total))) / 2)
  return distances.length === 0 ? 0 : sum(distances) / distances.length
}
