const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/

/** Whether a URL's host is this machine, where text need not be encrypted. */
export const isThisMachine = ({ hostname }: URL): boolean => LOOPBACK.test(hostname)
