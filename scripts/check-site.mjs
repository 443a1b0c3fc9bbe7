// Checks the built site (`pnpm site`). In its HTML: every internal link leads to a page, and to a heading of it. In Chromium,
// if it is installed: no page is wider than a narrow or a wide window, reports an error or requests another host; text is
// legible in light and dark; the search finds a term.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { createServer } from "node:http"
import { createRequire } from "node:module"
import { extname, join } from "node:path"
import { findChromium, launchOptions } from "./lib/chromium.mjs"

const dist = join(import.meta.dirname, "../site/dist")
const term = { query: "CallOutcomeUnknown", page: /reference\/core\/ConnectError|guides\/place/ }
const problems = []

if (!existsSync(join(dist, "index.html"))) {
  console.error("site/dist is missing: build the site with `pnpm site`.")
  process.exit(1)
}

const paths = readdirSync(dist, { recursive: true }).map((path) => String(path).replaceAll("\\", "/"))
const files = new Set(paths)
const pages = paths.filter((path) => path.endsWith(".html") && path !== "404.html").sort()

// Links

const decoded = (text) => decodeURIComponent(text.replaceAll("&amp;", "&"))
const html = new Map(pages.map((page) => [page, readFileSync(join(dist, page), "utf8")]))
const ids = new Map([...html].map(([page, text]) => [
  page,
  new Set([...text.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => decoded(id)))
]))

const fileOf = (pathname) => {
  const path = decoded(pathname).slice(1)
  return [path, `${path}.html`, `${path.replace(/\/$/, "")}${path === "" ? "" : "/"}index.html`].find((name) =>
    files.has(name) && extname(name) !== ""
  )
}

let links = 0
for (const [page, text] of html) {
  for (const [, target] of text.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
    if (/^(?!https?:)[a-z]+:/.test(target)) continue
    const url = new URL(target.replaceAll("&amp;", "&"), `http://site/${page}`)
    if (url.host !== "site") continue
    links++
    const file = fileOf(url.pathname)
    if (file === undefined) problems.push(`${page}: no such page: ${target}`)
    else if (url.hash !== "" && !ids.get(file)?.has(decoded(url.hash.slice(1)))) {
      problems.push(`${page}: no such heading: ${target}`)
    }
  }
}
if (links === 0) problems.push("Not one link was found: is the search for links broken?")

// Browser

const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png"
}

const serve = () =>
  new Promise((resolve) => {
    const server = createServer((request, response) => {
      const file = fileOf(new URL(request.url ?? "/", "http://site").pathname)
      if (file === undefined) return response.writeHead(404).end()
      response.writeHead(200, {
        "content-type": types[extname(file)] ?? "application/octet-stream",
        "cache-control": "max-age=3600"
      })
      response.end(readFileSync(join(dist, file)))
    }).listen(0, "127.0.0.1", () => resolve(server))
  })

/** Runs in the page. The elements that make it wider than the window, and the lowest contrast of its text. */
const measure = () => {
  const channels = (color) => (color.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((value) => {
      const part = value / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const background = (element) => {
    for (let each = element; each !== null; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor
      if (color.startsWith("rgb(")) return color
    }
    return "rgb(255, 255, 255)"
  }
  const contrast = (element) => {
    const style = getComputedStyle(element)
    const [a, b] = [luminance(element instanceof SVGElement ? style.fill : style.color), luminance(background(element))]
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
  }
  const width = document.documentElement.clientWidth
  const isClipped = (element) => {
    for (let each = element.parentElement; each !== null; each = each.parentElement) {
      if (getComputedStyle(each).overflowX !== "visible") return true
    }
    return false
  }
  const wide = document.documentElement.scrollWidth <= width ? [] : [...document.querySelectorAll(".VPContent *")]
    .filter((element) => element.getBoundingClientRect().right > width && !isClipped(element))
    .slice(0, 3).map((element) => `${element.tagName.toLowerCase()} ${element.textContent.trim().slice(0, 40)}`)
  const text = [...document.querySelectorAll(".vp-doc :is(h1, h2, p, li, td, svg text)")]
  return {
    scrollWidth: document.documentElement.scrollWidth,
    wide,
    isDark: document.documentElement.classList.contains("dark"),
    illegible: text.filter((element) => contrast(element) < 4.5).slice(0, 3)
      .map((element) => `${element.textContent.trim().slice(0, 40)} (${contrast(element).toFixed(1)})`)
  }
}

const checkPage = async (page, url, path) => {
  await page.emulateMedia({ colorScheme: "light" })
  await page.setViewportSize({ width: 1280, height: 900 })
  await page.goto(url + path)
  // The program of the page has started.
  await page.waitForFunction(() => document.querySelector("#app")?.__vue_app__ !== undefined)
  for (const width of [1280, 400]) {
    await page.setViewportSize({ width, height: 900 })
    const { scrollWidth, wide } = await page.evaluate(measure)
    if (scrollWidth > width) {
      problems.push(`${path}: ${scrollWidth} px wide in a window of ${width} px: ${wide.join("; ")}`)
    }
  }
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme })
    await page.waitForFunction(
      (dark) => document.documentElement.classList.contains("dark") === dark,
      colorScheme === "dark"
    )
    const { illegible } = await page.evaluate(measure)
    if (illegible.length > 0) problems.push(`${path}: low contrast in ${colorScheme}: ${illegible.join("; ")}`)
  }
}

const checkSearch = async (page, url) => {
  await page.setViewportSize({ width: 1280, height: 900 })
  await page.goto(url)
  await page.getByRole("button", { name: "Search" }).first().click()
  await page.getByRole("searchbox").fill(term.query)
  const result = page.getByRole("option").first().getByRole("link")
  await result.waitFor({ timeout: 20_000 })
  const target = await result.getAttribute("href")
  if (!term.page.test(target ?? "")) problems.push(`The search for ${term.query} finds ${target} first`)
}

const checkInBrowser = async () => {
  const { chromium } = createRequire(join(import.meta.dirname, "../site/package.json"))("playwright-core")
  const server = await serve()
  const url = `http://127.0.0.1:${server.address().port}/`
  const browser = await chromium.launch(launchOptions)
  const open = async () => {
    const page = await browser.newPage({ reducedMotion: "reduce" })
    const report = (text) => problems.push(`${page.url().replace(url, "")}: ${text}`)
    page.on("pageerror", (error) => report(error.message))
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && report(message.text()))
    page.on("request", (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith("data:")) report(`requests ${request.url()}`)
    })
    return page
  }
  const queue = [...pages]
  const work = async () => {
    const page = await open()
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) await checkPage(page, url, path)
  }
  await Promise.all([work(), work()])
  await checkSearch(await open(), url)
  await browser.close()
  server.close()
}

const hasChromium = findChromium("the site")
if (hasChromium) await checkInBrowser()

if (problems.length > 0) {
  console.error(problems.join("\n"))
  process.exit(1)
}
console.log(
  `${pages.length} pages, ${links} internal links${hasChromium ? "; narrow, wide, light and dark in Chromium" : ""}.`
)
