// Who adds and who removes the same blob never do it at once.
import { expect, test } from "vitest";
import { createBlobGuard } from "./blob-guard.ts";

test("what is being added is not removed; what is being removed is waited for", async () => {
  const guard = createBlobGuard();
  const diary: string[] = [];
  const added = Promise.withResolvers<void>();
  const adding = guard.adding(["a", "b"], async () => {
    await added.promise;
    diary.push("added");
  });
  await guard.removing(["a", "c"], async (free) => diary.push(`removing ${free.join()}`));
  added.resolve();
  await adding;
  const removed = Promise.withResolvers<void>();
  const removing = guard.removing(["a"], async (free) => {
    await removed.promise;
    diary.push(`removed ${free.join()}`);
  });
  await guard.removing(["a"], async (free) => diary.push(`nothing left: ${free.length}`));
  const again = guard.adding(["a"], async () => diary.push("added again"));
  removed.resolve();
  await Promise.all([removing, again]);
  expect(diary).toEqual(["removing c", "added", "nothing left: 0", "removed a", "added again"]);
});

test("who fails holds nobody up", async () => {
  const guard = createBlobGuard();
  const fails = async () => {
    throw new Error("the disk is full");
  };
  await expect(guard.adding(["a"], fails)).rejects.toThrow("full");
  await expect(guard.removing(["a"], fails)).rejects.toThrow("full");
  expect(await guard.removing(["a"], async (free) => free)).toEqual(["a"]);
  expect(await guard.adding(["a"], async () => "added")).toBe("added");
});
