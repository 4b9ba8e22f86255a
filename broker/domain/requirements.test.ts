// Which worker can run which step, and why not.
import { expect, test } from "vitest";
import { requirementClass, whyNot, type Capabilities, type Requirements } from "./requirements.ts";

const worker: Capabilities = {
  pool: "local",
  amounts: { "amount.worker.vcpu": 8, "amount.worker.gpu": 1 },
  attributes: { "attr.worker.os.family": ["linux"], "attr.tags": ["Fast", "big"] },
  blenders: [{ series: "4.5", version: "4.5.3", path: "/b", kind: "blender", source: "path" }],
};
const needs = (more: Partial<Requirements> = {}): Requirements => ({
  amounts: [],
  attributes: [],
  pool: null,
  blenderSeries: null,
  ...more,
});

test.each<[string, Partial<Requirements>, string | null]>([
  ["nothing", {}, null],
  ["its pool", { pool: "local" }, null],
  ["another pool", { pool: "cloud" }, "it is not in the pool cloud"],
  ["its Blender", { blenderSeries: "4.5" }, null],
  ["another Blender", { blenderSeries: "5.0" }, "it has no Blender 5.0"],
  ["enough", { amounts: [{ name: "amount.worker.vcpu", min: 8 }] }, null],
  [
    "more than it has",
    { amounts: [{ name: "amount.worker.vcpu", min: 9 }] },
    "it has 8 of amount.worker.vcpu, the step needs 9",
  ],
  [
    "what it has none of",
    { amounts: [{ name: "amount.licence", min: 1 }] },
    "it has 0 of amount.licence, the step needs 1",
  ],
  [
    "no GPU",
    { amounts: [{ name: "amount.worker.gpu", max: 0 }] },
    "it has 1 of amount.worker.gpu, the step allows 0",
  ],
  [
    "names in any case",
    {
      amounts: [{ name: "Amount.Worker.VCPU", min: 1 }],
      attributes: [{ name: "ATTR.tags", anyOf: ["FAST"] }],
    },
    null,
  ],
  ["one of several", { attributes: [{ name: "attr.worker.os.family", anyOf: ["windows", "linux"] }] }, null],
  [
    "none of several",
    { attributes: [{ name: "attr.worker.os.family", anyOf: ["windows"] }] },
    "its attr.worker.os.family is none of windows",
  ],
  ["all of several", { attributes: [{ name: "attr.tags", allOf: ["big", "fast"] }] }, null],
  [
    "not all of several",
    { attributes: [{ name: "attr.tags", allOf: ["big", "new"] }] },
    "its attr.tags is not all of big, new",
  ],
])("needs %s", (_, more, why) => expect(whyNot(needs(more), worker)).toBe(why));

test("a class holds what decides, and only that", () => {
  expect(requirementClass(needs())).toBe(requirementClass(needs()));
  const different = [
    needs(),
    needs({ pool: "cloud" }),
    needs({ blenderSeries: "4.5" }),
    needs({ amounts: [{ name: "amount.worker.vcpu", min: 2 }] }),
    needs({ attributes: [{ name: "attr.tags", anyOf: ["x"] }] }),
  ];
  expect(new Set(different.map(requirementClass)).size).toBe(different.length);
});
