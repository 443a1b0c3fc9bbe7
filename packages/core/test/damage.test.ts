/**
 * A damaged document never becomes a call: it is a `ResponseParseError`, or the error that the body names, never a defect.
 * A sound document with an odd optional field is a call without that field.
 */
import { assert, describe, it } from "@effect/vitest"
import { deepStrictEqual } from "@effect/vitest/utils"
import { Either, Option } from "effect"
import { read } from "./support/read.ts"
import { answered, fresh, plain, toJson, toXml, unanswered } from "./support/wire.ts"

const xml = (fields: string) => `<TwilioResponse><Call>${fields}</Call></TwilioResponse>`
const ok = "<Sid>abc</Sid><Status>busy</Status>"
const json = (fields: Record<string, unknown>) => JSON.stringify({ Call: { Sid: "abc", Status: "busy", ...fields } })

/** `ResponseParseError`s by reason and path, other errors by tag, calls by their unreadable fields. */
const failureOf = (body: string): string =>
  Either.match(read(body), {
    onLeft: (error) =>
      error._tag === "ResponseParseError"
        ? `${error.reason}${error.path === undefined ? "" : ` ${error.path}`}`
        : error._tag,
    onRight: ({ unreadable }) => unreadable.length === 0 ? "a call" : `a call without ${unreadable.join()}`
  })

const decodesTo = (expected: string, bodies: Readonly<Record<string, string>>) => {
  for (const [name, body] of Object.entries(bodies)) {
    it(`${expected}: ${name}`, () => assert.strictEqual(failureOf(body), expected))
  }
}

it("reads CDATA that contains the beginning of CDATA, or nothing", () => {
  for (const text of ["<![CDATA[", "<![CDATA[ <![CDATA[", "", "]]", "<To>"]) {
    assert.strictEqual(failureOf(xml(`${ok}<To><![CDATA[${text}]]></To><From>x</From>`)), "a call", text)
    const call = Either.getOrThrow(read(xml(`${ok}<To>a<![CDATA[${text}]]>b</To>`)))
    deepStrictEqual(call.to, Option.some(`a${text}b`))
  }
})

it("reads the undamaged bodies", () => {
  assert.strictEqual(failureOf(xml(ok)), "a call")
  assert.strictEqual(failureOf(json({})), "a call")
})

describe("a truncated body", () => {
  const samples = { answered, fresh, unanswered }
  for (const [name, sample] of Object.entries(samples)) {
    for (const [format, body] of [["JSON", toJson(sample, plain())], ["XML", toXml(sample, plain())]] as const) {
      it(`is Malformed, wherever the ${name} sample in ${format} is truncated`, () => {
        for (let length = 0; length < body.length; length++) {
          assert.strictEqual(failureOf(body.slice(0, length)), "Malformed", `after ${length} characters`)
        }
      })
    }
  }
})

