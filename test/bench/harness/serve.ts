/** How a program beside the bench is spoken to: by messages from the bench that started it, each answered with one number, or with what went wrong. */

/** What is asked: `question` names it, `count` says for how many. */
export interface Question {
  readonly question: string
  readonly count: number
}

export type Answer = { readonly value: number } | { readonly problem: string }

type Answers = Readonly<Record<string, (count: number) => Promise<number>>>

const isQuestion = (message: unknown): message is Question =>
  typeof message === "object" && message !== null && "question" in message && "count" in message

const answerTo = async (message: unknown, answers: Answers): Promise<Answer> => {
  if (!isQuestion(message)) return { problem: "that is no question" }
  const answer = answers[message.question]
  if (answer === undefined) return { problem: `nobody here answers ${message.question}` }
  try {
    return { value: await answer(message.count) }
  } catch (error) {
    return { problem: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

/** Answers until the bench is gone. */
export const serve = (answers: Answers): void => {
  process.on("message", (message) => {
    answerTo(message, answers).then((answer) => process.send?.(answer))
  })
  process.on("disconnect", () => process.exit(0))
  process.send?.({ value: 0 })
}

/** The argument of this number, counted from 0; every one must be given. */
export const argument = (at: number): string => {
  const value = process.argv[2 + at]
  if (value === undefined) throw new Error(`argument ${at + 1} is missing`)
  return value
}
