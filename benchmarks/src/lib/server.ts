/**
 * A server in a separate process that answers every request with the same call, or with a page of 100 calls, and exits with
 * its parent. The first segment of the path selects how the body is sent: `length`, `chunked` or `gzip`. It never responds
 * under `silent`.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { gzipSync } from "node:zlib"
import { json, page } from "./sample.ts"

const bodies = { call: Buffer.from(json), page: Buffer.from(page) }
const zipped = { call: gzipSync(json), page: gzipSync(page) }

let sockets = 0

const server = createServer((request, response) => {
  const [, how, ...path] = (request.url ?? "").split("/")
  if (how === "silent") return
  if (how === "sockets") return void response.end(String(sockets))
  const kind = path.at(-1)?.startsWith("Calls.json") === true ? "page" : "call"
  response.setHeader("content-type", "application/json")
  if (how === "gzip") {
    response.setHeader("content-encoding", "gzip")
    response.setHeader("content-length", zipped[kind].length)
    response.end(zipped[kind])
  } else if (how === "chunked") {
    response.setHeader("transfer-encoding", "chunked")
    response.end(bodies[kind])
  } else {
    response.setHeader("content-length", bodies[kind].length)
    response.end(bodies[kind])
  }
})
server.on("connection", (socket) => {
  sockets++
  socket.once("close", () => sockets--)
})

process.once("disconnect", () => process.exit(0))
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port))
