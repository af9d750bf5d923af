/** HTML that cannot be injected into: `html` escapes every value that is not itself `Html`. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Piece = string | number | Html | readonly Html[]

export function html(strings: TemplateStringsArray, ...values: readonly Piece[]): Html {
  let text = strings[0]!
  values.forEach((value, i) => (text += render(value) + strings[i + 1]!))
  return new Html(text)
}

function render(value: Piece): string {
  if (value instanceof Html) return value.text
  if (Array.isArray(value)) return value.map(render).join("")
  return escapeHtml(String(value))
}

const ENTITIES: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!)
}

/** JSON for a `<script type="application/json">`: no `<` can end the element. */
export function jsonScript(value: unknown): string {
  return JSON.stringify(value).replace(/</g, "\\u003c")
}
