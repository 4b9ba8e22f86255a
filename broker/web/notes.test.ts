// Short notes: a newer one about the same takes the place of the older.
import { expect, it } from "vitest";
import { createNotes } from "./notes.ts";

it("replaces what was said about the same thing, and only that", () => {
  const notes = createNotes();
  notes.say("The pool farm is paused.", "done", "pool farm");
  notes.say("The pool desks is paused.", "done", "pool desks");
  notes.say("1 frame asked for again.");
  notes.say("The pool farm takes frames again.", "done", "pool farm");
  const texts = () => notes.shown.map(({ text }) => text);
  expect(texts()).toEqual([
    "The pool desks is paused.",
    "1 frame asked for again.",
    "The pool farm takes frames again.",
  ]);
  notes.say("The broker does not answer.", "failed", "pool farm");
  expect(texts()).toEqual([
    "The pool desks is paused.",
    "1 frame asked for again.",
    "The broker does not answer.",
  ]);
});
