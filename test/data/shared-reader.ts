import { parentPort, workerData } from "node:worker_threads"
import { openShared } from "../../src/data/share.ts"

// A thread that reads a shared data set and says what it found; then it scribbles on what it was given.
const data = openShared(workerData)
const found = Array.from({ length: data.clients }, (_, c) => ({
  id: data.id(c),
  train: data.train(c),
  test: data.test(c),
}))
parentPort!.postMessage({ name: data.name, task: data.task, features: data.features, classes: data.classes, found })
for (let c = 0; c < data.clients; c++) data.train(c).x.fill(NaN)
