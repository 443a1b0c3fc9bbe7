// The API reference: a Markdown page for each public module, from the doc comments. A link in a comment that does not
// resolve is an error.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Application, ConsoleLogger, LogLevel, ReflectionKind } from "typedoc"
import { firstSentence, headComment } from "./comments.mjs"

/** The packages with modules; `fake` is a command. */
const packages = ["core", "watch", "cluster", "testing"]

/** The names of the public modules of a package, such as `RequestBudget/Shared`. */
const modulesOf = (root, name) =>
  readdirSync(join(root, `packages/${name}/src`), { recursive: true }).map((path) => String(path).replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && path !== "index.ts" && !path.startsWith("internal/"))
    .map((path) => path.slice(0, -".ts".length)).sort()

class Collecting extends ConsoleLogger {
  problems = []
  log(message, level) {
    // A field that several classes share has one comment, and is declared once for each of them.
    if (level >= LogLevel.Warn && !message.includes("has multiple declarations with a comment")) {
      this.problems.push(message)
    }
  }
}

/** Types of other packages have no page here. What a class of a Schema extends repeats its fields. */
const tidy = (text) =>
  text.replaceAll(/\[([^\]\n]*)\]\(#\)/g, "$1")
    .replaceAll(/^#{3,5} Extends\n[\s\S]*?(?=^#)/gm, "")
    .replaceAll(/^## ([a-z])/gm, (_, first) => `## ${first.toUpperCase()}`)

/** Links of a module's comment lead to the headings of its page. */
const withLinks = (comment) => comment.replaceAll(/\{@link (\w+)\}/g, (_, name) => `[${name}](#${name.toLowerCase()})`)

/** Writes the pages to `out`, and returns the modules with the first sentence of their comments. */
export const writeReference = async (root, out) => {
  const modules = packages.flatMap((name) =>
    modulesOf(root, name).map((module) => {
      const file = join(root, `packages/${name}/src/${module}.ts`)
      return { package: name, module, file, comment: headComment(readFileSync(file, "utf8")) }
    })
  )
  const app = await Application.bootstrapWithPlugins({
    plugin: ["typedoc-plugin-markdown"],
    tsconfig: join(root, "site/tsconfig.json"),
    entryPoints: modules.map(({ file }) => file),
    basePath: join(root, "packages"),
    outputFileStrategy: "modules",
    outputs: [{ name: "markdown", path: out }],
    // `tsc -b` has checked the types.
    skipErrorChecking: true,
    excludeExternals: true,
    excludeInternal: true,
    excludePrivate: true,
    disableSources: true,
    readme: "none",
    hideBreadcrumbs: true,
    hidePageHeader: true,
    hidePageTitle: true,
    useCodeBlocks: true,
    expandObjects: true,
    parametersFormat: "table",
    interfacePropertiesFormat: "table",
    classPropertiesFormat: "table",
    typeDeclarationFormat: "table",
    tableColumnSettings: { hideInherited: true, hideOverrides: true, hideModifiers: true },
    externalSymbolLinkMappings: Object.fromEntries(
      ["effect", "@effect/platform", "@effect/experimental", "@effect/cluster", "@effect/sql"]
        .map((name) => [name, { "*": "#" }])
    ),
    validation: { notExported: false, invalidLink: true, invalidPath: false, notDocumented: false },
    // Each export has it, and all are of the first version.
    excludeTags: ["@since"]
  })
  const logger = new Collecting()
  app.logger = logger
  const project = await app.convert()
  if (project === undefined) throw new Error(`TypeDoc found no project:\n${logger.problems.join("\n")}`)
  for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
    module.name = module.name.replace("/src/", "/")
  }
  // The constructor of a Schema class takes the fields that are listed below it.
  for (const reflection of project.getReflectionsByKind(ReflectionKind.Constructor)) {
    project.removeReflection(reflection)
  }
  app.validate(project)
  await app.generateOutputs(project)
  if (logger.problems.length > 0) throw new Error(`Problems of the doc comments:\n${logger.problems.join("\n")}`)

  return modules.map(({ comment, module, package: name }) => {
    const file = join(out, `${name}/${module}.md`)
    const path = `@effect-exotel/${name}${module.includes("/") ? `/${module}` : ""}`
    const imported = `import ${module.includes("/") ? `* as ${module.split("/")[1]}` : `{ ${module} }`} from "${path}"`
    const head = `# ${module}\n\n\`\`\`ts\n${imported}\n\`\`\`\n\n${withLinks(comment)}\n\n`
    writeFileSync(file, head + tidy(readFileSync(file, "utf8")))
    return { package: name, module, summary: firstSentence(comment) }
  })
}
