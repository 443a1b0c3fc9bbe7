// Which HTTP client works in a runtime: a program of the packages, run over each of them against `exotel-fake`.
import { attempt } from "./project.mjs"

export const httpClients = ["FetchHttpClient.layer", "NodeHttpClient.layer", "NodeHttpClient.layerUndici"]

/** `command` runs a program in the runtime. Gives "works" or the failure, for each client. */
export const tryClients = async (command, project, url) => {
  const results = []
  for (const client of httpClients) {
    const [program, ...args] = [...command, "runtime.mjs", url, client]
    const { code, stderr, stdout } = await attempt(program, args, { cwd: project, timeout: 60_000 })
    const printed = stdout.trim()
    if (code !== 0) results.push(`fails: ${stderr.trim().split("\n").at(-1)}`)
    else results.push(printed === "completed completed completed" ? "works" : printed)
  }
  return results
}

export const script = {
  accounts: [{ accountSid: "acme1m", apiKey: "key", apiToken: "token", region: "mumbai" }],
  calls: [],
  connect: { default: { kind: "answered", ring: "4 seconds", talk: "20 seconds" } }
}
