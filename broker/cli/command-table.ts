// Every command of `tally`: its one line of help, and where its code is, read only when it is typed.

export interface LoadedCommand {
  help: string;
  /** Resolves to the exit code. */
  run: (args: string[]) => Promise<number>;
}

export interface Command {
  summary: string;
  load: () => Promise<LoadedCommand>;
}

/** In the order in which they are listed, in groups as a person meets them. */
export const commandGroups: Record<string, Record<string, Command>> = {
  "Render and watch": {
    submit: {
      summary: "Render a .blend, or submit a job template",
      load: async () => {
        const { submit, submitHelp } = await import("./commands/submit.ts");
        return { run: submit, help: submitHelp };
      },
    },
    watch: {
      summary: "Follow a job until it ends",
      load: async () => {
        const { watch, watchHelp } = await import("./commands/watch.ts");
        return { run: watch, help: watchHelp };
      },
    },
    pull: {
      summary: "Bring the files of jobs home, or elsewhere, or into a zip",
      load: async () => {
        const { pull, pullHelp } = await import("./commands/pull.ts");
        return { run: pull, help: pullHelp };
      },
    },
    ls: {
      summary: "List jobs",
      load: async () => {
        const { ls, lsHelp } = await import("./commands/ls.ts");
        return { run: ls, help: lsHelp };
      },
    },
    show: {
      summary: "Show one job: steps, failures, what to do next",
      load: async () => {
        const { show, showHelp } = await import("./commands/show.ts");
        return { run: show, help: showHelp };
      },
    },
    logs: {
      summary: "Print what a frame's renderer said",
      load: async () => {
        const { logs, logsHelp } = await import("./commands/logs.ts");
        return { run: logs, help: logsHelp };
      },
    },
  },
  "Change a job": {
    cancel: {
      summary: "Stop a job for good",
      load: async () => {
        const { cancel, cancelHelp } = await import("./commands/intent.ts");
        return { run: cancel, help: cancelHelp };
      },
    },
    pause: {
      summary: "Finish the frames being rendered, start no more",
      load: async () => {
        const { pause, pauseHelp } = await import("./commands/intent.ts");
        return { run: pause, help: pauseHelp };
      },
    },
    resume: {
      summary: "Go on with a paused job",
      load: async () => {
        const { resume, resumeHelp } = await import("./commands/intent.ts");
        return { run: resume, help: resumeHelp };
      },
    },
    requeue: {
      summary: "Render frames again: failed ones, some, or all",
      load: async () => {
        const { requeue, requeueHelp } = await import("./commands/requeue.ts");
        return { run: requeue, help: requeueHelp };
      },
    },
    priority: {
      summary: "Let a job go before others, or after them",
      load: async () => {
        const { priority, priorityHelp } = await import("./commands/priority.ts");
        return { run: priority, help: priorityHelp };
      },
    },
  },
  "This machine": {
    serve: {
      summary: "Run the broker",
      load: async () => {
        const { serve, serveHelp } = await import("./commands/serve.ts");
        return { run: serve, help: serveHelp };
      },
    },
    page: {
      summary: "Print a new address of the status page",
      load: async () => {
        const { page, pageHelp } = await import("./commands/page.ts");
        return { run: page, help: pageHelp };
      },
    },
    stop: {
      summary: "Stop the broker",
      load: async () => {
        const { stop, stopHelp } = await import("./commands/stop.ts");
        return { run: stop, help: stopHelp };
      },
    },
    workers: {
      summary: "List workers, pause one or a whole pool, or let one finish and leave",
      load: async () => {
        const { workers, workersHelp } = await import("./commands/workers.ts");
        return { run: workers, help: workersHelp };
      },
    },
    blender: {
      summary: "List the Blenders here, or install one",
      load: async () => {
        const { blender, blenderHelp } = await import("./commands/blender.ts");
        return { run: blender, help: blenderHelp };
      },
    },
    clean: {
      summary: "Free the broker's disk of bytes that nobody needs",
      load: async () => {
        const { clean, cleanHelp } = await import("./commands/clean.ts");
        return { run: clean, help: cleanHelp };
      },
    },
    token: {
      summary: "Make, list and revoke tokens for people and machines",
      load: async () => {
        const { token, tokenHelp } = await import("./commands/token.ts");
        return { run: token, help: tokenHelp };
      },
    },
    doctor: {
      summary: "Say what is missing, and how to mend it",
      load: async () => {
        const { doctor, doctorHelp } = await import("./commands/doctor.ts");
        return { run: doctor, help: doctorHelp };
      },
    },
  },
  "Job templates": {
    templates: {
      summary: "List the templates that come with the broker",
      load: async () => {
        const { templates, templatesHelp } = await import("./commands/templates.ts");
        return { run: templates, help: templatesHelp };
      },
    },
    check: {
      summary: "Check template files",
      load: async () => {
        const { check, checkHelp } = await import("./commands/check.ts");
        return { run: check, help: checkHelp };
      },
    },
    plan: {
      summary: "List the tasks that a template would make",
      load: async () => {
        const { plan, planHelp } = await import("./commands/plan.ts");
        return { run: plan, help: planHelp };
      },
    },
    run: {
      summary: "Run a template here, without a broker",
      load: async () => {
        const { run, runHelp } = await import("./commands/run.ts");
        return { run, help: runHelp };
      },
    },
  },
};

/** Every command by its name. */
export const commands: Record<string, Command> = Object.assign({}, ...Object.values(commandGroups));