describe("a body that is not one complete document", () => {
  decodesTo("Malformed", {
    "an empty body": "",
    "white space": " \r\n\t ",
    "plain text": "Service temporarily unavailable",
    "a web page": "<!doctype html><html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>",
    "a web page without a doctype": "<html><body>Bad Gateway</body></html>",
    "a web page in capitals that is not well-formed": "<HTML><BODY><BR>Bad Gateway</HTML>",
    "a bare word of JSON": "true",
    "a JSON number": "17",
    "a JSON string": JSON.stringify(json({})),
    "JSON null": "null",
    "JSON with a comma missing, as in the documentation": "{\"Call\":{\"Sid\":\"abc\" \"Status\":\"busy\"}}",
    "JSON with a comma too many": "{\"Call\":{\"Sid\":\"abc\",\"Status\":\"busy\",}}",
    "JSON with a comment": `/* hello */ ${json({})}`,
    "JSON followed by JSON": json({}) + json({}),
    "JSON followed by a brace": `${json({})}}`,
    "JSON followed by text": `${json({})} ok`,
    "JSON followed by NUL": `${json({})}\u0000`,
    "JSON followed by XML": json({}) + xml(ok),
    "JSON behind JavaScript": `callback(${json({})})`,
    "JSON behind the usual guard": `)]}',\n${json({})}`,
    "JSON with a raw control character": json({}).replace("busy", "bu\u0001sy"),
    "JSON with a raw line break in a text": json({}).replace("busy", "bu\nsy"),
    "JSON in single quotes": json({}).replaceAll("\"", "'"),
    "JSON with a second byte order mark": `\ufeff${json({})}`,
    "JSON of 20,000 levels that are never closed": "{\"Call\":".repeat(20_000),
    "mismatched tags": `<TwilioResponse><Call>${ok}</TwilioResponse></Call>`,
    "a tag that differs in case": `<TwilioResponse><Call>${ok}</call></TwilioResponse>`,
    "a closing tag that closes nothing": `${xml(ok)}</TwilioResponse>`,
    "a closing tag that also closes itself": `<TwilioResponse><Call>${ok}</x/></Call></TwilioResponse>`,
    "a closing tag with an attribute": xml(ok).replace("</Call>", "</Call a=\"1\">"),
    "a tag whose quote is not closed": xml(ok).replace("<Call>", "<Call a=\"1>"),
    "an attribute without quotes": xml(ok).replace("<Call>", "<Call a=1>"),
    "an attribute without a value": xml(ok).replace("<Call>", "<Call nil>"),
    "an attribute twice": xml(ok).replace("<Call>", "<Call a=\"1\" a=\"2\">"),
    "a tag inside an attribute": xml(ok).replace("<Call>", "<Call a=\"<x>\">"),
    "a tag with a space before its name": xml(ok).replace("<Call>", "< Call>"),
    "a tag with a byte order mark in its name": xml("<Sid\ufeff>abc</Sid\ufeff><Status>busy</Status>"),
    "a tag with a no-break space in it": xml("<Sid\u00a0>abc</Sid><Status>busy</Status>"),
    "two angle brackets": xml(ok).replace("<Call>", "<<Call>"),
    "an element without a name": xml(`${ok}<></>`),
    "two roots": xml(ok) + xml(ok),
    "two roots of different names": `${xml(ok)}<RestException></RestException>`,
    "a second root that closes itself": `${xml(ok)}<TwilioResponse/>`,
    "a second root of another name that closes itself": `${xml(ok)}<Other/>`,
    "a first root that closes itself": `<Other/>${xml(ok)}`,
    "XML followed by text": `${xml(ok)}ok`,
    "XML followed by NUL": `${xml(ok)}\u0000`,
    "XML followed by a no-break space": `${xml(ok)}\u00a0`,
    "XML followed by the start of a tag": `${xml(ok)}<`,
    "XML followed by an entity": `${xml(ok)}&amp;`,
    "XML followed by CDATA": `${xml(ok)}<![CDATA[]]>`,
    "XML followed by CDATA that is not closed": `${xml(ok)}<![CDATA[ </TwilioResponse>`,
    "XML followed by a comment": `${xml(ok)}<!-- served in 3 ms -->`,
    "XML followed by a processing instruction": `${xml(ok)}<?x?>`,
    "XML followed by a processing instruction that is not closed": `${xml(ok)}<?x </TwilioResponse>`,
    "XML followed by JSON": xml(ok) + json({}),
    "CDATA before the root": `<![CDATA[]]>${xml(ok)}`,
    "text before the root": `<?xml version="1.0"?>ok${xml(ok)}`,
    "an XML declaration twice": `<?xml version="1.0"?><?xml version="1.0"?>${xml(ok)}`,
    "an XML declaration inside": xml(`${ok}<?xml version="1.0"?>`),
    "an XML declaration whose quote is not closed": `<?xml version="1.0?>${xml(ok)}`,
    "a processing instruction": `<?xml-stylesheet href="a"?>${xml(ok)}`,
    "a processing instruction that hides its end in quotes": `<?x "?><TwilioResponse><Call>" ?>${xml(ok)}`,
    "a comment": xml(`${ok}<!-- -->`),
    "a comment that is not closed": xml(`${ok}<!-- `),
    "CDATA that is not closed": xml(`${ok}<To><![CDATA[080</To>`),
    "CDATA that has lost its beginning": xml(`${ok}<To>![CDATA[080]]></To>`),
    "CDATA in lower case": xml(`${ok}<To><![cdata[080]]></To>`),
    "CDATA in a tag": xml(ok).replace("<Call>", "<<![CDATA[]]>Call>"),
    "CDATA in an attribute, to hide a tag": xml(`<a b="<![CDATA["/></x/><c d="]]>"/>${ok}`),
    "CDATA that splits an entity": xml(`${ok}<To>&am<![CDATA[p;]]></To>`),
    "a DOCTYPE": `<!DOCTYPE TwilioResponse>${xml(ok)}`,
    "a DOCTYPE in lower case": `<!doctype x []>${xml(ok)}`,
    "an external entity": `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>${xml(`${ok}<To>&f;</To>`)}`,
    "a billion laughs": `<!DOCTYPE x [<!ENTITY a "ha">${
      Array.from({ length: 9 }, (_, i) => `<!ENTITY ${"abcdefghij"[i + 1]} "${`&${"abcdefghij"[i]};`.repeat(10)}">`)
        .join("")
    }]>${xml(`${ok}<To>&j;</To>`)}`,
    "an entity that XML does not know": xml(`${ok}<To>caf&eacute;</To>`),
    "an entity by the name of a method": xml(`${ok}<To>&constructor;</To>`),
    "an entity without an end": xml(`${ok}<To>a &amp b</To>`),
    "an entity that ends with its element": xml(`${ok}<To>a&amp</To>`),
    "a bare ampersand": xml(`${ok}<To>a & b</To>`),
    "an empty entity": xml(`${ok}<To>&;</To>`),
    "a reference to NUL": xml(`${ok}<To>&#0;</To>`),
    "a reference to a control character": xml(`${ok}<To>&#x1b;[0m</To>`),
    "a reference to half a character": xml(`${ok}<To>&#xd83d;&#xde00;</To>`),
    "a reference beyond Unicode": xml(`${ok}<To>&#x110000;</To>`),
    "a reference beyond any number": xml(`${ok}<To>&#99999999999999999999;</To>`),
    "a reference that is negative": xml(`${ok}<To>&#-1;</To>`),
    "a decimal reference that ends in a letter": xml(`${ok}<To>&#65x;</To>`),
    "a hexadecimal reference that ends in a letter": xml(`${ok}<To>&#x41g;</To>`),
    "a decimal reference after a name": xml(`${ok}<To>&a#65;</To>`),
    "a hexadecimal reference after a name": xml(`${ok}<To>&a#x41;</To>`),
    "a reference in capital X": xml(`${ok}<To>&#X41;</To>`),
    "a raw control character": xml(`${ok}<To>08\u0001</To>`),
    "an escape character": xml(`${ok}<To>\u001b[31m</To>`),
    "a control character in an attribute": xml(ok).replace("<Call>", "<Call a=\"\u0007\">"),
    "a control character in CDATA": xml(`${ok}<To><![CDATA[\u0008]]></To>`),
    "a noncharacter": xml(`${ok}<To>\uffff</To>`),
    "20,000 levels that are never closed": "<a>".repeat(20_000),
    "20,000 levels": `<TwilioResponse>${"<a>".repeat(20_000)}${"</a>".repeat(20_000)}</TwilioResponse>`,
    "20,000 levels inside a field": xml(`${ok}<To>${"<a>".repeat(20_000)}${"</a>".repeat(20_000)}</To>`),
    "an element by the name of a prototype": xml(`${ok}<__proto__><To>1</To></__proto__>`),
    "an element by the name of a constructor": xml(`${ok}<constructor>1</constructor>`),
    "a root that closes itself": "<TwilioResponse/>"
  })
})

