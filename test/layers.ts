import { readFile } from "node:fs/promises"
import { glob } from "node:fs/promises"
import { dirname, join, normalize } from "node:path/posix"
import { fileURLToPath } from "node:url"

/** What the folders of `src` may import, besides themselves. */
const PURE = ["core", "wire", "privacy"]
const LIBRARY = [...PURE, "kernel", "data", "net"]
const LAYERS: { readonly [layer: string]: readonly string[] } = {
  core: [],
  wire: ["core"],
  privacy: ["core", "wire"],
  kernel: PURE,
  data: PURE,
  net: [...PURE, "kernel", "data"],
  coordinator: LIBRARY,
  device: LIBRARY,
  sim: [...LIBRARY, "coordinator", "device"],
  report: [...LIBRARY, "coordinator", "device", "sim"],
  dashboard: [...LIBRARY, "coordinator", "device", "sim", "report"],
  cli: [...LIBRARY, "coordinator", "device", "sim", "report", "dashboard"],
}

/** Engines differ in these, or they are a clock or randomness: what is pure takes them as arguments. */
const IMPURE =
  /\bMath\.(?:exp|expm1|log|log1p|log2|log10|pow|sin|cos|tan|tanh|sinh|cosh|atan2?|random)\b|\bDate\b|\bperformance\.|\bcrypto\.|\bsetTimeout\b|\bsetInterval\b/

export interface SourceFile {
  /** Relative to `src`, with slashes. */
  readonly path: string
  readonly text: string
}

/** Every TypeScript file of `src`. */
export async function readSources(): Promise<SourceFile[]> {
  const root = fileURLToPath(new URL("../src/", import.meta.url))
  const paths = (await Array.fromAsync(glob("**/*.ts", { cwd: root }))).map((path) => path.replaceAll("\\", "/")).sort()
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(join(root, path), "utf8") })))
}

/** One sentence for each breach of the layers. */
export function breaches(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const layer = layerOf(path)
    // `index.ts` and what else lies at the top is made of everything.
    if (layer === undefined) return []
    const allowed = LAYERS[layer]
    if (allowed === undefined) return [`${path}: ${layer} is no layer`]
    const code = withoutComments(text)
    const imports = importsOf(code).flatMap((target) => {
      if (target.startsWith("node:")) return layer === "core" || layer === "wire" ? [`${path}: imports ${target}`] : []
      if (!target.startsWith(".")) return []
      const other = layerOf(normalize(join(dirname(path), target)))
      if (other === layer || (other !== undefined && allowed.includes(other))) return []
      return [`${path}: ${layer} imports ${target}`]
    })
    const impure = layer === "core" || layer === "wire" ? IMPURE.exec(withoutStrings(code)) : null
    return impure === null ? imports : [...imports, `${path}: uses ${impure[0]}`]
  })
}

function layerOf(path: string): string | undefined {
  return path.startsWith("..") || !path.includes("/") ? undefined : path.slice(0, path.indexOf("/"))
}

function importsOf(code: string): string[] {
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|\bnew\s+URL\(\s*)"([^"]+)"/g
  return [...code.matchAll(pattern)]
    .map((match) => match[1]!)
    .filter((target) => /^(node:|\.\.?\/.*\.ts$|[^./])/.test(target))
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1")
}

function withoutStrings(code: string): string {
  return code.replace(/"(?:[^"\\\n]|\\.)*"/g, '""').replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
}
