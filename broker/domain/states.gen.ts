// Writes docs/states.md from the tables of the state machines.
import { jobStates } from "../contract/states.ts";
import { attemptMachine, taskMachine, workerMachine } from "./machine.ts";
import { isOver } from "./rollup.ts";

type Table = Record<string, Partial<Record<string, string>>>;

function diagram(machine: Table, first: string): string {
  const lines = Object.entries(machine).flatMap(([state, row]) => {
    const byTarget = Map.groupBy(Object.entries(row), ([, target]) => target ?? "");
    const arrows = [...byTarget].map(
      ([target, events]) => `  ${state} --> ${target}: ${events.map(([event]) => event).join(", ")}`,
    );
    return arrows.length === 0 ? [`  ${state} --> [*]`] : arrows;
  });
  return ["```mermaid", "stateDiagram-v2", `  [*] --> ${first}`, ...lines, "```"].join("\n");
}

function table(machine: Table): string {
  const events = [...new Set(Object.values(machine).flatMap((row) => Object.keys(row)))];
  const head = `| | ${events.join(" | ")} |\n|---${"|---".repeat(events.length)}|`;
  const rows = Object.entries(machine).map(
    ([state, row]) => `| **${state}** | ${events.map((event) => row[event] ?? "").join(" | ")} |`,
  );
  return [head, ...rows].join("\n");
}

/** The files this makes. */
export function generate(): Record<string, string> {
  const text = `# States

Generated from \`broker/domain/machine.ts\` by \`npm run gen\`. Do not change it here. A cell is the state after the event; an empty one is refused.

## A task (a frame)

${diagram(taskMachine, "ready")}

${table(taskMachine)}

A task of a step that depends on another begins as \`blocked\`. A requeue raises the generation.

## An attempt (a try)

${diagram(attemptMachine, "leased")}

${table(attemptMachine)}

Closed attempts never change.

## A worker

${diagram(workerMachine, "idle")}

${table(workerMachine)}

What a person asks of a worker holds until they ask for something else. A pause outlives the agent, its machine and the broker: whoever comes under that name in that pool begins as \`paused\`, and nobody is started in its place. A pool can be paused as a whole: who would run in it is paused with it. A worker that drains and is asked to pause while it has no frame is \`paused\` at once.

## A job

A job has no machine of its own: its state follows from what was asked of it and how its tasks stand (\`broker/domain/rollup.ts\`). The first that fits:

| state | when |
|---|---|
| \`loading\` | it is being stored; nobody sees it yet |
| \`canceling\` | told to cancel, and a frame is not over |
| \`canceled\` | told to cancel, and every frame is over |
| \`running\` | a frame is being rendered, or the failure limit stopped it and frames are not over |
| \`pausing\`, \`paused\` | told to pause: with and without a frame being rendered |
| \`queued\` | frames wait |
| \`failed\` | nothing waits, and a frame failed |
| \`succeeded\` | every frame succeeded |

Over, until somebody asks for frames anew: ${jobStates
    .filter(isOver)
    .map((state) => `\`${state}\``)
    .join(", ")}.
`;
  return { "docs/states.md": text };
}
