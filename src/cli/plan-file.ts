import { readFile } from "node:fs/promises"
import { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument } from "yaml"
import type { Document } from "yaml"
import { FedmoteError } from "../core/error.ts"
import { PlanError } from "../core/plan-error.ts"
import type { PlanPath } from "../core/plan-error.ts"
import { parsePlan } from "../core/plan.ts"
import type { Plan } from "../core/plan.ts"
import { parseSweptPlan } from "../core/sweep.ts"
import type { SweptPlan } from "../core/sweep.ts"

/** Reads a plan in YAML (or JSON). Every error (`FedmoteError`, "plan") names file and line. */
export async function readPlan(file: string): Promise<Plan> {
  return parsePlanText(await readText(file), file)
}

/** The same for a plan that may have a `sweep`. */
export async function readSweptPlan(file: string): Promise<SweptPlan> {
  return parseText(await readText(file), file, parseSweptPlan)
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8")
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reason =
      code === "ENOENT"
        ? "no such file"
        : code === "EISDIR"
          ? "it is a folder"
          : code === "EACCES"
            ? "no permission"
            : (error as Error).message
    throw new FedmoteError("plan", `cannot read plan ${file}: ${reason}`, { cause: error })
  }
}

/** The same for text; `file` is its name in errors. */
export function parsePlanText(text: string, file: string): Plan {
  return parseText(text, file, parsePlan)
}

export function parseText<T>(text: string, file: string, parse: (value: unknown) => T): T {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const syntax = document.errors[0]
  if (syntax?.code === "MULTIPLE_DOCS")
    throw new FedmoteError("plan", `${at(syntax.pos[0])}: expected one plan in the file, got another after ---`)
  if (syntax !== undefined)
    throw new FedmoteError("plan", `${at(syntax.pos[0])}: not YAML: ${syntax.message.split("\n")[0]!}`, {
      cause: syntax,
    })
  let value: unknown
  try {
    value = document.toJS()
  } catch (error) {
    // Aliases that grow without bound, or lead nowhere.
    throw new FedmoteError("plan", `${file}: not YAML: ${(error as Error).message}`, { cause: error })
  }
  try {
    return parse(value)
  } catch (error) {
    if (!(error instanceof PlanError)) throw error
    throw new FedmoteError("plan", `${at(locate(document, error.path))}: ${error.message.replace(/^plan: /, "")}`, {
      cause: error,
    })
  }
}

// Offset of the key at `path`, or of an item of a list; of what is nearest where the path was not written.
function locate(document: Document, path: PlanPath): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part))
      if (pair === undefined) break
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(part)]
      if (isNode(node)) offset = node.range?.[0] ?? offset
    } else break
  }
  return offset
}
