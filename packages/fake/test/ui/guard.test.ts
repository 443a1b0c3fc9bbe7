/** Requests to the control endpoints that must be rejected. */
import { assert, describe, it } from "@effect/vitest"
import { rejection } from "../../src/ui/guard.ts"

const port = 4011
const own = { host: "127.0.0.1:4011" }
const json = { "content-type": "application/json" }

describe("the guard of the control endpoints", () => {
  it("accepts the page, and programs such as curl", () => {
    const origin = "http://127.0.0.1:4011"
    assert.isUndefined(rejection("GET", own, port))
    assert.isUndefined(rejection("GET", { ...own, "sec-fetch-site": "none" }, port))
    assert.isUndefined(rejection("POST", { ...own, ...json }, port))
    assert.isUndefined(rejection("POST", { ...own, ...json, origin, "sec-fetch-site": "same-origin" }, port))
    assert.isUndefined(rejection("GET", { host: "localhost:4011" }, port))
    assert.isUndefined(
      rejection("PUT", { host: "[::1]:4011", "content-type": "application/json; charset=utf-8" }, port)
    )
  })

  it("rejects names that were made to resolve to loopback", () => {
    for (
      const host of ["evil.example:4011", "127.0.0.1.evil.example:4011", "127.0.0.1", "127.0.0.1:80", "", undefined]
    ) {
      assert.isString(rejection("GET", { host }, port))
    }
  })

  it("rejects requests of other origins and sites", () => {
    for (const origin of ["http://evil.example", "null", "http://127.0.0.1:3000", "https://127.0.0.1:4011"]) {
      assert.isString(rejection("POST", { ...own, ...json, origin }, port))
      assert.isString(rejection("GET", { ...own, origin }, port))
    }
    for (const site of ["cross-site", "same-site"]) {
      assert.isString(rejection("GET", { ...own, "sec-fetch-site": site }, port))
    }
  })

  it("rejects commands in a form that a foreign page can post without a preflight", () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", undefined]) {
      for (const method of ["POST", "PUT", "DELETE"]) {
        assert.isString(rejection(method, { ...own, "content-type": type }, port))
      }
    }
  })
})