describe("a web page instead of a response", () => {
  for (
    const page of [
      "<!doctype html><html><body>Bad Gateway</body></html>",
      "<!-- nginx --><html><body>Bad Gateway</body></html>",
      "<HTML><BODY>Bad Gateway</BODY></HTML>"
    ]
  ) {
    it(`is named as such: ${page}`, () => {
      assert.include(Either.flip(read(page)).pipe(Either.getOrThrow).message, "web page")
    })
  }
})

describe("a complete document that is no call", () => {
  decodesTo("Unexpected", {
    "a JSON list": `[${json({})}]`,
    "an undocumented XML root": `<Call>${ok}</Call>`,
    "a root by the name of a method": "<toString>x</toString>",
    "a call and an error in JSON":
      "{\"Call\":{\"Sid\":\"abc\",\"Status\":\"busy\"},\"RestException\":{\"Status\":500}}",
    "a call and an error in XML":
      `<TwilioResponse><Call>${ok}</Call><RestException><Status>500</Status></RestException></TwilioResponse>`
  })
  decodesTo("Unexpected Call", {
    "an empty object": "{}",
    "a call that is null": "{\"Call\":null}",
    "a call that is a text": "{\"Call\":\"abc\"}",
    "a call that is a number": "{\"Call\":17}",
    "a call that is a list": "{\"Call\":[{\"Sid\":\"abc\",\"Status\":\"busy\"}]}",
    "a call under a prototype": "{\"__proto__\":{\"Call\":{\"Sid\":\"abc\",\"Status\":\"busy\"}}}",
    "a call under XML's root in JSON": `{"TwilioResponse":${json({})}}`,
    "a call in lower case": json({}).replace("Call", "call"),
    "an empty root": "<TwilioResponse></TwilioResponse>",
    "a root with text": "<TwilioResponse>ok</TwilioResponse>",
    "an empty call": "<TwilioResponse><Call/></TwilioResponse>",
    "two calls": `<TwilioResponse><Call>${ok}</Call><Call>${ok}</Call></TwilioResponse>`,
    "text beside the call": `<TwilioResponse>ok<Call>${ok}</Call></TwilioResponse>`,
    "a lost angle bracket": xml(ok).replace("<Call>", "Call>").replace("</Call>", ""),
    "text between the fields": xml(`${ok}lost tag`),
    "a field in place of that text that is a number": json({ "#text": 5 }),
    "a page of calls": JSON.stringify({ Metadata: {}, Calls: [{ Sid: "abc", Status: "busy" }] })
  })
  decodesTo("Unexpected Call.Sid", {
    "no sid": "{\"Call\":{\"Status\":\"busy\"}}",
    "an empty sid": json({ Sid: "" }),
    "a sid that is null": json({ Sid: null }),
    "a sid that is a path": json({ Sid: "../abc" }),
    "a sid that is a list": json({ Sid: ["abc"] }),
    "a sid beyond any number": json({}).replace("\"abc\"", "1e400"),
    "a sid with a line break": json({ Sid: "abc\ndef" }),
    "a sid with an element in it": xml("<Sid>abc<b/></Sid><Status>busy</Status>"),
    "two sids": xml(`${ok}<Sid>abc</Sid>`),
    "a sid of its prototype's": "{\"Call\":{\"__proto__\":{\"Sid\":\"abc\"},\"Status\":\"busy\"}}"
  })
})

