// Tests the places of steps in their drawing.
import { expect, it } from "vitest";
import { placeSteps } from "./steps-graph.ts";

it("puts what waits to the right of what it waits for, and neighbors below one another", () => {
  const places = placeSteps([
    { name: "Bake", dependsOn: [] },
    { name: "Beauty", dependsOn: ["Bake"] },
    { name: "Matte", dependsOn: ["Bake"] },
    { name: "Comp", dependsOn: ["Matte", "Beauty", "Bake"] },
  ]);
  expect(places.map(({ name, column, row }) => `${name} ${column},${row}`)).toEqual([
    "Bake 0,0",
    "Beauty 1,0",
    "Matte 1,1",
    "Comp 2,0",
  ]);
});
