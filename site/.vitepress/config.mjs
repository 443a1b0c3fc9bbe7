import { readFileSync } from "node:fs"
import { join } from "node:path"
import { diagrams } from "../lib/diagrams.mjs"
import { groups, routeOf } from "../pages.mjs"

const icon = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\">"
  + "<circle cx=\"8\" cy=\"8\" r=\"8\" fill=\"#0550ae\"/><path d=\"M4 8h2l2-4 1 8 1-4h2\" fill=\"none\" stroke=\"#fff\"/></svg>"

const link = (route) => route === "index" ? "/" : `/${route}`

const sidebar = groups.map(({ pages, text }) => ({
  text,
  items: pages.map(([title, path]) => ({ text: title, link: link(routeOf(path)) }))
}))

const modules = JSON.parse(readFileSync(join(import.meta.dirname, "../.stage/modules.json"), "utf8"))
const reference = [...new Set(modules.map((each) => each.package))].map((name) => ({
  text: name,
  collapsed: true,
  items: modules.filter((each) => each.package === name)
    .map(({ module }) => ({ text: module, link: `/reference/${name}/${module}` }))
}))

export default {
  title: "effect-exotel",
  description: "Exotel Voice calls for Effect: place, read and watch calls, and test all of it without a phone",
  base: process.env["SITE_BASE"] ?? "/",
  srcDir: ".stage",
  outDir: "dist",
  lastUpdated: false,
  // Each page links all others of the sidebar; their programs are loaded when they are needed.
  router: { prefetchLinks: false },
  // Without an icon browsers request one.
  head: [["link", { rel: "icon", href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  markdown: { config: (markdown) => markdown.use(diagrams) },
  themeConfig: {
    nav: [{ text: "Guides", link: "/guides/compose" }, { text: "Reference", link: "/reference/" }],
    sidebar: {
      "/reference/": [{ text: "API reference", link: "/reference/", items: reference }],
      "/": [...sidebar, { text: "API reference", items: [{ text: "Modules", link: "/reference/" }] }]
    },
    outline: [2, 3],
    search: { provider: "local" }
  }
}
