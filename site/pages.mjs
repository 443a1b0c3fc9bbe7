// The pages of the site, in the order of the sidebar: a title and the file of the repository that it shows.
export const groups = [
  {
    text: "Start",
    pages: [["Overview", "README.md"], ["Compose", "docs/compose.md"], ["Examples", "examples"]]
  },
  {
    text: "Tasks",
    pages: [
      ["Read calls", "docs/read.md"],
      ["Place a call", "docs/place.md"],
      ["Watch a call", "docs/watch.md"],
      ["Fleets", "docs/fleets.md"],
      ["Several machines", "docs/several-machines.md"],
      ["Callbacks", "docs/callbacks.md"],
      ["Testing", "docs/testing.md"],
      ["Browser page of the fake", "docs/desk.md"],
      ["Migrating from a polling loop", "docs/migrating.md"]
    ]
  },
  {
    text: "Operation",
    pages: [
      ["Errors", "docs/errors.md"],
      ["Observability", "docs/observability.md"],
      ["Performance", "docs/performance.md"],
      ["Deployment", "docs/deployment.md"],
      ["Runtimes", "docs/runtimes.md"],
      ["Security", "SECURITY.md"]
    ]
  },
  {
    text: "Background",
    pages: [
      ["Guarantees", "docs/guarantees.md"],
      ["Exotel's API", "docs/wire.md"],
      ["Architecture", "docs/architecture.md"],
      ["Contributing", "CONTRIBUTING.md"]
    ]
  },
  {
    text: "Packages",
    pages: [
      ["core", "packages/core/README.md"],
      ["watch", "packages/watch/README.md"],
      ["cluster", "packages/cluster/README.md"],
      ["testing", "packages/testing/README.md"],
      ["fake", "packages/fake/README.md"]
    ]
  }
]

/** Where the site shows a file of the repository, without the suffix `.md`. */
export const routeOf = (path) => {
  if (path === "README.md") return "index"
  const inPackage = /^packages\/([^/]+)\/README\.md$/.exec(path)
  if (inPackage !== null) return `packages/${inPackage[1]}`
  if (path.startsWith("docs/")) return path.replace(/^docs\//, "guides/").replace(/\.md$/, "")
  if (path.endsWith(".md")) return path.slice(0, -".md".length).toLowerCase()
  const module = /^packages\/([^/]+)\/src\/((?!internal\/|index\.ts|bin\.ts|ui\/)[A-Z][\w/]*)\.ts$/.exec(path)
  if (module !== null) return `reference/${module[1]}/${module[2]}`
  if (path === "examples" || path === "benchmarks") return path
  return `source/${path}`
}