describe("a complete document with an unreadable optional field", () => {
  decodesTo("a call", {
    "no status": "{\"Call\":{\"Sid\":\"abc\"}}",
    "an empty status": xml("<Sid>abc</Sid><Status/>"),
    "a status of white space": json({ Status: "  " }),
    "a status that is the text null": json({ Status: "null" }),
    "a status of 64 characters": json({ Status: "x".repeat(64) }),
    "a list of bare legs": json({ Details: { Legs: [{ Id: 1 }] } }),
    "legs that are the text null": json({ Details: { Legs: "null" } })
  })
  decodesTo("a call without Status", {
    "a status that is an object": json({ Status: { a: 1 } }),
    "a status of 65 characters": json({ Status: "x".repeat(65) }),
    "two statuses": xml(`${ok}<Status>busy</Status>`)
  })
  decodesTo("a call without Duration", {
    "a negative duration": json({ Duration: -1 }),
    "a negative duration in text": json({ Duration: "-1" }),
    "a fraction of a second": json({ Duration: 1.5 }),
    "a fraction of a second in text": json({ Duration: "17.5" }),
    "a duration in words": json({ Duration: "17s" }),
    "a duration as a clock": json({ Duration: "00:17" }),
    "a duration in hexadecimal": json({ Duration: "0x11" }),
    "a duration with an exponent": json({ Duration: "1e3" }),
    "a duration of many digits": json({ Duration: "9".repeat(400) }),
    "a duration beyond 2^53": json({}).replace("\"busy\"", "\"busy\",\"Duration\":9007199254740993"),
    "a duration beyond any number": json({}).replace("\"busy\"", "\"busy\",\"Duration\":1e999"),
    "a duration that is true": json({ Duration: true }),
    "a duration in another script's digits": json({ Duration: "१७" }),
    "two durations": xml(`${ok}<Duration>1</Duration><Duration>1</Duration>`)
  })
  decodesTo("a call without Price", {
    "a price with a currency": json({ Price: "INR 1.50" }),
    "a price with a comma": json({ Price: "1,50" }),
    "a price without a whole part": json({ Price: ".5" }),
    "a price that is no number": json({ Price: "NaN" }),
    "a price with a huge exponent": json({ Price: "1e999999999" }),
    "a price of a million digits": json({ Price: "1".repeat(1_000_000) })
  })
  decodesTo("a call without EndTime", {
    "a 30 February": json({ EndTime: "2026-02-30 10:00:00" }),
    "a 29 February of a common year": json({ EndTime: "2026-02-29 10:00:00" }),
    "a month 13": json({ EndTime: "2026-13-01 10:00:00" }),
    "a month 0": json({ EndTime: "2026-00-01 10:00:00" }),
    "a day 0": json({ EndTime: "2026-01-00 10:00:00" }),
    "an hour 24": json({ EndTime: "2026-01-01 24:00:00" }),
    "a minute 60": json({ EndTime: "2026-01-01 10:60:00" }),
    "a second 60": json({ EndTime: "2026-01-01 10:00:60" }),
    "a date alone": json({ EndTime: "2026-01-01" }),
    "a Unix time": json({ EndTime: 1_767_225_600 }),
    "a time in English": json({ EndTime: "Thu, 01 Jan 2026 10:00:00 +0530" }),
    "a year of five digits": json({ EndTime: "12026-01-01 10:00:00" }),
    "an impossible offset": json({ EndTime: "2026-01-01 10:00:00+99:99" }),
    "an impossible minute of an offset": json({ EndTime: "2026-01-01 10:00:00-05:60" }),
    "a text": json({ EndTime: "soon" })
  })
  decodesTo("a call without To,EndTime,Duration", {
    "three odd fields": json({ To: [], Duration: -1, EndTime: "soon" })
  })
  decodesTo("a call without To", {
    "a list": json({ To: ["080"] }),
    "an object": json({ To: { a: 1 } }),
    "a truth value": json({ To: false }),
    "NUL": json({ To: "080\u0000" }),
    "an escape character": json({ To: "\u001b[31m080" }),
    "half a character": json({ To: "080\ud83d" }),
    "digits that JSON has lost": json({}).replace("\"busy\"", "\"busy\",\"To\":91801234567890123456"),
    "20,000 levels": json({}).replace("\"busy\"", `"busy","To":${"[".repeat(20_000)}${"]".repeat(20_000)}`),
    "an element": xml(`${ok}<To><x>1</x></To>`),
    "two of them": xml(`${ok}<To>1</To><To/>`)
  })
  decodesTo("a call without Details", {
    "details that are a text": json({ Details: "none" }),
    "details that are a list": json({ Details: [] }),
    "details twice": xml(`${ok}<Details><a/></Details><Details><a/></Details>`),
    "text between the details": xml(`${ok}<Details>x<Leg1Status>busy</Leg1Status></Details>`)
  })
  decodesTo("a call without Details.Legs", {
    "legs that are a number": json({ Details: { Legs: 2 } }),
    "text between the legs": xml(`${ok}<Details><Legs>x<Leg><Id>1</Id></Leg></Legs></Details>`)
  })
  decodesTo("a call without Details.Legs[0]", {
    "a leg that is a number": json({ Details: { Legs: [1] } }),
    "a leg that is null": json({ Details: { Legs: [null] } }),
    "an empty leg": xml(`${ok}<Details><Legs><Leg/></Legs></Details>`)
  })
  decodesTo("a call without Details.Legs[1].Id", {
    "a leg without a number": json({ Details: { Legs: [{ Leg: { Id: 1 } }, { Leg: {} }] } }),
    "a bare leg without a number": json({ Details: { Legs: [{ Id: 1 }, { OnCallDuration: 5 }] } }),
    "a leg with a negative number": json({ Details: { Legs: [{ Leg: { Id: 1 } }, { Leg: { Id: -2 } }] } })
  })
  decodesTo("a call without Details.Legs[1].OnCallDuration", {
    "a leg with a duration in words": json({
      Details: { Legs: [{ Leg: { Id: 1 } }, { Leg: { Id: 2, OnCallDuration: "long" } }] }
    })
  })
})

