// The state machines, pair by pair: every state with every event, written out once more by hand.
import { describe, expect, test } from "vitest";
import { attemptStates, taskStates, workerStates } from "../contract/states.ts";
import {
  attemptMachine,
  nextState,
  statesAccepting,
  targetOf,
  taskMachine,
  workerMachine,
} from "./machine.ts";

type Table = Record<string, Record<string, string>>;
const machines: [string, Table, readonly string[], string][] = [
  [
    "task",
    taskMachine,
    taskStates,
    `blocked unblock ready | blocked cancel canceled | ready lease running | ready cancel canceled | ready block blocked |
     running succeed succeeded | running retry ready | running fail failed | running cancel canceled | running release ready |
     succeeded requeue ready | succeeded requeueBlocked blocked | failed requeue ready | failed requeueBlocked blocked |
     canceled requeue ready | canceled requeueBlocked blocked`,
  ],
  [
    "attempt",
    attemptMachine,
    attemptStates,
    `leased start started | leased succeed succeeded | leased fail failed | leased release released | leased expire expired |
     leased cancel canceled | started succeed succeeded | started fail failed | started release released |
     started expire expired | started cancel canceled`,
  ],
  [
    "worker",
    workerMachine,
    workerStates,
    `idle lease busy | idle pause paused | idle drain draining | idle leave stopped | idle lose lost |
     busy free idle | busy pause pausing | busy drain draining | busy leave stopped | busy lose lost |
     pausing free paused | pausing resume busy | pausing drain draining | pausing leave stopped | pausing lose lost |
     paused resume idle | paused drain draining | paused leave stopped | paused lose lost |
     draining undrain idle | draining pause pausing | draining leave stopped | draining lose lost |
     lost return idle | lost returnPaused paused | lost leave stopped`,
  ],
];

describe.each(machines)("%s", (_, machine, states, legal) => {
  const expected = new Map(
    legal.split("|").map((line) => {
      const [state, event, next] = line.trim().split(" ");
      return [`${state} ${event}`, next];
    }),
  );
  const events = [...new Set(Object.values(machine).flatMap((row) => Object.keys(row)))];
  const pairs = states.flatMap((state) => events.map((event) => [state, event] as const));

  test("has a row for every state of the contract, and no other", () => {
    expect(Object.keys(machine).toSorted()).toEqual([...states].toSorted());
  });

  test.each(pairs)("%s + %s", (state, event) => {
    expect(nextState(machine as never, state, event)).toBe(expected.get(`${state} ${event}`));
  });

  test("nothing legal is missing from the table, and every target is a state", () => {
    const known = Object.entries(machine).flatMap(([state, row]) =>
      Object.keys(row).map((event) => `${state} ${event}`),
    );
    expect(known.toSorted()).toEqual([...expected.keys()].toSorted());
    for (const row of Object.values(machine))
      for (const next of Object.values(row)) expect(states).toContain(next);
  });
});

test("guards and targets for SQL come from the table", () => {
  expect(statesAccepting(taskMachine, "requeue")).toEqual(["succeeded", "failed", "canceled"]);
  expect(statesAccepting(attemptMachine, "expire")).toEqual(["leased", "started"]);
  expect(targetOf(taskMachine, "retry")).toBe("ready");
  expect(() => targetOf(taskMachine, "explode")).toThrow("0 targets");
});

test("a closed attempt accepts nothing", () => {
  for (const state of ["succeeded", "failed", "released", "expired", "canceled"] as const)
    expect(attemptMachine[state]).toEqual({});
});
