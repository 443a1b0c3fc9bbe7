// Compiles every ```ts block of the Markdown files and of the doc comments in packages/*/src, each as a module of its
// own, and runs those that are tests. Problems are reported where the block stands.
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { files } from "./lib/files.mjs"

const out = ".docs-check"
const problems = []

/** The fenced blocks among lines of Markdown, with the number of the line on which the code begins. */
const fences = (lines) => {
  const found = []
  let open
  for (const [index, { number, text }] of lines.entries()) {
    const [, indent, fence, language, rest] = /^(\s*)(`{3,}|~{3,})\s*([^\s`]*)(.*)$/.exec(text) ?? []
    if (open === undefined) {
      if (fence !== undefined) {
        open = { indent: indent.length, fence, language, rest, number: number + 1, first: index + 1 }
      }
    } else if (fence?.startsWith(open.fence) && language === "") {
      const code = lines.slice(open.first, index).map((line) => line.text.slice(open.indent))
      found.push({ ...open, last: index, code: code.join("\n") })
      open = undefined
    }
  }
  return found
}

const numbered = (text, first = 1) => text.split("\n").map((line, index) => ({ number: first + index, text: line }))

/** The lines of a file's doc comments, without the stars; one list a comment. */
const docComments = (source) =>
  [...source.matchAll(/\/\*\*[\s\S]*?\*\//g)].map(({ 0: comment, index }) =>
    numbered(comment, source.slice(0, index).split("\n").length).map(({ number, text }) => ({
      number,
      text: text.replace(/^\s*(?:\/\*\*|\* ?)/, "")
    }))
  )

const checkLinks = (path, lines) => {
  for (const { number, text } of lines) {
    for (const [, target] of text.matchAll(/\]\((?!\w+:|#)([^)#\s]+)[^)]*\)/g)) {
      if (!existsSync(join(dirname(path), target))) problems.push(`${path}:${number}: no such file: ${target}`)
    }
  }
}

/** An `@example` runs to the next tag, and must show code that is compiled. */
const checkExamples = (path, lines, blocks) => {
  const isInBlock = (index) => blocks.some((block) => index >= block.first && index < block.last)
  const tags = lines.flatMap(({ text }, index) => /^\s*@\w/.test(text) && !isInBlock(index) ? [index] : [])
  for (const [n, index] of tags.entries()) {
    const end = tags[n + 1] ?? lines.length
    const hasCode = blocks.some((block) => isTypeScript(block) && block.first > index && block.first < end)
    if (/@example\b/.test(lines[index].text) && !hasCode) {
      problems.push(`${path}:${lines[index].number}: an @example without a \`\`\`ts block`)
    }
  }
}

const isTypeScript = ({ language }) => language === "ts" || language === "typescript"
const isUnchecked = ({ language, rest }) => /^(js|javascript|jsx|tsx)$/.test(language) || rest.includes("no-check")

const blocks = []
for (const path of files("*.md")) {
  const lines = numbered(readFileSync(path, "utf8"))
  checkLinks(path, lines)
  blocks.push(...fences(lines).map((block) => ({ ...block, path })))
}
for (const path of files("packages/*/src/**.ts")) {
  for (const lines of docComments(readFileSync(path, "utf8"))) {
    const inComment = fences(lines)
    checkExamples(path, lines, inComment)
    blocks.push(...inComment.map((block) => ({ ...block, path })))
  }
}

// A module has its block on the same lines as the document, so that positions need no translation.
const modules = blocks.filter((block) => isTypeScript(block) && !isUnchecked(block)).map((block) => {
  const isTest = block.code.includes("\"@effect/vitest\"")
  const file = `${block.path.replaceAll("/", "__")}.L${block.number}${isTest ? ".test" : ""}.ts`
  return { ...block, isTest, file, text: `${"\n".repeat(block.number - 1)}${block.code}\nexport {}\n` }
})
const tests = modules.filter(({ isTest }) => isTest)
const unchecked = blocks.filter(isUnchecked)

rmSync(out, { recursive: true, force: true })
mkdirSync(out)
for (const { file, text } of modules) writeFileSync(join(out, file), text)
writeFileSync(
  join(out, "tsconfig.json"),
  JSON.stringify({
    extends: "../tsconfig.base.json",
    compilerOptions: {
      composite: false,
      declaration: false,
      declarationMap: false,
      sourceMap: false,
      noEmit: true,
      noUnusedLocals: false,
      types: ["node"]
    },
    include: ["*.ts"]
  })
)
writeFileSync(join(out, "vitest.config.mjs"), "export default { test: { include: [\"*.test.ts\"] } }\n")

/** What a tool says of a module, said of the document. */
const translated = (text) =>
  modules.reduce((said, { file, path }) => said.replaceAll(`${out}/${file}`, path).replaceAll(file, path), text)

const run = (command, ...args) => {
  const { error, status, stderr, stdout } = spawnSync(command, args, { encoding: "utf8" })
  if (status !== 0) {
    const said = translated(`${stdout ?? ""}${stderr ?? ""}${error ?? ""}`).trim()
    problems.push(said.replaceAll(/^(\S+?)\((\d+),(\d+)\): /gm, "$1:$2:$3: "))
  }
  return status === 0
}

if (modules.length === 0) problems.push("Not one ```ts block was found: is the search broken?")
else if (run("tsc", "-p", out, "--pretty", "false") && tests.length > 0) run("vitest", "run", "--root", out)

for (const { number, path } of unchecked) console.log(`${path}:${number}: not checked`)
if (problems.length > 0) {
  console.error(problems.join("\n"))
  process.exit(1)
}
console.log(
  `${modules.length} code blocks compile, ${tests.length} of them tests that pass; ${unchecked.length} not checked.`
)
