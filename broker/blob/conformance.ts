// What every blob store promises, as tests: run for the folder store and for S3 alike, its signed addresses by real HTTP.
import type { SetUp } from "./conformance-kit.ts";
import { describeParts } from "./conformance-parts.ts";
import { describePut } from "./conformance-put.ts";
import { describeSigned } from "./conformance-signed.ts";

/** Registers the suite; `setUp` is called in each test. */
export function describeStore(setUp: SetUp): void {
  describePut(setUp);
  describeSigned(setUp);
  describeParts(setUp);
}
