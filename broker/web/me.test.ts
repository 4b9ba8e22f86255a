// What is offered to whom, by what the broker says of them.
import { expect, it } from "vitest";
import { meOf, nobody } from "./me.ts";

const artist = meOf({
  name: "anna",
  role: "artist",
  may: ["submitJob", "setJobIntent", "listJobs"],
  ownOnly: ["setJobIntent"],
});

it("offers what the role may, and on jobs what is theirs", () => {
  expect(artist.may("submitJob")).toBe(true);
  expect(artist.may("setWorkerIntent")).toBe(false);
  expect(artist.may("setJobIntent", { owner: "anna" })).toBe(true);
  expect(artist.may("setJobIntent", { owner: "ben" })).toBe(false);
  expect(artist.may("listJobs", { owner: "ben" })).toBe(true);
});

it("offers an admin everything, whoever owns it, and nobody anything", () => {
  const admin = meOf({ name: "root", role: "admin", may: ["setJobIntent"], ownOnly: [] });
  expect(admin.may("setJobIntent", { owner: "ben" })).toBe(true);
  expect(nobody.may("listJobs")).toBe(false);
});
