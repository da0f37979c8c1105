/** Notices by e-mail. */
export { type AddressBook, type EmailOptions, layerEmail, NoAddressKnown } from "./EmailChannel.ts"
export { type EmailContent, emailOf } from "./emailOf.ts"
