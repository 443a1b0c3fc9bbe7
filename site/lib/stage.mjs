// Copies the Markdown of the repository to the folder that VitePress reads, with links that fit the site. A linked file that
// is no page of its own, such as an example, becomes a page that shows its source.
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname, extname, join, posix } from "node:path"
import { groups, routeOf } from "../pages.mjs"
import { firstSentence, headComment } from "./comments.mjs"

const images = new Set([".png", ".svg"])

/** Applies `change` to the text that is not in a fenced block. */
const outsideFences = (text, change) =>
  text.split(/(^ *(?:```|~~~)[\s\S]*?^ *(?:```|~~~) *$)/m).map((part, index) => index % 2 === 0 ? change(part) : part)
    .join("")

const relative = (from, to) => {
  const path = posix.relative(posix.dirname(from), to)
  return path.startsWith(".") ? path : `./${path}`
}

export const stage = (root, out) => {
  const staged = new Set()
  const queue = groups.flatMap(({ pages }) => pages.map(([, path]) => path))

  const write = (route, text) => {
    const file = join(out, `${route}.md`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }

  /** The link of the site to a path of the repository. */
  const linkTo = (path, route) => {
    if (images.has(extname(path))) {
      const copy = path.replace(/^docs\//, "guides/")
      cpSync(join(root, path), join(out, copy), { recursive: true })
      return relative(route, copy)
    }
    const target = routeOf(path)
    if (!target.startsWith("reference/")) queue.push(path)
    return `${relative(route, target)}.md`
  }

  const markdown = (path, route) =>
    outsideFences(
      readFileSync(join(root, path), "utf8"),
      (text) =>
        text.replaceAll(/\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)/g, (_, target, hash = "") =>
          `](${linkTo(posix.normalize(posix.join(posix.dirname(path), target)).replace(/\/$/, ""), route)}${hash})`)
    )

  const source = (path) => {
    const language = { ".ts": "ts", ".mjs": "js", ".json": "json", ".sh": "sh" }[extname(path)] ?? "text"
    const text = readFileSync(join(root, path), "utf8").trimEnd()
    return `---\nsearch: false\noutline: false\n---\n\n# ${path}\n\n~~~~${language}\n${text}\n~~~~\n`
  }

  /** The programs of a folder, with the first sentence of the comment that begins each of them. */
  const listing = (path, route) => {
    const folder = `${path}/src`
    const programs = readdirSync(join(root, folder)).filter((name) => name.endsWith(".ts")).map((name) => {
      const comment = headComment(readFileSync(join(root, folder, name), "utf8"))
      const sentence = firstSentence(comment).replace(/:$/, ".")
      return `- [${name}](${linkTo(`${folder}/${name}`, route)}): ${sentence}`
    })
    const title = `${path[0].toUpperCase()}${path.slice(1)}`
    return `# ${title}\n\nThe programs in \`${folder}\`. Run them in a clone of the repository.\n\n${
      programs.join("\n")
    }\n`
  }

  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    if (staged.has(path)) continue
    staged.add(path)
    const route = routeOf(path)
    if (statSync(join(root, path)).isDirectory()) write(route, listing(path, route))
    else write(route, path.endsWith(".md") ? markdown(path, route) : source(path))
  }
  return staged
}

/** The first page of the reference: the modules of each package, with what they are for. */
export const stageReferenceIndex = (out, modules) => {
  const names = [...new Set(modules.map((each) => each.package))]
  const lists = names.map((name) => {
    const rows = modules.filter((each) => each.package === name)
      .map(({ module, summary }) => `- [${module}](./${name}/${module}.md): ${summary}`)
    return `## @effect-exotel/${name}\n\n${rows.join("\n")}`
  })
  const command = "## @effect-exotel/fake\n\nA command, without modules: see [its page](../packages/fake.md)."
  writeFileSync(
    join(out, "reference/index.md"),
    `# API reference\n\nFrom the comments in the sources. Each module is imported as \`@effect-exotel/<package>/<Module>\`, or as a `
      + `namespace of the package.\n\n${[...lists, command].join("\n\n")}\n`
  )
}
