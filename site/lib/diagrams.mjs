// Draws the Mermaid diagrams of the pages when the site is built, so that the browser needs no program for it.
import { renderMermaidSVG } from "beautiful-mermaid"

/** Inline SVG in the colours of the page. */
export const drawDiagram = (source) => {
  const svg = renderMermaidSVG(source, {
    font: "system-ui",
    bg: "var(--vp-c-bg)",
    fg: "var(--vp-c-text-1)",
    muted: "var(--vp-c-text-1)",
    padding: 8
  })
    // A page cannot contain a style element; `style.css` has its rules.
    .replace(/<style>[\s\S]*?<\/style>/, "")
    .replaceAll(/>\s+</g, "><")
  return `<div class="diagram" v-pre>${svg}</div>\n`
}

/** A plugin of markdown-it. */
export const diagrams = (markdown) => {
  const fence = markdown.renderer.rules.fence
  markdown.renderer.rules.fence = (tokens, index, ...rest) =>
    tokens[index].info.trim() === "mermaid"
      ? drawDiagram(tokens[index].content)
      : fence(tokens, index, ...rest)
}
