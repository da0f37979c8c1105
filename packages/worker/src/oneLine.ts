/** A text as it may be stored and shown: one line of bounded length, well-formed, without control characters. */
export const oneLine = (text: string, maxLength: number): string =>
  text
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, " ")
    .slice(0, maxLength)
    .toWellFormed()
