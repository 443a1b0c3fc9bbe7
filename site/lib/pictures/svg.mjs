// The parts of all pictures: colours for light and dark, text and lines.
export const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const colors = {
  light: {
    bg: "#ffffff",
    fg: "#1f2328",
    muted: "#59636e",
    grid: "#d1d9e0",
    fill: "#f6f8fa",
    a: "#0550ae",
    b: "#bc4c00",
    c: "#1a7f37"
  },
  dark: {
    bg: "#1b1b1f",
    fg: "#e6e6ea",
    muted: "#a0a7b0",
    grid: "#3a3f47",
    fill: "#25262b",
    a: "#79b8ff",
    b: "#ffab70",
    c: "#7ee787"
  }
}

const rules = (scheme) => Object.entries(colors[scheme]).map(([name, color]) => `--${name}:${color}`).join(";")

/** A picture with its description; its colours follow the scheme of the reader. */
export const picture = ({ body, description, height, style = "", width }) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${
    escape(description)
  }">
<style>
svg{${rules("light")}}
@media (prefers-color-scheme:dark){svg{${rules("dark")}}}
text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--fg)}
.muted{fill:var(--muted)}.small{font-size:11px}.bold{font-weight:600}
.end{text-anchor:end}.middle{text-anchor:middle}
.grid{stroke:var(--grid);fill:none}.line{fill:none;stroke-width:2}
.a{stroke:var(--a)}.b{stroke:var(--b)}.c{stroke:var(--c)}
.fa{fill:var(--a)}.fb{fill:var(--b)}.fc{fill:var(--c)}
.box{fill:var(--fill);stroke:var(--grid)}
${style}</style>
<rect width="${width}" height="${height}" rx="6" fill="var(--bg)"/>
${body.flat(9).join("\n")}
</svg>
`

const number = (value) => String(Math.round(value * 10) / 10)

export const text = (x, y, content, classes = "") =>
  `<text x="${number(x)}" y="${number(y)}"${classes === "" ? "" : ` class="${classes}"`}>${escape(content)}</text>`

export const line = (x1, y1, x2, y2, classes = "grid") =>
  `<line x1="${number(x1)}" y1="${number(y1)}" x2="${number(x2)}" y2="${number(y2)}" class="${classes}"/>`

export const polyline = (points, classes, extra = "") =>
  `<polyline points="${
    points.map(([x, y]) => `${number(x)},${number(y)}`).join(" ")
  }" class="line ${classes}"${extra}/>`

export const dot = (x, y, classes) => `<circle cx="${number(x)}" cy="${number(y)}" r="3" class="${classes}"/>`

export const rect = (x, y, width, height, classes) =>
  `<rect x="${number(x)}" y="${number(y)}" width="${number(width)}" height="${
    number(height)
  }" rx="4" class="${classes}"/>`