describe("an error under a status of success", () => {
  const named: Readonly<Record<number, string>> = {
    400: "InvalidRequest",
    401: "AuthenticationError",
    402: "AccessDenied",
    403: "AccessDenied",
    404: "CallNotFound",
    409: "InvalidRequest",
    418: "InvalidRequest",
    429: "RateLimited",
    500: "ServiceUnavailable",
    503: "ServiceUnavailable"
  }
  for (const [status, tag] of Object.entries(named)) {
    it(`is ${tag} for ${status}, in each of its shapes`, () => {
      const fields = `<Status>${status}</Status><Message>No</Message>`
      assert.strictEqual(failureOf(JSON.stringify({ RestException: { Status: Number(status), Message: "No" } })), tag)
      assert.strictEqual(
        failureOf(JSON.stringify({ RestException: { Status: status, Message: null, Code: "x" } })),
        tag
      )
      assert.strictEqual(failureOf(`<TwilioResponse><RestException>${fields}</RestException></TwilioResponse>`), tag)
      assert.strictEqual(failureOf(`<RestException>${fields}</RestException>`), tag)
    })
  }
  decodesTo("Unexpected RestException.Status", {
    "an error without a status": "{\"RestException\":{\"Message\":\"No\"}}",
    "an error with a status of success": "{\"RestException\":{\"Status\":200}}",
    "an error with a status in words": "{\"RestException\":{\"Status\":\"many\"}}",
    "an error with a negative status": "{\"RestException\":{\"Status\":-404}}",
    "an error with a fraction of a status": "{\"RestException\":{\"Status\":404.5}}",
    "an error as root around a call": `<RestException><Call>${ok}</Call></RestException>`
  })
  decodesTo("Unexpected Call", {
    "an error that is a list": "{\"RestException\":[{\"Status\":404}]}",
    "an error that is a text": "{\"RestException\":\"404\"}",
    "an empty error": "<RestException></RestException>"
  })
})

