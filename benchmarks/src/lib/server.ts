/** A server in a separate process that answers every request with the same call, and exits with its parent. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { json } from "./sample.ts"

const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(json) })
  response.end(json)
})

process.once("disconnect", () => process.exit(0))
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port))
