// What a mistake in tally.yaml is told like, and what counts as a named port.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testFolder } from "../test/support/start-broker.ts";
import { listensAt, readConfig } from "./config.ts";

function folderWith(text: string): string {
  const folder = testFolder();
  writeFileSync(join(folder, "tally.yaml"), text);
  return folder;
}

test.each([
  [
    "pools: {local: {kind: local, slot: 2}}",
    "pools.local: there is no setting `slot` here; there are: kind, slots.",
  ],
  [
    "pools: {farm: {kind: joined, slots: 2}}",
    "pools.farm: there is no setting `slots` here; there are: kind.",
  ],
  [
    "listn: {}",
    "there is no setting `listn` here; there are: listen, publicUrl, allowedHosts, pools, storage, sharedRoots, retention, blenders, limits.",
  ],
  ["limits: {leaseTermSeconds: soon}", 'limits.leaseTermSeconds must be a number, not the text "soon".'],
  ["limits: {maxTasksPerJob: 1.5}", "limits.maxTasksPerJob must be a whole number, not 1.5."],
  ["limits: {renewEverySeconds: 0}", "limits.renewEverySeconds must be more than 0, not 0."],
  ["retention: {eventDays: 0}", "retention.eventDays must be at least 1, not 0."],
  ["retention: {eventDays: null}", "retention.eventDays must be a number, not null."],
  ["retention: {eventRows: 999}", "retention.eventRows must be at least 1000, not 999."],
  ["retention: {eventRows: 1e9}", "retention.eventRows must be at most 100000000, not 1000000000."],
  ["listen: {port: 70000}", "listen.port must be at most 65535, not 70000."],
  ["listen: 7878", "listen must be settings of its own, a line each, not 7878."],
  ["blenders: /opt/blender", 'blenders must be a list, not the text "/opt/blender".'],
  ["blenders: [5]", "blenders.0 must be text, not 5."],
  [
    "publicUrl: render",
    'publicUrl must be an address such as http://render.example:7878, not the text "render".',
  ],
  ["pools: {local: {kind: cloud}}", 'pools.local.kind must be local or joined, not the text "cloud".'],
  ["pools: {local: {}}", "pools.local.kind must be local or joined; nothing is written there."],
  ["- a", "The file must be settings of its own, a line each, not a list."],
])("%s", (text, sentence) => {
  const folder = folderWith(text);
  expect(() => readConfig(folder)).toThrow(
    `${join(folder, "tally.yaml")} has a mistake:\n  ${sentence}\n  All settings: docs/config.md`,
  );
});

test("a port is named when tally.yaml names it, even the usual one", () => {
  expect(listensAt(testFolder())).toEqual({ host: "127.0.0.1", port: 7878, isPortNamed: false });
  expect(listensAt(folderWith(""))).toMatchObject({ isPortNamed: false });
  expect(listensAt(folderWith("listen: {host: localhost}"))).toMatchObject({
    host: "localhost",
    isPortNamed: false,
  });
  expect(listensAt(folderWith("listen: {port: 7878}"))).toMatchObject({ port: 7878, isPortNamed: true });
});
