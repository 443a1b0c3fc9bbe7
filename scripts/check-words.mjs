// The vocabulary: words that an earlier version used in a private meaning must not return. Each entry is a pattern and
// the standard term. Words with a common technical meaning are listed with the contexts in which they have it.
import { readFileSync } from "node:fs"
import { basename } from "node:path"
import { files } from "./lib/files.mjs"

const words = [
  [/\b(whoever|nobody|somebody|everybody|anybody)\b/i, "name the caller, the program or the call"],
  [/\bheed\w*|\bpretend\w*|\bwhat becomes of\b/i, "observe, fake, the outcome of"],
  [
    /\busher\w*|\bdismiss\w*|\blet through\b|letThrough|\bmayGo\b|\btakeIn\b|\bgiveBack\b/i,
    "dispatcher, dispatch, add, release"
  ],
  [/\bsweep\w*|_SWEEPS|SWEEPLESS/i, "bulk read, bulk poll"],
  [/\bspell(s|ed|ing|ings)?\b|\bcontrary\b/i, "format, form, alternate"],
  [/\b(told|tells?|telling)\b/i, "emit, report, notify, distinguish"],
  [/\blook(s|ed|ing)?\b(?! (for|up|like)\b)|lookAt|LookedAt|LastLook/i, "poll, read, check"],
  [/\bask(s|ed|ing)?\b(?! (for|to)\b)/i, "request, read, poll, send"],
  [/\bpatien\w+/i, "aging, delay"],
  [/\bmend\w*/i, "non-retryable, fix"],
  [/\b(laws?|rooms?|news)\b/i, "guarantee, package or capacity, scheduleTick"],
  [/\bworlds?\b/i, "fake, state, case"],
  [/\bstretch\w*/i, "slowdown, part"],
  [/\brests\b|\bresting\b|\bthe rest that\b/i, "wait, pause, backing off"],
  [/\brepl(y|ies)\b/i, "response, exotelMessage"],
  [/\bgoes (off|round)\b|\bgoesOff\b/i, "fires, loops"],
  [/\b(agenda|singles|superfluous|claims?|staff(ed)?)\b/i, "poll scheduler, individual, surplus, overdue reads, lane"],
  [/\bforeign\b(?! (numbers?|pages?|keys?)\b)/i, "external, other"],
  [/\bspare[ds]?\b|sparePerMinute/i, "available, free"],
  [/(?<!\.)\bchains?\b|\bDueQueue\b/i, "linked list, due heap"],
  [/\blasts\b(?=[:?,)\]]| =)/, "duration"],
  [
    /\b(Paced?|Joined|Detailed|DetailsSkipped|Transmission|SpeedClock|SweepResult|Staffed)\b/,
    "see the event, error and clock types"
  ],
  [
    /\b(MemoryBudget|SharedBudget|clientOf|errorOfAnswer|default_|nextSpare|roundOrStop|nearMiss|carryOut)\b/,
    "see the public modules"
  ],
  [
    /\b(byHand|steppedAt|timeOnLine|withChance|slowDrip|PATIENCE_MILLIS)\b/,
    "manual, advanceAt, connectedTime, withProbability, slowBody"
  ],
  [/(Watch|watch|engine)\.offer\b|(Retry|Watch)Policy\.default\b|"newest first"/, "hint, standard, desc"],
  [/\b(in its|his|their) own words\b|\bhand-made\b/i, "plain terms"]
]

/** `dueQueue.test.ts` as the words `due Queue test ts`, beside the name itself. */
const nameAsText = (path) =>
  `${basename(path)} ${basename(path).replace(/([a-z])([A-Z])/g, "$1 $2").replace(/[._-]/g, " ")}`

const problems = []
for (const path of files("*.ts", "*.js", "*.md", "*.mjs", "*.sh", "*.json", "*.html", "*.css")) {
  if (path === "scripts/check-words.mjs" || path.endsWith("pnpm-lock.yaml")) continue
  const lines = [nameAsText(path), ...readFileSync(path, "utf8").split("\n")]
  for (const [number, line] of lines.entries()) {
    for (const [pattern, standard] of words) {
      const found = pattern.exec(line)
      if (found !== null) problems.push(`${path}:${number}: "${found[0]}"; use: ${standard}`)
    }
  }
}

if (problems.length > 0) {
  console.error(problems.join("\n"))
  process.exit(1)
}
console.log(`None of ${words.length} groups of replaced terms is used.`)
