// The packages and what they depend on, from their manifests.
import { picture, rect, text } from "./svg.mjs"

const width = 720

/** Rows of packages, each of which depends only on packages of rows below. */
const rowsOf = (packages) => {
  const rows = []
  const placed = new Set()
  let rest = packages
  while (rest.length > 0) {
    const row = rest.filter(({ dependencies }) => dependencies.every((name) => placed.has(name)))
    if (row.length === 0) throw new Error("The packages depend on each other in a circle")
    rows.unshift(row)
    for (const { name } of row) placed.add(name)
    rest = rest.filter((each) => !row.includes(each))
  }
  return rows
}

export const architecture = (packages) => {
  const rows = rowsOf(packages)
  const [boxWidth, boxHeight, gap] = [200, 66, 56]
  const place = new Map(rows.flatMap((row, index) =>
    row.map((each, column) => [each.name, {
      x: width / 2 + (column - (row.length - 1) / 2) * (boxWidth + 60),
      y: 60 + index * (boxHeight + gap)
    }])
  ))
  const bottom = 60 + rows.length * (boxHeight + gap)
  const arrow = (from, to) =>
    `<path d="M${from.x} ${from.y + boxHeight} C${from.x} ${from.y + boxHeight + 30} ${to.x} ${to.y - 34} ${to.x} ${
      to.y - 4
    }" class="line a" marker-end="url(#arrow)"/>`
  const exotel = { x: width / 2, y: bottom }
  const core = place.get("core")
  return picture({
    width,
    height: bottom + 56,
    description:
      "The packages: cluster depends on watch, fake on testing, both of these on core, which sends the requests to Exotel",
    body: [
      `<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" class="fa"/></marker></defs>`,
      text(20, 30, "The packages; an arrow leads to what a package depends on", "bold"),
      packages.flatMap(({ dependencies, name }) => dependencies.map((to) => arrow(place.get(name), place.get(to)))),
      arrow(core, exotel),
      packages.map(({ name, summary }) => {
        const { x, y } = place.get(name)
        return [
          rect(x - boxWidth / 2, y, boxWidth, boxHeight, "box"),
          text(x, y + 24, name, "middle bold"),
          summary.map((part, index) => text(x, y + 42 + index * 14, part, "middle muted small"))
        ]
      }),
      text(exotel.x, exotel.y + 16, "Exotel, or a fake Exotel", "middle bold"),
      text(exotel.x, exotel.y + 34, "through the HttpClient of your application", "middle muted small")
    ]
  })
}
