// The Chromium of the system, in which pages are tried; from Debian's package, for example.
import { existsSync } from "node:fs"

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium"

/** Where it is not installed, says that `subject` was not tried. */
export const findChromium = (subject) => {
  const isInstalled = existsSync(executablePath)
  if (!isInstalled) console.warn(`SKIPPED: Chromium is not installed, so ${subject} was not tried in it`)
  return isInstalled
}

/** Options of `chromium.launch` of Playwright. */
export const launchOptions = { executablePath, args: ["--no-sandbox"] }