describe("another call's record", () => {
  it("is refused when another call was requested", () => {
    const result = read(json({ Sid: "def" }), "abc")
    assert.strictEqual(Either.isLeft(result) && result.left._tag, "ResponseParseError")
    assert.isTrue(Either.isRight(read(json({}), "abc")))
    assert.isTrue(Either.isRight(read(json({ Sid: "ABC" }), "abc")))
  })
})

describe("a character of a text", () => {
  /** The characters of XML 1.0, production 2; here those below U+10000. */
  const isAllowed = (code: number) =>
    code === 0x9 || code === 0xa || code === 0xd || (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd)

  const checkCharacters = (body: (text: string) => string, expected: string) => {
    for (const range of [[0, 0x9f], [0xd7f0, 0xe00f], [0xfff0, 0xffff]] as const) {
      for (let code: number = range[0]; code <= range[1]; code++) {
        // These two begin markup.
        if (code === 0x26 || code === 0x3c) continue
        const found = failureOf(body(`a${String.fromCharCode(code)}b`))
        assert.strictEqual(found, isAllowed(code) ? "a call" : expected, `U+${code.toString(16)}`)
      }
    }
  }

  it("is refused in JSON if XML 1.0 forbids it, and only then", () =>
    checkCharacters((text) => json({ To: text }), "a call without To"))

  it("is refused in XML if XML 1.0 forbids it, and only then", () =>
    checkCharacters((text) => xml(`${ok}<To>${text}</To>`), "Malformed"))
})
