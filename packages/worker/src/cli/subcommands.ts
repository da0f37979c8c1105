/** The commands by their names. Each is loaded when it is asked for: loading modules is most of what a start takes. */

const loads = {
  demo: async () => (await import("./commands/demo.ts")).demo,
  migrate: async () => (await import("./commands/migrate.ts")).migrate,
  work: async () => (await import("./commands/work.ts")).work,
  dispatch: async () => (await import("./commands/dispatch.ts")).dispatch,
  runs: async () => (await import("./commands/runs.ts")).runs,
  schedules: async () => (await import("./commands/schedules.ts")).schedules,
  explain: async () => (await import("./commands/explain.ts")).explain,
  impact: async () => (await import("./commands/impact.ts")).impact,
  pause: async () => (await import("./commands/pause.ts")).pause,
  resume: async () => (await import("./commands/pause.ts")).resume,
  pauses: async () => (await import("./commands/pause.ts")).pauses,
  audit: async () => (await import("./commands/audit.ts")).audit,
  events: async () => (await import("./commands/events.ts")).events,
  monitor: async () => (await import("./commands/monitor.ts")).monitor,
  doctor: async () => (await import("./commands/doctor.ts")).doctor
}

const isCommand = (name: string): name is keyof typeof loads => Object.hasOwn(loads, name)

/** The command that these arguments begin with; all of them when they begin with none, as a call for help does. */
export const subcommandsFor = ([first = ""]: ReadonlyArray<string>) =>
  isCommand(first) ? Promise.all([loads[first]()]) : Promise.all(Object.values(loads).map((load) => load()))
