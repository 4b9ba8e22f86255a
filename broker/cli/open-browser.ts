// Opens an address in the browser of whoever types, without a shell.
import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";

/** The program that opens an address on each system, and what comes before the address. */
const openers: Partial<Record<NodeJS.Platform, readonly [program: string, ...before: string[]]>> = {
  darwin: ["open"],
  win32: ["rundll32.exe", "url.dll,FileProtocolHandler"],
};

/** A program that has not complained by then has opened it, or is the browser itself, ms. */
const patienceMs = 3000;

/** Resolves to whether it could be opened. */
export async function openInBrowser(url: string, platform = process.platform): Promise<boolean> {
  const [program, ...before] = openers[platform] ?? ["xdg-open"];
  const child = spawn(program, [...before, url], { stdio: "ignore", detached: true, windowsHide: true });
  const patience = new AbortController();
  const ended = new Promise<boolean>((done) => {
    child.once("error", () => done(false));
    child.once("exit", (code) => done(code === 0));
  });
  const waited = pause(patienceMs, true, { signal: patience.signal }).catch(() => true);
  const isOpen = await Promise.race([ended, waited]);
  patience.abort();
  child.unref();
  return isOpen;
}
