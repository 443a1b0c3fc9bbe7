// House rules that oxlint has no rule for: which package may import which, and what library code goes without.
import { dirname, resolve } from "node:path"

/** The allowed imports between packages: what the sources of each package may import of the others. */
const arrows = { core: [], watch: ["core"], testing: ["core"], fake: ["core", "testing"], cluster: ["core", "watch"] }

/** A rule that is a visitor of the syntax tree, given a way to report and the path of the file. */
const rule = (visitor) => ({
  create: (context) => visitor((node, message) => context.report({ node, message }), context.filename)
})

const packages = rule((report, filename) => {
  const [, name, part] = /packages[\\/](\w+)[\\/](\w+)[\\/]/.exec(filename) ?? []
  const check = ({ source }) => {
    if (typeof source?.value !== "string") return
    const [, other, module] = /^@effect-exotel\/(\w+)(?:\/(.*))?$/.exec(source.value) ?? []
    if (module?.startsWith("internal")) report(source, `What is internal to ${other} is no surface of it.`)
    if (name === undefined) return
    const target = source.value.startsWith(".") ? resolve(dirname(filename), source.value) : ""
    const [, neighbour] = /packages[\\/](\w+)[\\/]/.exec(target) ?? []
    if (neighbour !== undefined && neighbour !== name) {
      report(source, "Import another package by its name.")
      return
    }
    if (part !== "src") return
    if (other === name || /^\.\.?\/(.*\/)?index\.ts$/.test(source.value)) {
      report(source, "Inside a package, import the module itself and not the index.")
    } else if (other !== undefined && !arrows[name].includes(other)) {
      report(source, `${name} does not know ${other}: arrows between packages run one way.`)
    }
  }
  return {
    ImportDeclaration: check,
    ImportExpression: check,
    ExportAllDeclaration: check,
    ExportNamedDeclaration: check,
    TSImportType: check
  }
})

const noAsync = rule((report) => {
  const check = (node) => node.async && report(node, "Library code is Effect, not async/await.")
  return { FunctionDeclaration: check, FunctionExpression: check, ArrowFunctionExpression: check }
})

const noDefaultExport = rule((report) => ({
  ExportDefaultDeclaration: (node) => report(node, "Export by name.")
}))

const noDoubleAssertion = rule((report) => ({
  TSAsExpression: (node) => {
    const inner = node.expression
    if (inner.type === "TSAsExpression" && inner.typeAnnotation.type === "TSUnknownKeyword") {
      report(node, "`as unknown as` silences the compiler: narrow, or decode by a schema.")
    }
  }
}))

const noThrow = rule((report) => ({
  ThrowStatement: (node) => report(node, "Nothing throws: fail with a typed error.")
}))

const noChaiDeepEqual = rule((report) => ({
  MemberExpression: (node) => {
    if (node.object.name === "assert" && /^(not)?deep(Strict)?Equal$/i.test(node.property.name ?? "")) {
      report(node, "chai takes Option.some for Option.none: use deepStrictEqual of @effect/vitest/utils.")
    }
  }
}))

export default {
  meta: { name: "house" },
  rules: {
    packages,
    "no-async": noAsync,
    "no-chai-deep-equal": noChaiDeepEqual,
    "no-default-export": noDefaultExport,
    "no-double-assertion": noDoubleAssertion,
    "no-throw": noThrow
  }
}
