import { createHash } from "node:crypto"
import { CLIENT } from "./client.ts"
import type { CurveData } from "./curves.ts"
import { FIGURE_STYLE } from "./figure-style.ts"
import { Html, html, jsonScript } from "./html.ts"
import { STYLE } from "./style.ts"
import { readUplot } from "./uplot.ts"

/** A page that needs no network: its content security policy admits its own scripts and nothing from elsewhere. */
export function renderPage(title: string, body: Html): string {
  const uplot = readUplot()
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src ${[uplot.script, CLIENT].map((script) => `'sha256-${sha256(script)}'`).join(" ")}`,
  ].join("; ")
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <title>${title}</title>
        ${element("style", uplot.style + STYLE + FIGURE_STYLE)}
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html> `.text
}

/** A section of charts with a choice of horizontal axes; one a page. */
export function chartsSection(heading: string, data: CurveData): Html {
  const uplot = readUplot()
  return html`<div class="head">
      <h2>${heading}</h2>
      <div class="axis" id="axes" role="group" aria-label="Horizontal axis"></div>
    </div>
    <div class="two" id="charts">
      <noscript><p>The curves need JavaScript.</p></noscript>
    </div>
    ${element("script", jsonScript(data), ' type="application/json" id="curves"')}
    <!-- uPlot: ${uplot.license} -->
    ${element("script", uplot.script)} ${element("script", CLIENT)}`
}

// Text exactly as given: the policy names the scripts by their hashes.
function element(tag: "script" | "style", text: string, attributes = ""): Html {
  return new Html(`<${tag}${attributes}>${text}</${tag}>`)
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("base64")
}
